"""Bills that draw on more credits than one transaction holds (decisions/0018). Time stands at 15 January 2026."""

from typing import Any

import pytest

from tests.unit.application.billing.test_crashes import deliver_until_done
from tests.unit.application.billing.test_credits import DECEMBER, balance, ledger, left, new_world, subscribed
from tests.unit.application.billing.world import World
from tests.unit.application.notifications.fuse import Fuse, Killed
from usance.application.billing import delete_bill
from usance.application.billing.credits import ahead
from usance.application.billing.credits.book import AHEAD
from usance.application.ports.entities import Put

BALANCES = 4


@pytest.fixture(autouse=True)
def small_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "CREDITS_AT_ONCE", 2)
    for module in (ahead, delete_bill):
        monkeypatch.setattr(module, "BESIDE_MAX", 2 * ahead.ROWS_OF_TRANSACTION)


@pytest.fixture
def world() -> World:
    return new_world()


def paid_by_many(world: World) -> list[str]:
    account = subscribed(world, BALANCES + 3)
    return [balance(world, account, 1) for _ in range(BALANCES)]


def records(world: World) -> list[Any]:
    return [key for key in world.org.store.rows if key[1] == AHEAD]


def lefts(world: World, held: list[str]) -> list[int]:
    return [int(left(world, one)) for one in held]


def outcome(at: int | None) -> tuple[Any, int]:
    """What stands after a job whose worker dies at step `at`, and how many steps it took."""
    world = new_world()
    held = paid_by_many(world)
    world.post("/billjobs", {"lastDateInBillingPeriod": DECEMBER})
    fuse = Fuse(at)
    deliver_until_done(world, fuse)
    (bill,) = world.all_bills(includeBillTotal="true")
    return (bill["billTotal"], lefts(world, held), [ledger(world, one) for one in held], records(world)), fuse.steps


def test_a_killed_worker_draws_once_on_each_of_many_credits() -> None:
    expected, steps = outcome(None)
    assert (expected[0], set(expected[1]), expected[3]) == (3, {0}, [])
    for at in range(1, steps + 1):
        assert outcome(at)[0] == expected, f"killed at step {at}"


def dying_in_the_second_part(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the process end once, when a first part of the credits has changed."""
    commit, calls = world.org.store.commit, list[bool]()

    def dying(org_id: str, changes: Any) -> None:
        calls.append(any(isinstance(one, Put) and one.type == AHEAD for one in changes))
        if calls[-1] and calls.count(True) == 2:
            raise Killed
        commit(org_id, changes)

    monkeypatch.setattr(world.org.store, "commit", dying)


def run_that_dies(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run over December whose worker ends in the middle of its draws, and whose message is lost."""
    world.post("/billjobs", {"lastDateInBillingPeriod": DECEMBER})
    dying_in_the_second_part(world, monkeypatch)
    with pytest.raises(Killed):
        world.drain()
    world.queue.take()


def test_credits_get_back_what_was_drawn_for_a_bill_that_cannot_be_made_any_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = paid_by_many(world)
    run_that_dies(world, monkeypatch)
    assert (sum(lefts(world, held)), len(records(world))) == (BALANCES - ahead.CREDITS_AT_ONCE, 1)
    world.org.make("currency", name="Euro", code="EUR")
    world.configure(currency="EUR", currencyConversions=[])
    assert world.run()["billIds"] == []
    assert (sum(lefts(world, held)), records(world)) == (BALANCES, [])
    assert all(len(ledger(world, one)) == 1 for one in held)


def test_a_bill_that_was_locked_while_it_was_calculated_again_keeps_its_draws(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = paid_by_many(world)
    bill = world.bill(world.run())
    before = [ledger(world, one) for one in held]
    account = world.org.client.get(f"/accounts/{bill['accountId']}").json
    for one in held:
        document = world.org.client.get(f"/balances/{one}").json
        assert world.org.client.put(f"/balances/{one}", {**document, "endDate": "2025-12-02T00:00:00Z"}).status == 200
    run_that_dies(world, monkeypatch)
    assert sum(lefts(world, held)) > 0
    world.put(f"/bills/{bill['id']}/status", {"status": "APPROVED"})
    world.put(f"/bills/{bill['id']}/lock")
    assert world.run(accountIds=[account["id"]])["billIds"] == []
    assert (lefts(world, held), [ledger(world, one) for one in held]) == ([0] * BALANCES, before)
    assert records(world) == []


def test_a_deletion_gives_back_to_more_credits_than_one_transaction_holds(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = paid_by_many(world)
    bill = world.bill(world.run())
    dying_in_the_second_part(world, monkeypatch)
    with pytest.raises(Killed):
        world.client.delete(f"/bills/{bill['id']}")
    assert sum(lefts(world, held)) == ahead.CREDITS_AT_ONCE
    refused = world.client.put(f"/bills/{bill['id']}/status", {"status": "APPROVED"})
    assert (refused.status, "was not deleted to the end" in refused.message) == (400, True)
    assert world.bill(world.run())["billTotal"] == 3
    assert (sum(lefts(world, held)), records(world)) == (0, [])
    assert world.client.delete(f"/bills/{bill['id']}").status == 200
    assert (sum(lefts(world, held)), records(world)) == (BALANCES, [])

"""Bills that draw on more credits than one transaction holds (decisions/0018). Time stands at 15 January 2026."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.application.billing.test_crashes import deliver_until_done
from tests.unit.application.billing.test_credits import DECEMBER, balance, ledger, left, new_world, subscribed, top_up
from tests.unit.application.billing.world import World
from tests.unit.application.notifications.fuse import Fuse, Killed
from usance.application.billing.credits import ahead
from usance.application.billing.credits.on_record import AHEAD
from usance.application.billing.credits.sweep import settle_left_draws
from usance.application.ports.bills import BillQuery
from usance.application.ports.entities import Put

BALANCES = 4


@pytest.fixture(autouse=True)
def small_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "CREDITS_AT_ONCE", 2)
    monkeypatch.setattr(ahead, "BESIDE_MAX", 2 * ahead.ROWS_OF_TRANSACTION)


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


def dying(world: World, monkeypatch: pytest.MonkeyPatch, *, commit: int) -> None:
    """Make the process end once, instead of the `commit`-th change of a record."""
    original, calls = world.org.store.commit, list[bool]()

    def deadly(org_id: str, changes: Any) -> None:
        calls.append(any(isinstance(one, Put) and one.type == AHEAD for one in changes))
        if calls[-1] and calls.count(True) == commit:
            raise Killed
        original(org_id, changes)

    monkeypatch.setattr(world.org.store, "commit", deadly)


def run_that_dies(world: World, monkeypatch: pytest.MonkeyPatch, *, commit: int = 2) -> None:
    """A run over December whose worker ends in the middle of its draws, and whose message is lost."""
    world.post("/billjobs", {"lastDateInBillingPeriod": DECEMBER})
    dying(world, monkeypatch, commit=commit)
    with pytest.raises(Killed):
        world.drain()
    world.queue.take()


def sweep(world: World, hours: int = 2, *, late: bool = False) -> int:
    """The schedule comes by hours later."""
    at = world.clock.now() + timedelta(hours=hours)
    return settle_left_draws(world.stores, at, lambda: late)


def end_early(world: World, held: list[str]) -> None:
    """Balances that end on 2 December pay for one day of the month."""
    for one in held:
        document = world.org.client.get(f"/balances/{one}").json
        assert world.org.client.put(f"/balances/{one}", {**document, "endDate": "2025-12-02T00:00:00Z"}).status == 200


def lock(world: World, bill_id: str) -> None:
    world.put(f"/bills/{bill_id}/status", {"status": "APPROVED"})
    world.put(f"/bills/{bill_id}/lock")


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


def test_credits_get_back_what_was_drawn_for_a_bill_that_no_run_makes_any_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = paid_by_many(world)
    run_that_dies(world, monkeypatch)
    assert world.org.client.delete(f"/accountplans/{world.account_plan['id']}").status == 200
    assert world.run()["billIds"] == []
    assert sum(lefts(world, held)) == BALANCES - ahead.CREDITS_AT_ONCE
    assert (sweep(world, hours=0), sweep(world, late=True), len(records(world))) == (0, 0, 1)
    assert (sweep(world), sweep(world)) == (1, 0)
    assert (sum(lefts(world, held)), records(world)) == (BALANCES, [])
    assert all(len(ledger(world, one)) == 1 for one in held)


def test_credits_that_are_changing_are_left_to_the_next_sweep(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    held = paid_by_many(world)
    run_that_dies(world, monkeypatch)
    original = world.org.store.get_many

    def moved_after_it_was_read(org_id: str, type_: str, ids: Any) -> Any:
        found = original(org_id, type_, ids)
        if type_ == "balance":
            monkeypatch.undo()
            top_up(world, held[0], 1)
        return found

    monkeypatch.setattr(world.org.store, "get_many", moved_after_it_was_read)
    assert (sweep(world), len(records(world))) == (0, 1)
    assert (sweep(world), records(world)) == (1, [])
    assert sum(lefts(world, held)) == BALANCES + 1


def test_a_bill_that_was_locked_while_it_was_calculated_again_gives_back_what_it_drew_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = subscribed(world, 1)
    held = [balance(world, account, 1) for _ in range(BALANCES)]
    bill = world.bill(world.run())
    before = [ledger(world, one) for one in held]
    world.use(account, "2025-12-05T00:00:00Z", 9)
    run_that_dies(world, monkeypatch)
    assert sum(lefts(world, held)) < BALANCES - 1
    lock(world, bill["id"])
    assert world.run(accountIds=[account["id"]])["billIds"] == []
    assert (sum(lefts(world, held)), [ledger(world, one) for one in held]) == (BALANCES - 1, before)
    assert records(world) == []


def test_what_a_bill_draws_no_more_is_given_back_after_it_is_stored(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, others could spend it; and the bill, once locked, would be paid by what is gone."""
    held = paid_by_many(world)
    bill = world.bill(world.run())
    end_early(world, held)
    run_that_dies(world, monkeypatch, commit=1)
    assert (lefts(world, held), records(world)) == ([0] * BALANCES, [])
    run_that_dies(world, monkeypatch, commit=3)
    after = world.get(f"/bills/{bill['id']}")
    assert after["billTotal"] > bill["billTotal"]
    assert 0 in lefts_exactly(world, held)
    lock(world, bill["id"])
    assert sweep(world) == 1
    assert lefts_exactly(world, held) == [1 + sum_on_bills(world, one) for one in held]
    assert records(world) == []


def test_a_deletion_gives_back_to_more_credits_than_one_transaction_holds(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = paid_by_many(world)
    bill = world.bill(world.run())
    dying(world, monkeypatch, commit=3)
    with pytest.raises(Killed):
        world.client.delete(f"/bills/{bill['id']}")
    assert sum(lefts(world, held)) == ahead.CREDITS_AT_ONCE
    assert world.client.get(f"/bills/{bill['id']}").status == 404
    assert world.client.delete(f"/bills/{bill['id']}").status == 404
    assert (sum(lefts(world, held)), records(world)) == (BALANCES, [])
    assert world.bill(world.run())["billTotal"] == 3
    assert (sum(lefts(world, held)), records(world)) == (0, [])
    assert world.client.delete(f"/bills/{bill['id']}").status == 200
    assert (sum(lefts(world, held)), records(world)) == (BALANCES, [])


def lefts_exactly(world: World, held: list[str]) -> list[Any]:
    return [left(world, one) for one in held]


def sum_on_bills(world: World, balance_id: str) -> Decimal:
    """What the line items of bills take off a balance; not above 0."""
    headers = world.bills.list_page(world.org.id, BillQuery(), page_size=100).data
    lines = [line for header in headers for line in world.bills.line_items(world.org.id, header["id"])]
    taken = (line["subtotal"] for line in lines if line.get("balanceId") == balance_id)
    return sum((one for one in taken if one < 0), Decimal(0))


@dataclass
class Meanwhile(Fuse):
    """Does something else at step `at`, and sees at every step that no balance has more than bills leave it."""

    world: World | None = None
    held: Sequence[str] = ()
    put_on: int = 2
    other: Callable[[World], object] = lambda _: None

    def burn(self) -> None:
        assert self.world
        self.steps += 1
        if self.steps == self.at:
            self.other(self.world)
        for document in self.world.org.store.get_many(self.world.org.id, "balance", list(self.held)):
            assert 0 <= document["amount"] <= self.put_on + sum_on_bills(self.world, document["id"])


def bill_of(world: World) -> str | None:
    found = world.bills.list_page(world.org.id, BillQuery(), page_size=1).data
    return found[0]["id"] if found else None


def more_usage(world: World) -> None:
    (account,) = world.org.store.list_all(world.org.id, "account", filters={})
    world.use(account, "2025-12-05T00:00:00Z", 4)


def calculate_again(world: World) -> None:
    more_usage(world)
    world.run()


def calculate_again_for_less(world: World) -> None:
    end_early(world, [one["id"] for one in world.org.store.list_all(world.org.id, "balance", filters={})][:3])
    world.run()


def delete(world: World) -> None:
    if bill_id := bill_of(world):
        assert world.client.delete(f"/bills/{bill_id}").status == 200


def lock_it(world: World) -> None:
    if bill_id := bill_of(world):
        lock(world, bill_id)


OTHERS: dict[str, Callable[[World], object]] = {
    "more": calculate_again,
    "less": calculate_again_for_less,
    "delete": delete,
    "lock": lock_it,
    "sweep": sweep,
}
FIRST: dict[str, Callable[[World], object]] = {
    "made": lambda _: None,
    "more": lambda world: (world.run(), more_usage(world)),
    "less": lambda world: (more_usage(world), world.run(), end_early(world, [_last(world)])),
}


def _last(world: World) -> str:
    return str(world.org.store.list_all(world.org.id, "balance", filters={})[0]["id"])


def interfered(first: str, other: str, at: int | None) -> int:
    """How many steps a run took at whose step `at` something else happened; after all, balances are what bills leave them."""
    world = new_world()
    account = subscribed(world, 5)
    held = [balance(world, account, 2) for _ in range(BALANCES)]
    FIRST[first](world)
    world.post("/billjobs", {"lastDateInBillingPeriod": DECEMBER})
    fuse = Meanwhile(at, world=world, held=held, other=OTHERS[other])
    deliver_until_done(world, fuse)
    sweep(world)
    assert records(world) == []
    assert lefts_exactly(world, held) == [2 + sum_on_bills(world, one) for one in held]
    for one in held:
        assert sum(amount for _, amount in ledger(world, one)) == left(world, one)
    return fuse.steps


# Between two calls all is the same. Each pair takes every fifth of these moments, and its neighbours the others: all of them take a minute.
APART = 5


@pytest.mark.parametrize(("shift", "other"), list(enumerate(OTHERS)))
@pytest.mark.parametrize("first", FIRST)
def test_whatever_happens_meanwhile_no_credit_is_spent_twice_or_lost(first: str, shift: int, other: str) -> None:
    for at in range(2 * (shift + 1), interfered(first, other, None) + 1, 2 * APART):
        interfered(first, other, at)

"""Schedules of balances, run by the billing schedule (billing.md 9.5)."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from tests.unit.application.billing.world import World
from usance.application.credit import run_schedules
from usance.application.credit.run_schedules import run_balance_schedules
from usance.application.ports.entities import Delete, Put
from usance.domain.kernel.errors import DuplicateCodeError, UnavailableError, VersionConflictError
from usance.resources.instants import from_text


@pytest.fixture
def world() -> World:
    world = World()
    world.configure(timezone="UTC")
    return world


def run(world: World, at: str, time_is_up: Callable[[], bool] = lambda: False) -> int:
    return run_balance_schedules(world.org.store, from_text(at), time_is_up)


def read(world: World, path: str, **query: Any) -> Any:
    answer = world.org.client.get(path, **query)
    assert answer.status == 200, answer.text
    return answer.json


def transactions(world: World, balance_id: str) -> list[dict[str, Any]]:
    return list(reversed(read(world, f"/balances/{balance_id}/transactions")["data"]))


def schedule(world: World, made: dict[str, Any], kind: str = "charge") -> dict[str, Any]:
    return dict(read(world, f"/balances/{made['balanceId']}/balance{kind}schedules/{made['id']}"))


def test_each_period_has_one_charge_on_the_bill_of_its_day(world: World) -> None:
    made = world.org.make("balanceChargeSchedule", name="Fee", chargeDescription="Quarter")
    assert run(world, "2025-12-31T23:45:00Z") == 0
    assert run(world, "2026-01-01T00:00:00Z") == 1
    assert run(world, "2026-01-01T00:15:00Z") == 0
    [charge] = read(world, "/charges", scheduleId=made["id"])["data"]
    balance = read(world, f"/balances/{made['balanceId']}")
    assert (charge["accountId"], charge["entityId"]) == (balance["accountId"], balance["id"])
    assert (charge["entityType"], charge["lineItemType"], charge["amount"]) == ("BALANCE", "BALANCE_FEE", 300)
    assert (charge["billDate"], charge["servicePeriodEndDate"]) == ("2026-01-01", "2026-04-01T00:00:00Z")
    assert (charge["createdBy"], charge["version"]) == ("SCHEDULER", 1)
    now = schedule(world, made)
    assert (now["previousRun"], now["nextRun"]) == ("2026-01-01T00:00:00Z", "2026-04-01T00:00:00Z")
    bill = world.bill(world.run())
    [line] = bill["lineItems"]
    assert (line["lineItemType"], line["subtotal"], line["description"]) == ("BALANCE_FEE", 300, "Fee: Quarter")
    assert read(world, f"/charges/{charge['id']}")["billId"] == bill["id"]


def test_an_outage_is_made_up_for_and_the_schedule_ends(world: World) -> None:
    made = world.org.make("balanceChargeSchedule")
    assert run(world, "2027-03-01T00:00:00Z") == 4
    days = [charge["billDate"] for charge in read(world, "/charges", scheduleId=made["id"])["data"]]
    assert sorted(days) == ["2026-01-01", "2026-04-01", "2026-07-01", "2026-10-01"]
    now = schedule(world, made)
    assert (now["previousRun"], now.get("nextRun")) == ("2026-10-01T00:00:00Z", None)
    assert run(world, "2028-01-01T00:00:00Z") == 0


def test_a_day_that_two_periods_fall_due_on_is_one_run_of_two_charges(world: World) -> None:
    made = world.org.make(
        "balanceChargeSchedule",
        billInAdvance=False,
        servicePeriodEndDate="2026-04-01T10:00:00Z",
        billFrequencyInterval=1,
    )
    assert run(world, "2026-04-01T00:00:00Z") == 3
    charges = read(world, "/charges", scheduleId=made["id"])["data"]
    assert sorted(charge["billDate"] for charge in charges) == ["2026-02-01", "2026-03-01", "2026-04-01", "2026-04-01"]
    assert "nextRun" not in schedule(world, made)


def test_transactions_move_the_balance_once_each(world: World) -> None:
    made = world.org.make("balanceTransactionSchedule", paid=40, currencyPaid="EUR")
    assert run(world, "2026-03-30T00:00:00Z") == 2
    assert run(world, "2026-03-30T00:00:00Z") == 0
    done = transactions(world, made["balanceId"])
    assert [one["appliedDate"][:10] for one in done] == ["2026-01-31", "2026-02-28"]
    for one in done:
        assert (one["entityType"], one["entityId"], one["amount"]) == ("SCHEDULER", made["id"], 50)
        assert (one["description"], one["currencyPaid"], one["createdBy"]) == ("Grant", "EUR", "SCHEDULER")
    balance = read(world, f"/balances/{made['balanceId']}")
    assert (balance["amount"], balance["version"]) == (100, 3)
    now = schedule(world, made, "transaction")
    assert (now["previousRun"], now["nextRun"]) == ("2026-02-28T00:00:00Z", "2026-03-31T00:00:00Z")


def test_a_changed_schedule_goes_on_after_what_it_did(world: World) -> None:
    made = world.org.make("balanceTransactionSchedule")
    run(world, "2026-02-01T00:00:00Z")
    path = f"/balances/{made['balanceId']}/balancetransactionschedules/{made['id']}"
    assert world.org.client.put(path, {**schedule(world, made, "transaction"), "amount": 80}).status == 200
    run(world, "2026-02-28T00:00:00Z")
    assert [one["amount"] for one in transactions(world, made["balanceId"])] == [50, 80]


def test_rivals_do_each_run_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made = world.org.make("balanceTransactionSchedule")
    commit = world.org.store.commit

    def rival(org_id: str, changes: Sequence[Put | Delete]) -> None:
        monkeypatch.setattr(world.org.store, "commit", commit)
        assert run(world, "2026-01-31T00:00:00Z") == 1
        commit(org_id, changes)

    monkeypatch.setattr(world.org.store, "commit", rival)
    assert run(world, "2026-01-31T00:00:00Z") == 0
    assert read(world, f"/balances/{made['balanceId']}")["amount"] == 50


def test_a_crash_leaves_a_run_to_be_done_whole(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made = world.org.make("balanceTransactionSchedule")

    def crash(*_: Any) -> None:
        raise UnavailableError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(world.org.store, "commit", crash)
        with pytest.raises(UnavailableError):
            run(world, "2026-01-31T00:00:00Z")
    assert transactions(world, made["balanceId"]) == []
    assert run(world, "2026-01-31T00:00:00Z") == 1
    assert read(world, f"/balances/{made['balanceId']}")["amount"] == 50


@pytest.mark.parametrize("refusal", [VersionConflictError, DuplicateCodeError])
def test_a_schedule_that_cannot_act_keeps_no_other_from_it(
    world: World, monkeypatch: pytest.MonkeyPatch, refusal: type[Exception]
) -> None:
    world.org.make("balanceChargeSchedule")
    other = world.org.make("balanceTransactionSchedule")
    commit = world.org.store.commit

    def refuse(org_id: str, changes: Sequence[Put | Delete]) -> None:
        if any(isinstance(change, Put) and change.type == "charge" for change in changes):
            raise refusal("no")
        commit(org_id, changes)

    monkeypatch.setattr(world.org.store, "commit", refuse)
    assert run(world, "2026-01-31T00:00:00Z") == 1
    assert len(transactions(world, other["balanceId"])) == 1


def test_a_long_backlog_is_worked_off_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_schedules, "RUNS_A_TURN", 3)
    made = world.org.make("balanceTransactionSchedule")
    assert [run(world, "2027-01-01T00:00:00Z") for _ in range(2)] == [6, 0]
    assert read(world, f"/balances/{made['balanceId']}")["amount"] == 300


def test_when_time_is_up_the_next_call_goes_on(world: World) -> None:
    made = world.org.make("balanceTransactionSchedule")

    def put_on_it() -> Any:
        return read(world, f"/balances/{made['balanceId']}")["amount"]

    assert run(world, "2027-01-01T00:00:00Z", lambda: bool(put_on_it() >= 100)) == 2
    assert run(world, "2027-01-01T00:00:00Z") == 4
    assert put_on_it() == 300
    assert run(world, "2028-01-01T00:00:00Z", lambda: True) == 0


def test_no_organization_waits_for_the_end_of_anothers_backlog(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_schedules, "RUNS_A_TURN", 2)
    order: list[str] = []

    def runs(_: Any, org_id: str, __: Any) -> Iterator[None]:
        for _run in range({"long": 5, "short": 1}[org_id]):
            order.append(org_id)
            yield

    monkeypatch.setattr(run_schedules, "organization_ids", lambda _: ["long", "short"])
    monkeypatch.setattr(run_schedules, "_runs", runs)
    assert run(world, "2027-01-01T00:00:00Z") == 6
    assert order == ["long", "long", "short", "long", "long", "long"]


MONTHLY = {
    "billFrequency": "MONTHLY",
    "billFrequencyInterval": 1,
    "servicePeriodStartDate": "2026-01-01T00:00:00Z",
    "servicePeriodEndDate": "2026-07-01T00:00:00Z",
}


def charged(world: World, made: dict[str, Any]) -> list[str]:
    """The months whose service is charged for."""
    found = read(world, "/charges", scheduleId=made["id"])["data"]
    return sorted(charge["servicePeriodStartDate"][:7] for charge in found)


def change(world: World, made: dict[str, Any], **fields: Any) -> None:
    path = f"/balances/{made['balanceId']}/balancechargeschedules/{made['id']}"
    answer = world.org.client.put(path, {**schedule(world, made), **fields})
    assert answer.status == 200, answer.text


@pytest.mark.parametrize("first", [True, False])
def test_each_month_is_charged_once_when_charges_move_to_the_other_end_of_it(world: World, *, first: bool) -> None:
    made = world.org.make("balanceChargeSchedule", **MONTHLY, billInAdvance=first)
    run(world, "2026-03-01T00:00:00Z")
    assert charged(world, made) == ["2026-01", "2026-02", *(["2026-03"] if first else [])]
    change(world, made, billInAdvance=not first)
    run(world, "2026-07-01T00:00:00Z")
    assert charged(world, made) == [f"2026-{month:02}" for month in range(1, 7)]


def test_each_month_is_charged_once_when_the_time_zone_changes(world: World) -> None:
    made = world.org.make("balanceChargeSchedule", **MONTHLY, billInAdvance=True)
    run(world, "2026-02-01T00:00:00Z")
    world.configure(timezone="America/New_York")
    change(world, made, servicePeriodStartDate="2026-01-01T05:00:00Z")
    run(world, "2026-03-01T06:00:00Z")
    assert charged(world, made) == ["2026-01", "2026-02", "2026-03"]


def test_transactions_follow_the_organization_s_calendar(world: World) -> None:
    world.configure(timezone="Europe/Berlin")
    dates = {"startDate": "2026-02-28T23:00:00Z", "endDate": "2026-06-30T22:00:00Z"}
    made = world.org.make("balanceTransactionSchedule", frequency="MONTHLY", frequencyInterval=1, **dates)
    run(world, "2026-07-01T00:00:00Z")
    applied = [one["appliedDate"] for one in transactions(world, made["balanceId"])]
    assert applied[-4:] == [
        "2026-02-28T23:00:00Z",
        "2026-03-31T22:00:00Z",  # 1 April, in summer time
        "2026-04-30T22:00:00Z",
        "2026-05-31T22:00:00Z",
    ]


def test_an_organization_whose_store_is_refused_keeps_no_other_from_its_turn(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = world.org.make("balanceChargeSchedule", **MONTHLY, billInAdvance=True)
    monkeypatch.setattr(run_schedules, "organization_ids", lambda _: ["broken", world.org.id])
    listing = world.org.store.list_all

    def refusing(org_id: str, *rest: Any, **more: Any) -> Any:
        if org_id == "broken":
            raise UnavailableError("busy")
        return listing(org_id, *rest, **more)

    monkeypatch.setattr(world.org.store, "list_all", refusing)
    with pytest.raises(UnavailableError):
        run(world, "2026-01-01T00:00:00Z")
    assert charged(world, made) == ["2026-01"]

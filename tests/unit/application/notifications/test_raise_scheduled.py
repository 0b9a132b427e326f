"""Scheduled events: some days from a date of an entity, each date once."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from tests.fakes.bills import FakeBillRepository
from tests.fakes.events import FakeEventLog
from tests.fakes.organization import Organization
from tests.fakes.raising import raising_of
from usance.application.notifications import raise_scheduled
from usance.application.notifications.raise_scheduled import raise_scheduled_events
from usance.application.ports.events import Event
from usance.domain.kernel.errors import UnavailableError

NAME = "scheduled.contract.ending"


class Calendar:
    """An organization, made at noon of 15 January 2026 in UTC, whose schedule can be run at any time."""

    def __init__(self, zone: str = "UTC") -> None:
        self.org = Organization()
        self.set_zone(zone)
        self.bills = FakeBillRepository()
        self.desk = raising_of(self.org, self.bills)
        self.log = cast("FakeEventLog", self.desk.stores.events)

    def set_zone(self, zone: str) -> None:
        config = self.org.client.get("/organizationconfig").json
        self.org.client.put("/organizationconfig", {**config, "timezone": zone})

    def configure(self, offset: int = 0, **more: Any) -> dict[str, Any]:
        body = {"name": NAME, "entity": "Contract", "field": "endDate", "offset": offset, **more}
        return dict(self.org.client.post("/scheduledevents/configurations", body).json)

    def contract(self, end: str) -> dict[str, Any]:
        return self.org.make("contract", startDate="2025-01-01", endDate=end)

    def run(self, at: str, *, pages: int = 100) -> int:
        """The schedule of a moment, which is cut off after some pages."""
        self.org.clock.instant = datetime.fromisoformat(at).replace(tzinfo=UTC)
        read = iter(range(pages))
        return raise_scheduled_events(self.desk, self.org.clock.instant, lambda: next(read, None) is None)

    @property
    def raised(self) -> list[Event]:
        return sorted(self.log.events(), key=lambda event: event.time)


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


def test_an_event_is_raised_once_on_its_day(calendar: Calendar) -> None:
    calendar.configure(offset=2)
    contract = calendar.contract("2026-01-18")
    for at in ("2026-01-15T13:00", "2026-01-19T00:15"):
        assert calendar.run(at) == 0
    for at in ("2026-01-20T00:00", "2026-01-20T00:15", "2026-01-21T00:00"):
        calendar.run(at)
    [event] = calendar.raised
    assert (event.name, event.resource_id, event.account_id) == (NAME, contract["id"], contract["accountId"])
    assert event.time == datetime(2026, 1, 20, tzinfo=UTC)
    shown = event.detail["eventData"]["newDto"]
    assert (shown["id"], shown["endDate"], shown["orgId"]) == (contract["id"], "2026-01-18", calendar.org.id)


def test_an_entity_in_a_balance_concerns_the_account_of_the_balance(calendar: Calendar) -> None:
    calendar.configure(1, name="scheduled.balanceTransaction.old", entity="BalanceTransaction", field="dtCreated")
    balance = calendar.org.make("balance")
    calendar.org.client.post(f"/balances/{balance['id']}/transactions", {"amount": 5})
    calendar.run("2026-01-16T01:00")
    assert [event.account_id for event in calendar.raised] == [balance["accountId"]]


def test_negative_days_are_before_the_date(calendar: Calendar) -> None:
    calendar.configure(offset=-30)
    calendar.contract("2026-02-20")
    assert [calendar.run(f"2026-01-{day}T01:00") for day in (20, 21, 22)] == [0, 1, 0]


@pytest.mark.parametrize(("zone", "before", "when"), [("Asia/Kolkata", "18:15", "18:30"), ("UTC-8", "07:45", "08:00")])
def test_a_day_begins_in_the_organization_s_time_zone(zone: str, before: str, when: str) -> None:
    calendar = Calendar(zone)
    calendar.configure(field="dtCreated", offset=3)
    calendar.contract("2027-01-01")
    day = 17 if zone == "Asia/Kolkata" else 18
    assert calendar.run(f"2026-01-{day}T{before}") == 0
    assert calendar.run(f"2026-01-{day}T{when}") == 1


def test_a_date_that_changes_is_due_again(calendar: Calendar) -> None:
    calendar.configure()
    contract = calendar.contract("2026-01-20")
    assert calendar.run("2026-01-20T00:00") == 1
    later = calendar.org.client.put(f"/contracts/{contract['id']}", {**contract, "endDate": "2026-01-25"})
    assert later.status == 200
    assert [calendar.run(f"2026-01-{day}T00:00") for day in (24, 25, 26)] == [0, 1, 0]
    assert len(calendar.raised) == 2


def test_what_is_deleted_before_its_day_raises_nothing(calendar: Calendar) -> None:
    calendar.configure()
    contract = calendar.contract("2026-01-20")
    calendar.org.client.delete(f"/contracts/{contract['id']}")
    assert calendar.run("2026-01-20T00:00") == 0


def test_days_that_were_missed_are_made_up_for(calendar: Calendar) -> None:
    calendar.configure()
    for day in (17, 20, 31):
        calendar.contract(f"2026-01-{day}")
    assert calendar.run("2026-02-03T04:00") == 3
    assert calendar.run("2026-02-04T00:00") == 0


def test_a_date_that_was_over_when_it_was_set_is_late(calendar: Calendar) -> None:
    calendar.configure()
    calendar.run("2026-02-10T00:00")
    calendar.contract("2026-02-08")
    assert calendar.run("2026-02-10T12:00") == 0
    assert calendar.run("2026-02-11T00:00") == 1
    assert calendar.run("2026-02-12T00:00") == 0


def test_what_was_over_when_the_event_was_configured_is_left(calendar: Calendar) -> None:
    calendar.contract("2026-01-10")
    today = calendar.contract("2026-01-15")
    calendar.configure()
    assert calendar.run("2026-01-16T00:00") == 1  # the day was not over
    assert [event.resource_id for event in calendar.raised] == [today["id"]]


def test_a_sweep_that_is_cut_off_goes_on(calendar: Calendar, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raise_scheduled, "PAGE", 2)
    calendar.configure()
    ids = {calendar.contract("2026-01-20")["id"] for _ in range(5)}
    assert [calendar.run(f"2026-01-20T00:{at}", pages=1) for at in ("00", "15", "30", "45")] == [2, 2, 1, 0]
    assert {event.resource_id for event in calendar.raised} == ids


def test_a_sweep_that_fails_half_way_raises_nothing_twice(calendar: Calendar) -> None:
    calendar.configure()
    for _ in range(3):
        calendar.contract("2026-01-20")
    append, left = calendar.log.append, iter((True, True))

    def failing(event: Event) -> bool:
        if next(left, None) is None:
            raise UnavailableError("the store has a bad minute")
        return append(event)

    calendar.log.append = failing  # type: ignore[method-assign]
    with pytest.raises(UnavailableError):
        calendar.run("2026-01-20T00:00")
    calendar.log.append = append  # type: ignore[method-assign]
    calendar.run("2026-01-20T00:15")
    assert len(calendar.raised) == 3


def test_bills_are_looked_at_too(calendar: Calendar) -> None:
    calendar.configure(name="scheduled.bill.overdue", entity="Bill", field="dueDate", offset=1)
    header = {"id": "00000000-0000-7000-8000-0000000000ff", "version": 1, "accountId": "a", "dueDate": "2026-01-19"}
    stamp = "2026-01-15T12:00:00.000000Z"
    days = dict.fromkeys(("endDate", "billDate", "externalInvoiceDate"), "2026-01-01")
    more = {**days, "status": "PENDING", "locked": False, "dtCreated": stamp, "dtLastModified": stamp}
    calendar.bills.create(calendar.org.id, {**header, **more}, [], private={"digest": "x"}, numbering=None)
    assert calendar.run("2026-01-20T00:00") == 1
    assert calendar.raised[0].account_id == "a"


def test_a_configuration_that_is_deleted_leaves_nothing(calendar: Calendar) -> None:
    configuration = calendar.configure()
    calendar.run("2026-01-20T00:00")
    assert calendar.org.store.get(calendar.org.id, "scheduledEventSweep", configuration["id"])
    calendar.org.client.delete(f"/scheduledevents/configurations/{configuration['id']}")
    assert calendar.org.store.get(calendar.org.id, "scheduledEventSweep", configuration["id"]) is None
    calendar.org.clock.instant += timedelta(days=1)
    assert calendar.run("2026-01-22T00:00") == 0

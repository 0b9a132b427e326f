"""What every log of events promises; the fake and the real one answer alike."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.contract.stores import DYNAMODB_TARGETS
from tests.fakes.clock import FrozenClock
from tests.fakes.events import FakeEventLog
from usance.adapters.dynamodb.events import DynamoEventLog
from usance.application.ports.events import Event, EventLog, EventQuery
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.ids import derived_id

ORG, OTHER = "11111111-1111-7111-8111-111111111111", "22222222-2222-7222-8222-222222222222"
START = FrozenClock().instant


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture(params=["fake", *DYNAMODB_TARGETS])
def log(
    request: pytest.FixtureRequest, clock: FrozenClock, fresh_table: Callable[[str, str], tuple[Any, str]]
) -> EventLog:
    if request.param == "fake":
        return FakeEventLog(clock)
    client, table = fresh_table(request.param, "EventsTable")
    return DynamoEventLog(client, table, clock)


def event(number: int, name: str = "configuration.account.created", *, org: str = ORG, **more: Any) -> Event:
    """The event of second `number`."""
    time = START + timedelta(seconds=number)
    return Event(derived_id(org, str(number)), org, name, time, {"number": number}, **more)


def numbers(log: EventLog, *, org: str = ORG, actioned: bool = False, size: int = 100, **filters: str) -> list[int]:
    """The numbers of the events of a list, read page by page."""
    found: list[int] = []
    token: str | None = None
    while True:
        page = log.list_page(org, EventQuery(filters, include_actioned=actioned), page_size=size, next_token=token)
        assert len(page.data) <= size
        found.extend(row["m3terEvent"]["number"] for row in page.data)
        token = page.next_token
        if token is None:
            return found


def test_an_event_is_read_back_whole(log: EventLog) -> None:
    whole = Event(
        id=derived_id("whole"),
        org_id=ORG,
        name="billing.bill.updated",
        time=datetime.fromisoformat("2026-01-15T11:59:48.081781+00:00"),
        detail={"eventData": {"newDto": {"billTotal": Decimal("70.780"), "lineItems": [None, True]}}},
        type="Notification",
        resource_id="r",
        account_id="a",
        notification_id="n",
        notification_code="c",
        actioned_at=START,
        attachment=b'{"errors": []}',
    )
    assert log.append(whole)
    assert log.get(ORG, whole.id) == whole
    [listed] = log.list_page(ORG, EventQuery(include_actioned=True), page_size=9, next_token=None).data
    assert set(listed) == {"id", "eventName", "eventTime", "dtActioned", "m3terEvent"}


def test_an_event_recorded_twice_is_one_event(log: EventLog) -> None:
    assert log.append(event(1))
    assert not log.append(event(1, name="configuration.account.deleted"))
    assert numbers(log) == [1]
    recorded = log.get(ORG, event(1).id)
    assert recorded
    assert recorded.name == "configuration.account.created"


def test_the_wire_form_has_the_fields_of_the_api(log: EventLog) -> None:
    log.append(event(1))
    page = log.list_page(ORG, EventQuery(), page_size=10, next_token=None)
    assert list(page.data) == [
        {
            "id": event(1).id,
            "eventName": "configuration.account.created",
            "eventTime": "2026-01-15T12:00:01.000000Z",
            "dtActioned": None,
            "m3terEvent": {"number": 1},
        }
    ]


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_lists_are_newest_first_however_they_are_paged(log: EventLog, size: int) -> None:
    for number in (5, 1, 9, 3, 12, 4, 8, 2, 7, 10, 6, 11):
        log.append(event(number))
    assert numbers(log, size=size) == list(range(12, 0, -1))


def test_a_full_last_page_has_no_token(log: EventLog) -> None:
    for number in range(3):
        log.append(event(number))
    assert log.list_page(ORG, EventQuery(), page_size=3, next_token=None).next_token is None


FILTERS = {
    "eventName": "name",
    "eventType": "type",
    "accountId": "account_id",
    "resourceId": "resource_id",
    "notificationId": "notification_id",
    "notificationCode": "notification_code",
}


@pytest.mark.parametrize(("filter_", "attribute"), FILTERS.items())
def test_every_filter_finds_its_own_events_alone(log: EventLog, filter_: str, attribute: str) -> None:
    for number in range(12):
        log.append(event(number, **{attribute: "this" if number % 3 == 0 else "that"}))
    log.append(event(100, org=OTHER, **{attribute: "this"}))
    assert numbers(log, size=2, **{filter_: "this"}) == [9, 6, 3, 0]
    assert numbers(log, **{filter_: "thi"}) == []


def test_filters_combine(log: EventLog) -> None:
    for number in range(12):
        log.append(event(number, account_id=f"a{number % 2}", resource_id=f"r{number % 3}", type="Notification"))
    assert numbers(log, accountId="a0", resourceId="r0") == [6, 0]
    assert numbers(log, size=1, accountId="a1", eventType="Notification", eventName=event(0).name) == [
        11,
        9,
        7,
        5,
        3,
        1,
    ]


def test_a_filter_that_drops_much_still_fills_its_pages(log: EventLog) -> None:
    for number in range(60):
        log.append(event(number, account_id="a", type="Notification" if number in {3, 50} else None))
    assert numbers(log, size=1, accountId="a", eventType="Notification") == [50, 3]


def test_actioned_events_are_listed_only_when_asked_for(log: EventLog) -> None:
    log.append(event(1))
    log.append(event(2, actioned_at=START))
    assert numbers(log) == [1]
    assert numbers(log, actioned=True) == [2, 1]


def test_no_organization_sees_the_events_of_another(log: EventLog) -> None:
    log.append(event(1))
    log.append(event(2, org=OTHER))
    assert numbers(log) == [1]
    assert numbers(log, org=OTHER) == [2]
    assert log.get(OTHER, event(1).id) is None
    assert log.get_many(OTHER, [event(1).id]) == []


def test_get_many_keeps_the_order_asked_and_leaves_out_what_is_not_there(log: EventLog) -> None:
    for number in range(4):
        log.append(event(number))
    asked = [event(3).id, "nowhere", event(0).id, event(3).id]
    assert [found.detail["number"] for found in log.get_many(ORG, asked)] == [3, 0]


@pytest.mark.parametrize("id_", ["x" * 3_000, ""])
def test_what_cannot_be_an_id_names_no_event(log: EventLog, id_: str) -> None:
    assert log.get(ORG, id_) is None
    assert not log.get_many(ORG, [id_])


def test_get_many_takes_more_than_one_batch(log: EventLog) -> None:
    for number in range(120):
        log.append(event(number))
    assert len(log.get_many(ORG, [event(number).id for number in range(120)])) == 120


def test_events_are_gone_after_28_days_even_before_the_store_removes_them(log: EventLog, clock: FrozenClock) -> None:
    log.append(event(1, account_id="a"))
    clock.advance(days=27, hours=23)
    log.append(event(2, account_id="a"))
    assert numbers(log) == [2, 1]
    clock.advance(hours=1)
    assert numbers(log) == [2]
    assert numbers(log, accountId="a") == [2]
    assert log.get(ORG, event(1).id) is None
    assert log.get_many(ORG, [event(1).id, event(2).id]) == [event(2, account_id="a")]


def test_an_expired_event_is_not_recorded_again(log: EventLog, clock: FrozenClock) -> None:
    log.append(event(1))
    clock.advance(days=29)
    assert not log.append(event(1))


@pytest.mark.parametrize("token", ["x", "?", "e30", "MjAyNi0wMS0xNQ", "2026-01-15T12:00:01.000000Z#a"])
def test_a_token_of_another_kind_is_refused(log: EventLog, token: str) -> None:
    with pytest.raises(InvalidInputError, match="nextToken"):
        log.list_page(ORG, EventQuery(), page_size=10, next_token=token)


def test_an_unknown_filter_and_a_huge_value_are_refused(log: EventLog) -> None:
    with pytest.raises(InvalidInputError, match="colour"):
        numbers(log, colour="red")
    with pytest.raises(InvalidInputError, match="accountId"):
        numbers(log, accountId="a" * 501)


def test_a_huge_code_of_a_rule_does_not_stop_its_event(log: EventLog) -> None:
    assert log.append(event(1, notification_code="c" * 5_000))
    assert numbers(log) == [1]


def test_an_event_is_actioned_once_and_keeps_all_else(log: EventLog, clock: FrozenClock) -> None:
    for number in (1, 2):
        log.append(event(number))
    at = clock.now()
    assert log.mark_actioned(ORG, event(1).id, at) == event(1, actioned_at=at)
    assert log.mark_actioned(ORG, event(1).id, at + timedelta(days=1)) == event(1, actioned_at=at)
    assert log.get(ORG, event(1).id) == event(1, actioned_at=at)
    assert (numbers(log), numbers(log, actioned=True)) == ([2], [2, 1])
    assert log.mark_actioned(OTHER, event(1).id, at) is None
    assert log.mark_actioned(ORG, "", at) is None
    clock.advance(days=29)
    assert log.mark_actioned(ORG, event(2).id, clock.now()) is None

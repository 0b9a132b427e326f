from decimal import Decimal

import pytest

from tests.unit.domain.integrations.test_invoice import BILL, LINE
from usance.domain.integrations.custom import (
    ENTITIES,
    bill_document,
    change_of,
    check_event_bridge,
    check_https,
    check_sqs,
    queue_of,
    region_of_bus,
    selects,
)
from usance.domain.integrations.invoice import invoice_of
from usance.domain.kernel.errors import InvalidInputError
from usance.resources import event_names

URL = {"url": "https://example.com/changes"}
BUS = {"eventBusArn": "arn:aws:events:eu-west-1:123456789012:event-bus/billing"}
QUEUE = {"queueArn": "arn:aws:sqs:eu-west-1:123456789012:changes.fifo"}


def test_every_entity_whose_changes_are_events_can_be_sent():
    assert sorted(name.lower() for name in ENTITIES) == sorted(name.lower() for name in event_names.ENTITIES)


def test_a_change_tells_the_entity_before_and_after_it_as_far_as_there_are_such():
    assert change_of("d", "org", "Account", "created", "2026-01-01T00:00:00Z", new={"id": "a"}, old=None) == {
        "id": "d",
        "orgId": "org",
        "entityType": "Account",
        "change": "created",
        "changedAt": "2026-01-01T00:00:00Z",
        "new": {"id": "a"},
    }


def test_a_bill_is_sent_with_its_line_items_by_the_names_of_the_api():
    document = bill_document(invoice_of(BILL, [LINE]))

    assert document["billTotal"] == Decimal("12.30")
    assert document["status"] == "PENDING"
    assert {name: document[name] for name in ("startDate", "endDate", "dueDate")} == {
        "startDate": "2026-01-01",
        "endDate": "2026-02-01",
        "dueDate": "2026-03-03",
    }
    [line] = document["lineItems"]
    assert {name: line[name] for name in LINE if name in line} == {
        name: value for name, value in LINE.items() if name not in {"units", "subtotal"}
    } | {
        "servicePeriodStartDate": "2026-01-01T00:00:00.000000Z",
        "servicePeriodEndDate": "2026-02-01T00:00:00.000000Z",
    }


def test_what_a_bill_has_not_is_left_out():
    assert "externalInvoiceReference" not in bill_document(invoice_of(BILL))


@pytest.mark.parametrize(
    ("options", "kinds"),
    [
        ({}, {"created", "updated", "deleted"}),
        ({"changes": ["deleted"]}, {"deleted"}),
        ({"changes": []}, {"created", "updated", "deleted"}),
    ],
)
def test_only_selected_changes_are_sent(options, kinds):
    assert {kind for kind in ("created", "updated", "deleted") if selects(options, kind)} == kinds


def test_a_queue_and_a_bus_say_where_they_are():
    queue = queue_of(QUEUE)

    assert (queue.region, queue.account, queue.name, queue.keeps_order) == (
        "eu-west-1",
        "123456789012",
        "changes.fifo",
        True,
    )
    assert not queue_of({"queueArn": "arn:aws:sqs:eu-west-1:123456789012:changes"}).keeps_order
    assert region_of_bus(BUS) == "eu-west-1"


@pytest.mark.parametrize(
    ("check", "options", "message"),
    [
        (check_https, URL | {"changes": ["renamed"]}, "configData.changes must be a list of created, updated, deleted"),
        (check_sqs, {}, "configData.queueArn must be such as"),
        (
            check_sqs,
            {"queueArn": "https://sqs.eu-west-1.amazonaws.com/123456789012/changes"},
            "queueArn must be such as",
        ),
        (check_event_bridge, {"eventBusArn": "default"}, "configData.eventBusArn must be such as"),
    ],
)
def test_options_are_refused_by_their_name(check, options, message):
    with pytest.raises(InvalidInputError, match=message):
        check(options)


def test_what_can_be_sent_passes():
    check_https(URL | {"changes": ["created"], "mapping": "new"})
    check_event_bridge(BUS)
    check_sqs(QUEUE)

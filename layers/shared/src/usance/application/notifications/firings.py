"""What a run delivers: an event that a rule made or, of a test send, one that is recorded nowhere."""

from typing import Final

from usance.application.notifications.runs import is_test
from usance.application.ports.events import Event, EventLog
from usance.resources import instants
from usance.resources.wire import Document

TEST_EVENT: Final = "webhook.test"
_TEST_RULE: Final = {"id": None, "code": "test", "name": "Test", "description": "A test send; no rule fired."}


def firing_of(org_id: str, run: Document, events: EventLog) -> Event | None:
    """The event to send; None when it has expired."""
    if not is_test(run):
        event_id = run["delivery"].get("eventId")
        return events.get(org_id, event_id) if event_id else None
    detail = {"eventId": run["id"], "eventName": TEST_EVENT, "eventTime": run["dtCreated"], "notification": _TEST_RULE}
    return Event(run["id"], org_id, TEST_EVENT, instants.from_text(run["dtCreated"]), detail)

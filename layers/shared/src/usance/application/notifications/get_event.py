"""`GET /events/{id}` (platform.md 6.4)."""

from usance.application.access.authorize import require
from usance.application.ports.events import EventLog, to_wire
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import NotFoundError
from usance.resources.wire import Document


def get_event(caller: Caller, event_id: str, events: EventLog) -> Document:
    """One event; `NotFoundError` when there is none, or it is more than 28 days old."""
    require(caller, Action.CONFIG_RETRIEVE, "event", event_id)
    event = events.get(caller.org_id, event_id)
    if event is None:
        raise NotFoundError(f"there is no event {event_id}; events are kept for 28 days")
    return to_wire(event)

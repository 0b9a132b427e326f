"""`GET /events/{id}` (platform.md 6.4)."""

from usance.application.access.authorize import require
from usance.application.notifications.readable import RESOURCE, require_open
from usance.application.ports.events import Event, EventLog, to_wire
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import NotFoundError
from usance.resources.wire import Document


def get_event(caller: Caller, event_id: str, events: EventLog) -> Document:
    """One event; `NotFoundError` when there is none, or it is more than 28 days old."""
    return to_wire(find_event(caller, event_id, events))


def find_event(
    caller: Caller, event_id: str, events: EventLog, *, action: Action = Action.CONFIG_RETRIEVE, field: str = ""
) -> Event:
    """The event, which the caller may do `action` with and read what it shows; a refusal names the `field` that named it."""
    require(caller, action, RESOURCE, event_id)
    event = events.get(caller.org_id, event_id)
    if event is None:
        named = f"{field}: " if field else ""
        raise NotFoundError(f"{named}there is no event {event_id[:100]}; events are kept for 28 days")
    require_open(caller, to_wire(event))
    return event

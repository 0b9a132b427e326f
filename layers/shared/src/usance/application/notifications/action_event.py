"""`POST /events/{id}/actioned` (ours; the API of m3ter leaves it to its console, platform.md 6.3): somebody dealt with it."""

from usance.application.notifications.get_event import find_event
from usance.application.ports.clock import Clock
from usance.application.ports.events import EventLog, to_wire
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import NotFoundError
from usance.resources.wire import Document


def action_event(caller: Caller, event_id: str, events: EventLog, clock: Clock) -> Document:
    """The event with its `dtActioned`, which is that of the first time. `NotFoundError` when there is no such event."""
    found = find_event(caller, event_id, events, action=Action.CONFIG_UPDATE)
    event = events.mark_actioned(caller.org_id, found.id, clock.now())
    if event is None:
        raise NotFoundError(f"the event {found.id} has just expired; events are kept for 28 days")
    return to_wire(event)

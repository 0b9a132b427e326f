"""A change of an entity becomes an event, and rules may fire on it (platform.md 6)."""

from usance.application.notifications.publish_event import publish_event
from usance.application.notifications.stores import Stores
from usance.application.ports.events import Event
from usance.domain.notifications.changes import Change
from usance.resources.event_names import name_of_change


def record_change(change: Change, stores: Stores) -> Event | None:
    """Publish the change's event, if entities of its type make any, and answer it. Doing it again changes nothing."""
    name = name_of_change(change.type, change.kind)
    if name is None:
        return None
    event = Event(
        id=change.event_id,
        org_id=change.org_id,
        name=name,
        time=change.happened_at,
        detail={"eventData": change.event_data()},
        resource_id=change.id,
        account_id=change.account_id,
    )
    publish_event(event, stores)
    return event

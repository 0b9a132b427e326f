"""A change of an entity becomes an event, and rules may fire on it (platform.md 6)."""

from usance.application.notifications.publish_event import publish_event
from usance.application.notifications.stores import Stores
from usance.application.ports.events import Event
from usance.domain.notifications.bands import changes_of_bands
from usance.domain.notifications.changes import Change
from usance.resources.event_names import name_of_change


def record_change(change: Change, stores: Stores) -> Event | None:
    """Publish the change's event, if entities of its type make any, and those of the bands of a pricing; answer the former.

    Doing it again changes nothing.
    """
    event = _publish(change, stores)
    for one in changes_of_bands(change):
        _publish(one, stores)
    return event


def _publish(change: Change, stores: Stores) -> Event | None:
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

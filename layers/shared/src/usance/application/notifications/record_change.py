"""A change of an entity becomes an event, and rules may fire on it (platform.md 6)."""

from usance.application.notifications.concerned import account_of
from usance.application.notifications.publish_event import publish_event
from usance.application.notifications.stores import Stores
from usance.application.ports.events import Event
from usance.domain.notifications.bands import changes_of_bands
from usance.domain.notifications.changes import Change
from usance.resources.event_names import name_of_change


def record_change(change: Change, stores: Stores) -> list[tuple[Change, Event]]:
    """Publish the change's event, if entities of its type make any, and those of the bands of a pricing.

    Answers each change with its event. Doing it again changes nothing.
    """
    changes = (change, *changes_of_bands(change))
    return [(one, event) for one in changes if (event := _publish(one, stores)) is not None]


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
        account_id=account_of(change.org_id, change.type, change.entity, stores.entities),
    )
    publish_event(event, stores)
    return event

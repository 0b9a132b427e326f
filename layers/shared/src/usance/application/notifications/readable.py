"""Which events a caller may read: those that no statement denies, neither as events nor as the entities that they show.

An event holds the whole entity. That it is shared with the log of events opens nothing that is denied (platform.md 4.3).
"""

from collections.abc import Iterator, Sequence
from typing import Final

from usance.application.access.authorize import undenied, visible
from usance.application.notifications.configurations import RULE_TYPE
from usance.domain.access import Caller
from usance.domain.kernel.errors import ForbiddenError
from usance.domain.notifications.changes import holders
from usance.resources.event_names import type_of_event
from usance.resources.wire import Document

RESOURCE: Final = "event"

_SIDES: Final = ("newDto", "oldDto")


def readable(caller: Caller, events: Sequence[Document]) -> Sequence[Document]:
    """Those events, as the API shows them, that the caller may read: what a list leaves over."""
    return _open(caller, visible(caller, RESOURCE, events))


def require_open(caller: Caller, event: Document) -> None:
    """`ForbiddenError` for an event that shows what is denied to the caller; whether it may read events is asked apart."""
    if not _open(caller, [event]):
        raise ForbiddenError(f"your permission policies do not allow reading what the event {event['id']} shows")


def _open(caller: Caller, events: Sequence[Document]) -> Sequence[Document]:
    shown = {event["id"]: set(_entities(event)) for event in events}
    ids: dict[str, set[str]] = {}
    for type_, id_ in set().union(*shown.values()):
        ids.setdefault(type_, set()).add(id_)
    open_ = {(type_, id_) for type_, found in ids.items() for id_ in undenied(caller, type_, sorted(found))}
    return [event for event in events if shown[event["id"]] <= open_]


def _entities(event: Document) -> Iterator[tuple[str, str]]:
    """The type and id of the entity that an event shows, and of what it lies in; of the rule, where one made the event."""
    detail, type_ = event["m3terEvent"], type_of_event(event["eventName"])
    if rule_id := detail.get("notification", {}).get("id"):  # a test send has none
        yield RULE_TYPE, rule_id
    if type_ is None:
        return
    data = detail.get("eventData", {})
    for entity in (data[side] for side in _SIDES if side in data):
        yield type_, entity["id"]
        yield from holders(type_, entity)

"""`GET /events/types` and `GET /events/fields` (platform.md 6.4)."""

from typing import Final

from usance.application.access.authorize import require
from usance.application.ports.entities import EntityRepository
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import InvalidInputError
from usance.resources.event_fields import fields_of
from usance.resources.event_names import EVENT_NAMES
from usance.resources.wire import Document

SCHEDULED_TYPE: Final = "scheduledEventConfiguration"


def list_event_types(caller: Caller, entities: EntityRepository) -> Document:
    """Every name that a notification rule may be about, those of the organization's scheduled events included."""
    require(caller, Action.CONFIG_RETRIEVE, "event")
    return {"events": _names(caller, entities)}


def list_event_fields(caller: Caller, event_name: str | None, entities: EntityRepository) -> Document:
    """The fields that calculations may use, with their types: of one event, or of all."""
    require(caller, Action.CONFIG_RETRIEVE, "event")
    if event_name is not None:
        require_known(caller, event_name, entities)
    names = [event_name] if event_name else _names(caller, entities)
    return {"events": {name: dict(fields_of(name)) for name in names}}


def require_known(caller: Caller, event_name: str, entities: EntityRepository) -> None:
    """`InvalidInputError` for a name that `list_event_types` does not list."""
    if event_name not in EVENT_NAMES and event_name not in _names(caller, entities):
        raise InvalidInputError(f"eventName: there is no event {event_name}; events/types lists their names")


def _names(caller: Caller, entities: EntityRepository) -> list[str]:
    scheduled = entities.list_all(caller.org_id, SCHEDULED_TYPE, filters={})
    return sorted({*EVENT_NAMES, *(str(one["name"]) for one in scheduled)})

"""`GET /events/types` and `GET /events/fields` (platform.md 6.4)."""

from usance.application.access.authorize import require
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import InvalidInputError
from usance.resources.event_fields import fields_of
from usance.resources.event_names import EVENT_NAMES
from usance.resources.wire import Document


def list_event_types(caller: Caller) -> Document:
    """Every name that a notification rule may be about."""
    require(caller, Action.CONFIG_RETRIEVE, "event")
    return {"events": sorted(EVENT_NAMES)}


def list_event_fields(caller: Caller, event_name: str | None) -> Document:
    """The fields that calculations may use, with their types: of one event, or of all."""
    require(caller, Action.CONFIG_RETRIEVE, "event")
    if event_name is not None and event_name not in EVENT_NAMES:
        raise InvalidInputError(f"eventName: there is no event {event_name}; events/types lists their names")
    names = [event_name] if event_name else sorted(EVENT_NAMES)
    return {"events": {name: dict(fields_of(name)) for name in names}}

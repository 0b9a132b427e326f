"""`POST /notifications/evaluate`: is a calculation valid, without firing anything (platform.md 7.2)."""

from typing import Any

from usance.application.access.authorize import require
from usance.application.notifications.describe_events import require_known
from usance.application.notifications.get_event import find_event
from usance.application.ports.entities import EntityRepository
from usance.application.ports.events import EventLog
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.notifications.rules import check, evaluate_on
from usance.resources.event_fields import fields_of
from usance.resources.wire import Document


def try_calculation(caller: Caller, body: Document, events: EventLog, entities: EntityRepository) -> Document:
    """`success` and, when it is false, an `errorMessage`.

    With `eventName` the calculation is checked against the fields of that event; else with `eventId` it is computed on
    the stored event and must be true or false.
    """
    require(caller, Action.CONFIG_RETRIEVE, "notificationConfiguration")
    calculation, name, event_id = (_text(body, field) for field in ("calculation", "eventName", "eventId"))
    if not name and not event_id:
        raise InvalidInputError("eventName or eventId is required: it says which fields the calculation may use")
    if name:
        require_known(caller, name, entities)
    data = None if name or not event_id else _event_data(caller, event_id, events)
    try:
        _try(calculation or "", name, data)
    except InvalidInputError as invalid:
        return {"success": False, "errorMessage": invalid.message}
    return {"success": True, "errorMessage": None}


def _try(calculation: str, name: str | None, data: Document | None) -> None:
    if data is None:
        check(calculation, fields_of(name or ""))
        return
    check(calculation)
    result = evaluate_on(calculation, data)
    if not isinstance(result, bool):
        what = "null" if result is None else "not true or false"
        raise InvalidInputError(f"calculation: the result for this event is {what}")


def _event_data(caller: Caller, event_id: str, events: EventLog) -> Document:
    event = find_event(caller, event_id, events, field="eventId")  # whether a calculation works tells of its values
    data: Document = event.detail.get("eventData", {})
    return data


def _text(body: Document, field: str) -> str | None:
    value: Any = body.get(field)
    if value is not None and not isinstance(value, str):
        raise InvalidInputError(f"{field} must be a string")
    return value

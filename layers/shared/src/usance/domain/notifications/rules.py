"""Whether a notification rule fires on an event, and whether its calculation makes sense (platform.md 7)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from usance.domain.expressions.evaluator import EvaluationError, NullRules, evaluate
from usance.domain.expressions.grammar import parse
from usance.domain.expressions.tree import Expression, Value, names
from usance.domain.kernel.errors import InvalidInputError

EventData = Mapping[str, Any]
"""`newDto` and `oldDto` of an event; either may be missing."""

_SIDES: Final = {"new": "newDto", "old": "oldDto"}
_CUSTOM: Final = "customFields"
_AUDIT_FIELDS: Final[Mapping[str, str]] = {
    "version": "int",
    "dtCreated": "string",
    "dtLastModified": "string",
    "createdBy": "string",
    "lastModifiedBy": "string",
}
_SAMPLES: Final[Mapping[str, Value]] = {"string": "text", "double": Decimal(1), "int": Decimal(1), "boolean": True}


def fires(rule: Mapping[str, Any], data: EventData) -> bool:
    """Whether an active rule fires. A calculation that is null, not a boolean, or fails does not."""
    if not rule.get("active", True):
        return False
    if rule.get("alwaysFireEvent"):
        return True
    calculation = rule.get("calculation")
    if not calculation:
        return False
    try:
        return evaluate_on(calculation, data) is True
    except InvalidInputError:
        return False


def evaluate_on(calculation: str, data: EventData) -> Value:
    """The calculation's value for an event. Raises `InvalidInputError` when it has none."""
    return evaluate(parse(calculation), lambda name: _resolve(name, data), NullRules.NOTIFICATION)


def check(calculation: str, fields: Mapping[str, str] | None = None) -> None:
    """Refuse (`InvalidInputError`) a calculation that can never fire.

    It must parse and name only fields of `new` and `old`. With `fields` (names to types, as `events/fields` lists them)
    it must name fields that the event has and be true or false for values of their types.
    """
    expression = parse(calculation)
    for name in sorted(names(expression)):
        side, _, field = name.partition(".")
        if side not in _SIDES or not field:
            raise InvalidInputError(f"calculation: {name} is not a field of an event; fields start with new. or old.")
        if fields is not None:
            _check_field(name, fields)
    if fields is not None:
        _check_result(expression, fields)


def _check_field(name: str, fields: Mapping[str, str]) -> None:
    type_ = _type(name, fields)
    if type_ is None:
        raise InvalidInputError(f"calculation: the event has no field {name}; events/fields lists its fields")
    if type_ in {"map", "array"}:
        raise InvalidInputError(f"calculation: {name} is of type {type_}; use string, number or boolean fields")


def _check_result(expression: Expression, fields: Mapping[str, str]) -> None:
    """Try the calculation on one value of each field's type; a custom field may hold any, so it is tried as null."""
    try:
        result = evaluate(expression, lambda name: _SAMPLES.get(_type(name, fields) or ""), NullRules.NOTIFICATION)
    except EvaluationError as refused:
        raise InvalidInputError(f"calculation: {refused.message}") from refused
    if result is not None and not isinstance(result, bool):
        raise InvalidInputError("calculation: the result must be true or false")


def _type(name: str, fields: Mapping[str, str]) -> str | None:
    side, _, field = name.partition(".")
    if field.startswith(f"{_CUSTOM}."):
        return "custom" if any(known.startswith(f"{side}.") for known in fields) else None
    if name in fields:
        return fields[name]
    return _AUDIT_FIELDS.get(field) if f"{side}.id" in fields else None


def _resolve(name: str, data: EventData) -> Value:
    """The value of `new.amount` and the like; null for a side, field or custom field that is not there."""
    side, *path = name.split(".")
    found: Any = data.get(_SIDES.get(side, ""))
    for step in path:
        found = found.get(step) if isinstance(found, Mapping) else None
    if isinstance(found, bool | str | Decimal):
        return found
    if isinstance(found, int):
        return Decimal(found)
    return None

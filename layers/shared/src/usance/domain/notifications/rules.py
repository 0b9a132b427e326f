"""Whether a notification rule fires on an event, and whether its calculation makes sense (platform.md 7)."""

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from usance.domain.expressions.evaluator import NullRules, evaluate
from usance.domain.expressions.grammar import parse
from usance.domain.expressions.kinds import Kind, kind_of_result, refuse_lookups, refused
from usance.domain.expressions.tree import Expression, Name, Value, start
from usance.domain.kernel.errors import InvalidInputError

EventData = Mapping[str, Any]
"""`newDto` and `oldDto` of an event; either may be missing."""

PARSED_MAX: Final = 1_000  # trees that a process keeps, some 10 KB each; an organization has fewer rules

_SIDES: Final = {"new": "newDto", "old": "oldDto"}
_CUSTOM: Final = "customFields"
_AUDIT_FIELDS: Final[Mapping[str, str]] = {
    "version": "int",
    "dtCreated": "string",
    "dtLastModified": "string",
    "createdBy": "string",
    "lastModifiedBy": "string",
}
_KINDS: Final = {"string": Kind.TEXT, "double": Kind.NUMBER, "int": Kind.NUMBER, "boolean": Kind.TRUTH}


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
    return evaluate(_parsed(calculation), lambda name: _resolve(name, data), NullRules.NOTIFICATION)


@lru_cache(PARSED_MAX)
def _parsed(calculation: str) -> Expression:
    """Reading a calculation takes a hundred times as long as computing it, and each event asks for the same ones."""
    return parse(calculation)


def check(calculation: str, fields: Mapping[str, str] | None = None) -> None:
    """Refuse (`InvalidInputError`) a calculation that can never fire; the message says at which character it goes wrong.

    It must parse, look nothing up and name only fields of `new` and `old`. With `fields` (names to types, as `events/fields` lists them)
    it must name fields that the event has and be true or false for values of their types.
    """
    expression = parse(calculation)
    refuse_lookups(expression)
    kind = kind_of_result(expression, lambda name: _kind(name, fields))
    if fields is not None and kind not in {Kind.TRUTH, Kind.ANY}:
        raise refused(start(expression.root), f"the result must be true or false, not {kind.value}")


def _kind(name: Name, fields: Mapping[str, str] | None) -> Kind:
    """Of a field; a custom field may hold any."""
    side, _, field = name.path.partition(".")
    if side not in _SIDES or not field:
        raise refused(name.at, f"{name.path} is not a field of an event; fields start with new. or old.")
    if fields is None:
        return Kind.ANY
    type_ = _type(name.path, fields)
    if type_ is None:
        raise refused(name.at, f"the event has no field {name.path}; events/fields lists its fields")
    if type_ in {"map", "array"}:
        raise refused(name.at, f"{name.path} is of type {type_}; use string, number or boolean fields")
    return _KINDS.get(type_, Kind.ANY)


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

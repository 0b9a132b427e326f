"""Event filter patterns of Lambda's event source mappings (the language of EventBridge rules)."""

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from local.template import TemplateError

_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": lambda left, right: left == right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


def admits(patterns: Sequence[str], event: Mapping[str, Any]) -> bool:
    """Whether any of the patterns matches `event`; no pattern at all admits everything."""
    return not patterns or any(_matches(json.loads(pattern), event) for pattern in patterns)


def _matches(pattern: Mapping[str, Any], event: Any) -> bool:
    for key, wanted in pattern.items():
        if key == "$or":
            if not any(_matches(alternative, event) for alternative in wanted):
                return False
            continue
        present = isinstance(event, Mapping) and key in event
        value = event[key] if present else None
        if isinstance(wanted, Mapping):
            # An absent branch still lets {"exists": false} deeper inside hold.
            if not _matches(wanted, value if present else {}):
                return False
        elif not any(_leaf(rule, value, present=present) for rule in wanted):
            return False
    return True


def _leaf(rule: Any, value: Any, *, present: bool) -> bool:
    if isinstance(rule, Mapping):
        (name, argument) = next(iter(rule.items()))
        if name == "exists":
            # Only leaves exist for this rule; a branch does not.
            return bool(argument) == (present and not isinstance(value, Mapping))
        if name not in _RULES:
            message = f"the embedded stack does not know the filter rule {name}"
            raise TemplateError(message)
        values = value if isinstance(value, list) else [value]
        return present and any(_RULES[name](argument, one) for one in values)
    return present and (rule in value if isinstance(value, list) else rule == value)


def _anything_but(argument: Any, value: Any) -> bool:
    if isinstance(argument, Mapping):
        return not _leaf(argument, value, present=True)
    return value not in (argument if isinstance(argument, list) else [argument])


def _numeric(argument: Sequence[Any], value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return False
    pairs = zip(argument[::2], argument[1::2], strict=True)
    return all(_COMPARISONS[sign](value, limit) for sign, limit in pairs)


_RULES: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "prefix": lambda argument, value: isinstance(value, str) and value.startswith(argument),
    "suffix": lambda argument, value: isinstance(value, str) and value.endswith(argument),
    "equals-ignore-case": lambda argument, value: isinstance(value, str) and value.lower() == argument.lower(),
    "anything-but": _anything_but,
    "numeric": _numeric,
}

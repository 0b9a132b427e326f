"""Values of the billing engine as canonical JSON, and back: whatever dataclasses they are made of, equal bytes for equal values.

Decimals and times are texts, so that every digit stays. Large values that many others hold (`SHARED`: an aggregation with a
thousand segments, the prices of a plan that a thousand children have) are written once, in a list; where they stood is their
number there, `{"$": 3}`. A custom field that is a number is `{"number": "1.5"}`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from datetime import tzinfo
from decimal import Decimal
from functools import cache
from types import NoneType
from typing import Any, Final, TypeVar, get_args, get_type_hints

import msgspec

from usance.domain.billing.pricings import Aggregation, Compound, FieldValue, Pricing
from usance.domain.kernel.timezones import time_zone

SHARED: Final[Mapping[str, type]] = {kind.__name__: kind for kind in (Aggregation, Compound, Pricing)}
_REFERENCE: Final = "$"
_NUMBER: Final = "number"  # a field's value that is one, for texts of digits are values too
_KINDS: Final = frozenset(SHARED.values())
_Value = TypeVar("_Value")


def encode(value: object) -> bytes:
    """Canonical JSON of a dataclass."""
    writer = _Writer()
    body = writer.plain(value, type(value))
    return msgspec.json.encode({"shared": writer.shared, "value": body}, enc_hook=_to_text, order="deterministic")


def decode(text: bytes, kind: type[_Value]) -> _Value:
    """The value that `encode` wrote."""
    document = msgspec.json.decode(text)
    shared: list[Any] = []
    for entry in document["shared"]:
        shared.append(_read(entry["value"], SHARED[entry["type"]], shared))
    found: _Value = _read(document["value"], kind, shared)
    return found


class _Writer:
    """Takes apart only what may hold something shared or ambiguous; the rest msgspec writes as it is."""

    def __init__(self) -> None:
        self.shared: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._held: list[object] = []  # a number stands for an identity, which is reused when its object is gone

    def plain(self, value: Any, hint: Any) -> Any:
        if value is None or not _mentions(hint):
            return value
        if hint == FieldValue:
            return {_NUMBER: value} if isinstance(value, Decimal) else value
        kind, parts = type(value), _parts(hint)
        if is_dataclass(kind):
            return self._reference(kind, value) if kind in _KINDS else self._members(value)
        if isinstance(value, Mapping):
            return {name: self.plain(part, parts[1]) for name, part in value.items()}
        if parts[-1] is Ellipsis:
            return [self.plain(part, parts[0]) for part in value]
        return [self.plain(part, each) for part, each in zip(value, parts, strict=True)]

    def _members(self, value: Any) -> dict[str, Any]:
        kind: type = type(value)
        return {name: self.plain(getattr(value, name), hint) for name, hint in _hints(kind).items()}

    def _reference(self, kind: type, value: Any) -> dict[str, int]:
        number = self._numbers.get(id(value))
        if number is None:
            entry = {"type": kind.__name__, "value": self._members(value)}
            number = self._numbers[id(value)] = len(self.shared)
            self.shared.append(entry)
            self._held.append(value)
        return {_REFERENCE: number}


@cache
def _may_share(kind: type) -> bool:
    """Whether values of a dataclass may hold one of `SHARED`, or are one."""
    return kind in _KINDS or any(_mentions(hint) for hint in _hints(kind).values())


@cache
def _mentions(hint: Any) -> bool:
    if hint == FieldValue:
        return True
    if isinstance(hint, type) and is_dataclass(hint):
        return _may_share(hint)
    return any(_mentions(part) for part in get_args(hint))


def _read(value: Any, hint: Any, shared: Sequence[Any]) -> Any:
    """The value of a type: what may hold something shared is put together here, the rest msgspec reads."""
    if not _mentions(hint):
        return msgspec.convert(value, hint, dec_hook=_from_text, builtin_types=())
    if value is None:
        return None
    if hint == FieldValue:
        return Decimal(value[_NUMBER]) if isinstance(value, dict) else value
    if isinstance(value, dict) and value.keys() == {_REFERENCE}:
        return shared[value[_REFERENCE]]
    if isinstance(hint, type) and is_dataclass(hint):
        hints = _hints(hint)
        return hint(**{name: _read(part, hints[name], shared) for name, part in value.items()})
    parts = _parts(hint)
    if isinstance(value, dict):
        return {name: _read(part, parts[1], shared) for name, part in value.items()}
    if parts[-1] is Ellipsis:
        return tuple(_read(part, parts[0], shared) for part in value)
    return tuple(_read(part, each, shared) for part, each in zip(value, parts, strict=True))


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    return get_type_hints(kind)


def _parts(hint: Any) -> tuple[Any, ...]:
    """The types of which a container's type is made, whether it may be missing or not."""
    parts = get_args(hint)
    return get_args(parts[0]) if NoneType in parts else parts


def _to_text(value: object) -> str:
    if isinstance(value, tzinfo):
        return str(value)
    message = f"{type(value).__name__} cannot be recorded"
    raise NotImplementedError(message)


def _from_text(kind: type, value: Any) -> Any:
    if kind is tzinfo:
        return time_zone(value)
    message = f"{kind.__name__} cannot be read from a record"
    raise NotImplementedError(message)

"""The grammar of searches, and which entities they find (platform.md 1.11).

A query is terms joined by `$`, such as `name~Acme$currency:USD`; a term is a field, a comparator and a value as it
stands, spaces included. Nothing escapes a `$`.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from usance.domain.catalog.moments import instant
from usance.domain.catalog.proposal import Entity
from usance.domain.kernel.errors import InvalidInputError

TERMS_MAX: Final = 20
QUERY_MAX_CHARS: Final = 2_000
_TERM: Final = re.compile(r"\s*(\w+)\s*(>=|<=|>|<|:|~)(.*)", re.DOTALL)
_NAMES: Final[Mapping[str, str]] = {"ids": "id", "codes": "code", "productId": "productIds"}
_DATES: Final = frozenset({"billDate", "startDate", "endDate", "dueDate", "dtCreated"})  # days or instants
_FLAGS: Final = frozenset({"locked"})
_LISTS: Final = frozenset({"ids", "codes", "productIds"})  # a term of these names several values, by commas


@dataclass(frozen=True, slots=True)
class Term:
    """One condition: `field` as documents call it. Only an equality has more than one of `values`, and any may hold."""

    field: str
    comparator: str
    values: Sequence[str]

    def holds(self, entity: Entity) -> bool:
        """Whether the entity has a value in the field that compares so; of a list, any of its values."""
        found = entity.get(self.field)
        return any(self._compares(one) for one in (found if isinstance(found, list) else [found]) if one is not None)

    def _compares(self, found: Any) -> bool:
        if self.comparator == ":":
            return any(self._order(found, value) == 0 for value in self.values)
        [value] = self.values
        if self.comparator == "~":
            return _has_phrase(str(found).casefold(), value.casefold())
        order = self._order(found, value)
        return {">": order > 0, ">=": order >= 0, "<": order < 0, "<=": order <= 0}[self.comparator]

    def indexed(self) -> Sequence[str]:
        """What an index of the field has for the values of an equality, so that it finds what `holds` finds."""
        return [_day(value) for value in self.values] if self.field in _DATES else self.values

    def _order(self, found: Any, wanted: str) -> int:
        """Below, at or above 0 as `found` lies below, at or above `wanted`: a number by size, a date by its instant."""
        if isinstance(found, bool):  # as JSON writes it
            one, other = str(found).lower(), wanted.lower()
        else:
            one, other = self._comparable(found, wanted) or (str(found), wanted)
        return (one > other) - (one < other)

    def _comparable(self, found: Any, wanted: str) -> tuple[Any, Any] | None:
        """Both as numbers or as instants; None when they are texts."""
        try:
            if isinstance(found, int | Decimal):
                return Decimal(found), Decimal(wanted)
            if self.field in _DATES:
                return instant(str(found)), instant(wanted)
        except (ValueError, InvalidOperation):
            pass
        return None


def parse_search(query: str, fields: Collection[str]) -> Sequence[Term]:
    """The terms of a query, none when it is empty. `InvalidInputError` says which term is wrong."""
    if len(query) > QUERY_MAX_CHARS:
        raise InvalidInputError(f"searchQuery has {len(query)} characters; the limit is {QUERY_MAX_CHARS}")
    texts = [text for text in query.split("$") if text.strip()]
    if len(texts) > TERMS_MAX:
        raise InvalidInputError(f"searchQuery has {len(texts)} terms; the limit is {TERMS_MAX}")
    return [_parsed(text, fields) for text in texts]


def matches(entity: Entity, terms: Sequence[Term], *, any_term: bool) -> bool:
    """Whether all terms hold, or any of them; without terms every entity matches."""
    if not terms:
        return True
    return (any if any_term else all)(term.holds(entity) for term in terms)


def sort_key(entity: Entity, field: str) -> tuple[int, Any, str]:
    """What entities are sorted by: those without the field first, numbers by size, then texts; equals by id."""
    value = entity.get(field)
    if value is None:
        return 0, 0, str(entity["id"])
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return 1, value, str(entity["id"])
    return 2, str(value).casefold(), str(entity["id"])


def _parsed(text: str, fields: Collection[str]) -> Term:
    found = _TERM.fullmatch(text)
    if found is None or not found[3].strip():
        raise InvalidInputError(
            f"searchQuery: {text.strip()[:100]!r} is not a field, one of > >= : < <= ~, and a value"
        )
    field, comparator, value = found[1], found[2], found[3].strip()
    if field not in fields:
        raise InvalidInputError(f"searchQuery: {field[:100]} cannot be searched; use {', '.join(sorted(fields))}")
    if field in _LISTS and comparator != ":":
        raise InvalidInputError(f"searchQuery: {field} names several values; compare it by a colon")
    if field in _DATES and comparator != "~" and not _is_date(value):
        raise InvalidInputError(f"searchQuery: {field} is compared with a date or date-time such as 2026-01-31")
    if field in _FLAGS and (comparator != ":" or value.lower() not in {"true", "false"}):
        raise InvalidInputError(f"searchQuery: {field} is compared by a colon with true or false")
    values = [part.strip() for part in value.split(",") if part.strip()] if field in _LISTS else [value]
    return Term(_NAMES.get(field, field), comparator, values)


def _is_date(text: str) -> bool:
    try:
        instant(text).astimezone(UTC)
    except (ValueError, OverflowError):  # of a time before the first year, or after the last, in UTC
        return False
    return True


def _day(text: str) -> str:
    """A day as bills have it, for the instant that it begins at; another instant as it is, for no day equals it."""
    moment = instant(text).astimezone(UTC)
    return moment.date().isoformat() if moment == datetime.combine(moment, time(), UTC) else text


def _has_phrase(text: str, phrase: str) -> bool:
    """Whether the phrase begins the text, or a word in it."""
    return text.startswith(phrase) or f" {phrase}" in text

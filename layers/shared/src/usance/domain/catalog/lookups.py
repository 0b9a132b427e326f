"""Rules of lookup tables: the schema of a revision, its life, and its items (metering.md 9)."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from usance.domain.catalog.proposal import Proposal
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.metering.aggregation import plain

SHOWN_KEY: Final = "lookupKey"
KEY_SEPARATOR: Final = ","
STRING_MAX_CHARS: Final = 1_024  # as strings of measurements, which are looked up by them
DIGITS_MAX: Final = 38  # what is kept exactly everywhere

Item = Mapping[str, Any]


class RevisionStatus(StrEnum):
    """Where a revision stands; nothing leaves ARCHIVED (our choice, open question 29)."""

    DRAFT = "DRAFT"
    PUBLISHED = "PUBLISHED"
    ARCHIVED = "ARCHIVED"


FOLLOWING: Final[Mapping[RevisionStatus, frozenset[RevisionStatus]]] = {
    RevisionStatus.DRAFT: frozenset({RevisionStatus.PUBLISHED, RevisionStatus.ARCHIVED}),
    RevisionStatus.PUBLISHED: frozenset({RevisionStatus.ARCHIVED}),
    RevisionStatus.ARCHIVED: frozenset(),
}


def check_schema(proposal: Proposal) -> Mapping[str, Any]:
    """Fields have names of their own; keys name fields, and leave one over. New revisions are drafts."""
    new = proposal.new
    names = [field["name"] for field in new["fields"]]
    if len(set(names)) < len(names):
        raise InvalidInputError("fields: two fields have one name")
    for key in new["keys"]:
        if key not in names:
            raise InvalidInputError(f"keys: there is no field {key}")
    if len(new["keys"]) == len(names):
        raise InvalidInputError("keys: at least one field must be no key")
    return {"status": proposal.old["status"] if proposal.old else RevisionStatus.DRAFT.value}


def check_schema_change(proposal: Proposal) -> Mapping[str, Any]:
    """The schema changes in a draft without items alone."""
    if proposal.changed("fields") or proposal.changed("keys"):
        require_draft(proposal.new)
        if any(data["itemCount"] for data in proposal.many("data")):
            raise InvalidInputError("fields, keys: the revision has items; delete its data to change its schema")
    return {}


def item_count(proposal: Proposal) -> Mapping[str, Any]:
    """How many items the revision has, as it is shown."""
    return {"itemCount": sum(data["itemCount"] for data in proposal.many("data"))}


def active_revision(proposal: Proposal) -> Mapping[str, Any]:
    """The published revision of a table, as it is shown with the table; nothing without one."""
    revision = proposal.one("active")
    return {"activeRevision": {**revision, **item_count(proposal)}} if revision else {}


def require_draft(revision: Mapping[str, Any]) -> None:
    """`InvalidInputError` unless the revision is a draft."""
    if revision["status"] != RevisionStatus.DRAFT:
        raise InvalidInputError(
            f"the revision {revision['id']} is {revision['status']}; only a DRAFT changes: copy it to make one"
        )


def check_transition(old: RevisionStatus, new: RevisionStatus) -> None:
    """`InvalidInputError` unless a revision may go from `old` to `new`, or stays where it is."""
    if new != old and new not in FOLLOWING[old]:
        raise InvalidInputError(f"status: a revision that is {old} cannot become {new}")


def same_schema(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two revisions have the same keys, in order, and the same fields, in any order."""
    return one["keys"] == other["keys"] and _types(one) == _types(other)


def checked_item(revision: Mapping[str, Any], item: Any, where: str) -> Item:
    """`item` as it is kept: every field has a value of its type. `InvalidInputError` names the field in `where`.

    The key with which answers show it, when they are asked to, may be sent back.
    """
    if not isinstance(item, Mapping):
        raise InvalidInputError(f"{where} must be an object with a value for each field")
    types = _types(revision)
    for name in item:
        if name not in types and name != SHOWN_KEY:
            raise InvalidInputError(f"{where}.{str(name)[:80]}: the revision has no such field")
    for name, type_ in types.items():
        value = item.get(name)
        if value is None:
            raise InvalidInputError(f"{where}.{name} is required")
        _check_value(value, type_, f"{where}.{name}")
        if len(revision["keys"]) > 1 and name in revision["keys"] and KEY_SEPARATOR in str(value):
            raise InvalidInputError(f"{where}.{name}: one of several keys must not hold a comma, which joins them")
    return {name: item[name] for name in types}


def lookup_key(keys: Sequence[str], item: Item) -> str:
    """The values of the keys, joined by commas in their order; equal numbers are written alike."""
    return KEY_SEPARATOR.join(key_text(item[key]) for key in keys)


def key_text(value: Any) -> str:
    """A key's value as it stands in a lookup key."""
    return f"{plain(Decimal(value)):f}" if isinstance(value, Decimal | int) else str(value)


def check_distinct(keys: Sequence[str], items: Iterable[Item]) -> None:
    """`InvalidInputError` when two items have one key."""
    seen: set[str] = set()
    for item in items:
        key = lookup_key(keys, item)
        if key in seen:
            raise InvalidInputError(f"items: two items have the key {key}")
        seen.add(key)


def _types(revision: Mapping[str, Any]) -> Mapping[str, str]:
    return {field["name"]: field["type"] for field in revision["fields"]}


def _check_value(value: Any, type_: str, where: str) -> None:
    if type_ == "STRING":
        if not isinstance(value, str) or len(value) > STRING_MAX_CHARS:
            raise InvalidInputError(f"{where} must be a string of at most {STRING_MAX_CHARS} characters")
    elif isinstance(value, bool) or not isinstance(value, int | Decimal) or not _fits(Decimal(value)):
        raise InvalidInputError(f"{where} must be a number of at most {DIGITS_MAX} digits")


def _fits(number: Decimal) -> bool:
    digits = number.as_tuple()
    return isinstance(digits.exponent, int) and max(len(digits.digits), abs(number.adjusted())) <= DIGITS_MAX

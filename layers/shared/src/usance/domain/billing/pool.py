"""Whose usage a plan rates: its own account's, or that of a family as one block (billing.md 5.2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from usance.domain.kernel.period import Instants


class ChildBilling(StrEnum):
    """Where the usage of child accounts is charged (billing.md 5.2)."""

    PARENT_BREAKDOWN = "PARENT_BREAKDOWN"
    PARENT_SUMMARY = "PARENT_SUMMARY"
    CHILD = "CHILD"


@dataclass(frozen=True, slots=True)
class Child:
    """A child account, as line items on its parent's bill name it."""

    id: str
    code: str


@dataclass(frozen=True, slots=True)
class Member:
    """An account whose usage counts, but for the spans `away` (ascending, apart) in which a plan of its own rates it.

    `child` is None for the parent.
    """

    account_id: str
    child: Child | None = None
    away: tuple[Instants, ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """The usage of an account in a span."""

    account_id: str
    span: Instants


def pieces(members: Sequence[Member], span: Instants) -> tuple[Piece, ...]:
    """The usage of `span` that counts."""
    return tuple(Piece(member.account_id, part) for member in members for part in _without(span, member.away))


def joined(spans: Sequence[Instants]) -> tuple[Instants, ...]:
    """The same time in ascending spans that neither overlap nor touch."""
    found: list[Instants] = []
    for span in sorted(spans, key=lambda span: (span.start, span.end)):
        if found and span.start <= found[-1].end:
            found[-1] = Instants(found[-1].start, max(found[-1].end, span.end))
        else:
            found.append(span)
    return tuple(found)


def _without(span: Instants, away: Sequence[Instants]) -> Sequence[Instants]:
    left: list[Instants] = []
    start = span.start
    for gone in away:
        if gone.start > start:
            left.append(Instants(start, min(gone.start, span.end)))
        start = max(start, gone.end)
        if start >= span.end:
            break
    else:
        left.append(Instants(start, span.end))
    return [part for part in left if part.start < part.end]

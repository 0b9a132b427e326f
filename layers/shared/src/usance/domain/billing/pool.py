"""Whose usage a plan rates: its own account's, or that of a family as one block (billing.md 5.2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from usance.domain.kernel.period import Instants, without


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

    `child` is None for the parent. `billed` are the spans in which its part is on another bill, and stays there; `kept` those in
    which it stays on this one, although the account pays for the rest on bills of its own.
    """

    account_id: str
    child: Child | None = None
    away: tuple[Instants, ...] = ()
    billed: tuple[Instants, ...] = ()
    kept: tuple[Instants, ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """The usage of an account in a span."""

    account_id: str
    span: Instants


def pieces(members: Sequence[Member], span: Instants) -> tuple[Piece, ...]:
    """The usage of `span` that counts."""
    return tuple(Piece(member.account_id, part) for member in members for part in without(span, member.away))

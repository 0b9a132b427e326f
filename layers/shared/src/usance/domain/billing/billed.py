"""What other bills have of an account plan and keep, and what that leaves (billing.md 12.7).

A bill that is final has charged for service periods. Each kind of charge is kept apart, since some are owed when a period
begins and others when it ends: whatever the configuration says later, time that a kind was charged for is not charged again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal
from typing import Final

from usance.domain.kernel.period import Instants, cut, joined, overlap, without
from usance.domain.kernel.quantity import EXACT, ZERO
from usance.domain.kernel.timezones import days_of

SETTLED: Final = "settled"
"""What is owed when a period ends: usage, credits for it, changes of counters, what minimums come to."""
STANDING: Final = "standing charge"
MINIMUM: Final = "minimum spend"
"""Of the plan or group itself, in advance."""


def minimum_of(pricing_id: str) -> str:
    """The minimum spend of a pricing, in advance."""
    return f"minimum spend of {pricing_id}"


def total_of(counter_id: str) -> str:
    """The running total of a counter."""
    return f"running total of {counter_id}"


@dataclass(frozen=True, slots=True)
class Billed:
    """A charge of another bill: of which kind, for which time, and how much; below 0 it gave time back."""

    what: str
    span: Instants
    amount: Decimal = ZERO


def left(billed: Sequence[Billed], what: str, span: Instants) -> tuple[Instants, ...]:
    """The parts of `span` that nothing of the kind was charged for, ascending."""
    return without(span, covered(billed, what, span))


def covered(billed: Sequence[Billed], what: str, span: Instants) -> tuple[Instants, ...]:
    """The parts of `span` that were charged for and not given back, ascending and apart."""
    mine = [one for one in billed if one.what == what and overlap(one.span, span)]
    if not mine:
        return ()
    inside = cut(span, (edge for one in mine for edge in (one.span.start, one.span.end)))
    return joined([part for part in inside if _times(mine, part) > 0])


def touches(billed: Sequence[Billed], what: str, span: Instants) -> bool:
    """Whether anything of `span` was charged for."""
    return bool(covered(billed, what, span))


def paid_in(billed: Sequence[Billed], what: str, span: Instants, zone: tzinfo) -> Decimal:
    """What was charged for the local days of `span`. Not rounded."""
    return sum((_share(one, span, zone) for one in billed if one.what == what and overlap(one.span, span)), ZERO)


def _times(billed: Sequence[Billed], part: Instants) -> int:
    """How often `part`, which no edge of `billed` cuts, was charged for, less how often it was given back."""
    over = (one for one in billed if one.span.start <= part.start < one.span.end)
    return sum(-1 if one.amount < ZERO else 1 for one in over)


def _share(one: Billed, span: Instants, zone: tzinfo) -> Decimal:
    inside = Instants(max(one.span.start, span.start), min(one.span.end, span.end))
    days, of_days = days_of(inside, zone), days_of(one.span, zone)
    return one.amount if days == of_days else EXACT.divide(EXACT.multiply(one.amount, Decimal(days)), Decimal(of_days))

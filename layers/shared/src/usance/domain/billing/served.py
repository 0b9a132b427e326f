"""What a bill has to do with each plan and plan group on it: which time it settles, charges in advance, or gives back."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, tzinfo
from typing import TypeVar

from usance.domain.billing.attached import AttachedPlan, Attachment
from usance.domain.billing.billed import MINIMUM, SETTLED, STANDING, covered, left, minimum_of, total_of, touches
from usance.domain.billing.context import Served
from usance.domain.billing.windows import Window, closing_window, ends_period_of, starting_window
from usance.domain.kernel.period import Instants, cut
from usance.domain.kernel.timezones import days_of

_Attached = TypeVar("_Attached", bound=Attachment)


def serve(plan: _Attached, day: date, zone: tzinfo) -> Served[_Attached]:
    """The plan on a bill of `day`."""
    closing = closing_window(plan, day, zone)
    unsettled = _unsettled(plan, closing, zone) if closing else ()
    return Served(plan, closing, starting_window(plan, day, zone), unsettled, _over(plan, day, zone))


def is_left(served: Served[Attachment]) -> bool:
    """Whether other bills leave anything of the plan to this one."""
    billed, window = served.plan.billed, served.closing
    if not billed:
        return bool(window or served.starting)
    if served.unsettled or served.over:
        return True
    opening = served.starting
    if opening and any(not touches(billed, what, opening.span) for what in in_advance(served.plan)):
        return True
    return window is not None and any(left(billed, what, window.span) for what in _late(served.plan, window))


def in_advance(plan: Attachment) -> Iterator[str]:
    """What of the plan is billed when a period begins. A counter without a value has nothing to bill."""
    counted = plan.counter_pricings if isinstance(plan, AttachedPlan) else ()
    values = plan.counter_values if isinstance(plan, AttachedPlan) else {}
    idle = {total_of(one.counter.id) for one in counted if one.counter.id not in values}
    return (what for what, early in timing(plan).items() if early and what not in idle)


def timing(plan: Attachment) -> Mapping[str, bool]:
    """What of the plan is charged for time, by its kind: whether when a period begins, or else when it ends."""
    found: dict[str, bool] = {}
    if plan.standing.amount:
        found[STANDING] = plan.standing.in_advance
    if plan.minimum.amount:
        found[MINIMUM] = plan.minimum.in_advance
    for pricing in plan.pricings:
        if pricing.minimum.amount:
            found[minimum_of(pricing.id)] = pricing.minimum.in_advance
    for counted in plan.counter_pricings if isinstance(plan, AttachedPlan) else ():
        what = total_of(counted.counter.id)
        found[what] = found.get(what, False) or counted.in_advance
    return found


def _late(plan: Attachment, window: Window) -> Iterator[str]:
    """What of charges by time is owed as `window` closes: in arrears, or since another bill has a part of it in advance."""
    if plan.standing.amount and not plan.standing.in_advance:
        yield STANDING
    for what in in_advance(plan):
        if what in plan.still_in_arrears or touches(plan.billed, what, window.span):
            yield what


def _unsettled(plan: Attachment, window: Window, zone: tzinfo) -> tuple[Window, ...]:
    """Cut also where the part of an account of the family is on another bill, or is kept on this one."""
    members = plan.members if isinstance(plan, AttachedPlan) else ()
    edges = {edge for member in members for one in (*member.billed, *member.kept) for edge in (one.start, one.end)}
    spans = left(plan.billed, SETTLED, window.span)
    if spans == (window.span,) and not edges:
        return (window,)
    parts = [part for span in spans for part in cut(span, edges)]
    return tuple(replace(window, span=part, days=days_of(part, zone)) for part in parts)


def _over(plan: Attachment, day: date, zone: tzinfo) -> Instants | None:
    if plan.end is None or not plan.billed or not ends_period_of(plan, plan.end, day, zone):
        return None
    last = max(one.span.end for one in plan.billed)
    if last <= plan.end:
        return None
    over = Instants(plan.end, last)
    kinds: Sequence[str] = sorted({one.what for one in plan.billed if one.amount} - {SETTLED})
    return over if any(covered(plan.billed, what, over) for what in kinds) else None

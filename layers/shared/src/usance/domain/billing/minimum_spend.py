"""Minimum spends, in arrears or in advance with a correction (billing.md 3.2, W5).

A period costs the greater of the minimum and what qualifies. In arrears one item lifts it there. In advance the whole
minimum is billed when the period begins, and when it ends a refund gives back what the charges used up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from usance.domain.billing.attached import AttachedPlan, Attachment, Origin, Product
from usance.domain.billing.billed import MINIMUM, Billed, paid_in, touches
from usance.domain.billing.context import Context, Served
from usance.domain.billing.items import Item, LineItemType, Working
from usance.domain.billing.pricings import Minimum
from usance.domain.billing.proration import prorate
from usance.domain.billing.windows import Window
from usance.domain.kernel.period import Instants, overlap
from usance.domain.kernel.quantity import ONE, ZERO


@dataclass(frozen=True, slots=True)
class Floor:
    """A minimum spend of a plan or a pricing, and how its items are labelled."""

    origin: Origin
    minimum: Minimum
    description: str
    accounting_product: Product | None
    pricing_id: str | None = None


def correction(minimum: Decimal, qualifying: Decimal, advanced: Decimal) -> tuple[LineItemType, Decimal]:
    """What closes a period, for which `advanced` was billed before: the type and amount of its item; 0 is no item.

    What was advanced, the charges and this come to the greater of minimum and charges (Q3). Where the whole minimum was
    advanced, that gives back the smaller of the two; what charges below 0 (negative usage) took off it is added again.
    """
    due = max(minimum, qualifying) - qualifying - advanced
    return (LineItemType.MINIMUM_SPEND_REFUND if due < ZERO else LineItemType.MINIMUM_SPEND), due


def due_amount(context: Context, floor: Floor, days: int, of_days: int) -> Decimal:
    """The minimum for `days` of a period of `of_days`, rounded as it is billed (Q5)."""
    return context.inputs.terms.currency(floor.origin.currency).round(prorate(floor.minimum.amount, days, of_days))


def opening_minimum(context: Context, floor: Floor, served: Served[Attachment]) -> Sequence[Item]:
    """The item that bills the minimum of a plan or plan group in advance; none where another bill has some of that time."""
    window = served.starting
    if not (window and floor.minimum.in_advance) or touches(served.plan.billed, MINIMUM, window.span):
        return ()
    return advance_items(floor, due_amount(context, floor, window.days, window.standard.days), window.span)


def advance_items(floor: Floor, amount: Decimal, span: Instants) -> Sequence[Item]:
    """The item that bills the minimum of the period about to begin."""
    given = (("minimumSpend", floor.minimum.amount),)
    return _items(floor, LineItemType.MINIMUM_SPEND, Working("MINIMUM_IN_ADVANCE", given, amount), span)


def closing_items(
    floor: Floor, amount: Decimal, qualifying: Decimal, span: Instants, advanced: Decimal
) -> Sequence[Item]:
    """The item that closes a period whose charges came to `qualifying`, and for which `advanced` was billed before."""
    type_, due = correction(amount, qualifying, advanced)
    given = (("minimumSpend", floor.minimum.amount), ("minimumOfPeriod", amount), ("qualifying", qualifying))
    usual = amount if floor.minimum.in_advance else ZERO
    told = given if advanced == usual else (*given, ("inAdvance", advanced))
    return _items(floor, type_, Working("MINIMUM_CORRECTED", told, due), span)


def closed(served: Served[Attachment]) -> Sequence[Window]:
    """The parts of the closing window whose minimum this bill settles.

    That of a plan which rates a family is settled, with what all of them used, by the bill that has the parent's own part.
    """
    plan = served.plan
    own = [member.billed for member in plan.members if not member.child] if isinstance(plan, AttachedPlan) else []
    elsewhere = [span for spans in own for span in spans]
    return [window for window in served.unsettled if not any(overlap(window.span, span) for span in elsewhere)]


def advanced_for(
    context: Context, floor: Floor, what: str, served: Served[Attachment], window: Window, amount: Decimal
) -> Decimal:
    """What the minimum `what` was billed in advance for a part of the closing window, `amount` if by this agreement.

    What was billed for time after the plan's end counts for its last part: it is owed for none.
    """
    closing, billed = served.closing, served.plan.billed
    if closing is None or not touches(billed, what, _with(closing.span, served.over)):
        return amount if floor.minimum.in_advance and what not in served.plan.still_in_arrears else ZERO
    last = window.span.end == closing.span.end
    zone = context.inputs.terms.zone
    paid = paid_in(billed, what, _with(window.span, served.over) if last else window.span, zone)
    return context.inputs.terms.currency(floor.origin.currency).round(paid)


def given_back(context: Context, floor: Floor, what: str, served: Served[Attachment]) -> Sequence[Item]:
    """The item that gives back what was billed in advance for time after the plan's end, when no period closes."""
    if served.over is None or served.unsettled:
        return ()
    paid = paid_in(served.plan.billed, what, served.over, context.inputs.terms.zone)
    back = -context.inputs.terms.currency(floor.origin.currency).round(paid)
    return _items(
        floor, LineItemType.MINIMUM_SPEND_REFUND, Working("GIVEN_BACK", (("billed", paid),), back), served.over
    )


def times_of(
    context: Context, floor: Floor, what: str, served: Served[Attachment], charged: Sequence[Item]
) -> Sequence[Billed]:
    """The time that the bill charges a minimum in advance for (`charged`), settles in arrears, or gives back.

    What it settles in arrears has no amount of its own: it is not owed in advance any more, and not to be given back.
    """
    found = [Billed(what, item.span, item.subtotal) for item in charged]
    if floor.minimum.amount and (not floor.minimum.in_advance or what in served.plan.still_in_arrears):
        found += (Billed(what, window.span) for window in closed(served))
    if served.over and (paid := paid_in(served.plan.billed, what, served.over, context.inputs.terms.zone)):
        found.append(Billed(what, served.over, -paid))
    return found


def _with(span: Instants, over: Instants | None) -> Instants:
    return Instants(span.start, over.end) if over else span


def _items(floor: Floor, type_: LineItemType, working: Working, span: Instants) -> Sequence[Item]:
    amount = working.result
    if not amount:
        return ()
    return (
        Item(
            type=type_,
            description=floor.minimum.description or floor.description,
            origin=floor.origin,
            accounting_product=floor.accounting_product,
            span=span,
            subtotal=amount,
            quantity=ONE,
            units=ONE,
            unit="",
            average_unit_price=amount,
            pricing_id=floor.pricing_id,
            workings=(working,),
        ),
    )

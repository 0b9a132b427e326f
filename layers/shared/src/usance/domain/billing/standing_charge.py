"""Standing charges, in arrears or in advance (billing.md 3.1)."""

from collections.abc import Iterator, Sequence

from usance.domain.billing.attached import Attachment
from usance.domain.billing.billed import STANDING, Billed, left, paid_in, touches
from usance.domain.billing.billed import covered as covered_by
from usance.domain.billing.context import Context, Served
from usance.domain.billing.items import Item, LineItemType, Working
from usance.domain.billing.proration import prorated
from usance.domain.billing.windows import Window, numbered_window
from usance.domain.kernel.period import Instants
from usance.domain.kernel.quantity import ONE
from usance.domain.kernel.timezones import days_of

DESCRIPTION = "Standing Charge"


def standing_charges(context: Context, _: Sequence[Item]) -> Sequence[Item]:
    """The STANDING_CHARGE items of each plan and plan group whose turn it is, and what a plan that ended early gets back."""
    attached: Sequence[Served[Attachment]] = (*context.served, *context.served_groups)
    return [item for served in attached for item in _items(context, served)]


def standing_times(context: Context, served: Served[Attachment]) -> Sequence[Billed]:
    """The time that the bill's standing charges of a plan or plan group are for."""
    return [Billed(STANDING, item.span, item.subtotal) for item in _items(context, served)]


def _items(context: Context, served: Served[Attachment]) -> Iterator[Item]:
    plan, standing = served.plan, served.plan.standing
    if standing.amount:
        for window, opens in ((served.closing, False), (served.starting, True)):
            if window and is_its_turn(window.index, standing.interval, standing.offset):
                covered = _covered(context, plan, window)
                whole = Instants(covered[0].span.start, covered[-1].span.end)
                # What another bill has a part of, or none at its time, is charged as its period ends.
                late = touches(plan.billed, STANDING, whole) or (not opens and STANDING in plan.still_in_arrears)
                if opens == (standing.in_advance and not late):
                    for span in left(plan.billed, STANDING, whole):
                        yield _charge(context, plan, covered, span)
    if served.over:
        for span in covered_by(plan.billed, STANDING, served.over):
            back = paid_in(plan.billed, STANDING, span, context.inputs.terms.zone)
            yield _item(context, plan, span, Working("GIVEN_BACK", (("billed", back),), -back))


def _charge(context: Context, plan: Attachment, covered: Sequence[Window], span: Instants) -> Item:
    """The charge for the days of `span`, which lies in the windows `covered`."""
    of_days = sum(part.standard.days for part in covered)
    missing = plan.standing.interval - len(covered)  # periods after the plan has ended
    if missing:
        of_days += _days_after(plan, covered[-1], periods=missing)
    return _item(context, plan, span, prorated(plan.standing.amount, days_of(span, context.inputs.terms.zone), of_days))


def _item(context: Context, plan: Attachment, span: Instants, share: Working) -> Item:
    standing, origin = plan.standing, plan.origin
    amount = context.inputs.terms.currency(plan.currency).round(share.result)
    return Item(
        type=LineItemType.STANDING_CHARGE,
        description=standing.description or DESCRIPTION,
        origin=origin,
        accounting_product=context.product(
            standing.accounting_product_id, origin.product.id if origin.product else None
        ),
        span=span,
        subtotal=amount,
        quantity=ONE,
        units=ONE,
        unit="",
        average_unit_price=amount,
        workings=(share,),
    )


def is_its_turn(index: int, interval: int, offset: int) -> bool:
    """Whether the plan's `index`-th bill carries the charge (W14)."""
    return index >= offset and (index - offset) % interval == 0


def _covered(context: Context, plan: Attachment, window: Window) -> Sequence[Window]:
    """The windows that one charge pays for: groups of `interval` from the plan's first; `offset` picks the bill.

    The whole group counts wherever in it the charge falls, so that a plan in force throughout pays the whole amount.
    """
    standing = plan.standing
    first = window.index - standing.offset % standing.interval
    zone = context.inputs.terms.zone
    windows = (numbered_window(plan, first + step, zone) for step in range(standing.interval))
    return [covered for covered in windows if covered]


def _days_after(plan: Attachment, window: Window, *, periods: int) -> int:
    calendar = plan.calendar
    k = calendar.index_of(window.standard.start)
    return sum(calendar.period(k + step).days for step in range(1, periods + 1))

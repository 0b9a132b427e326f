"""Standing charges, in arrears or in advance (billing.md 3.1)."""

from collections.abc import Sequence

from usance.domain.billing.attached import Attachment
from usance.domain.billing.context import Context, Served
from usance.domain.billing.items import Item, LineItemType
from usance.domain.billing.proration import prorated
from usance.domain.billing.windows import Window, numbered_window
from usance.domain.kernel.period import Instants
from usance.domain.kernel.quantity import ONE

DESCRIPTION = "Standing Charge"


def standing_charges(context: Context, _: Sequence[Item]) -> Sequence[Item]:
    """The STANDING_CHARGE item of each plan and plan group whose turn it is."""
    items = (_item(context, served) for served in (*context.served, *context.served_groups))
    return [item for item in items if item]


def _item(context: Context, served: Served[Attachment]) -> Item | None:
    plan, standing, origin = served.plan, served.plan.standing, served.plan.origin
    window = served.starting if standing.in_advance else served.closing
    if not window or not standing.amount or not _is_its_turn(window.index, standing.interval, standing.offset):
        return None
    covered = _covered(context, plan, window)
    days = sum(part.days for part in covered)
    of_days = sum(part.standard.days for part in covered)
    missing = standing.interval - len(covered)  # periods after the plan has ended
    if missing:
        of_days += _days_after(plan, covered[-1], periods=missing)
    share = prorated(standing.amount, days, of_days)
    amount = context.inputs.terms.currency(plan.currency).round(share.result)
    return Item(
        type=LineItemType.STANDING_CHARGE,
        description=standing.description or DESCRIPTION,
        origin=origin,
        accounting_product=context.product(
            standing.accounting_product_id, origin.product.id if origin.product else None
        ),
        span=Instants(covered[0].span.start, covered[-1].span.end),
        subtotal=amount,
        quantity=ONE,
        units=ONE,
        unit="",
        average_unit_price=amount,
        workings=(share,),
    )


def _is_its_turn(index: int, interval: int, offset: int) -> bool:
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

"""Charges of a family of accounts: pooled charges in parts, equal charges of children in one (billing.md 5.2)."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal, localcontext

from usance.domain.billing.attached import AttachedPlan
from usance.domain.billing.context import Context
from usance.domain.billing.items import Item, Working
from usance.domain.billing.pool import ChildBilling, Member
from usance.domain.billing.pricings import Compound, Pricing
from usance.domain.billing.shares import PLACES, split, split_bands
from usance.domain.billing.usage import quantity
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.period import overlap
from usance.domain.kernel.quantity import EXACT, ZERO


def parts_of(context: Context, plan: AttachedPlan, pricing: Pricing, item: Item) -> Sequence[Item]:
    """`item`, rated over the whole pool, as an item per account with usage, in proportion to it; together they are it.

    Those that other accounts pay on bills of their own are marked with that account.
    """
    if not plan.is_split:
        return [item]
    values = [(member, _used_by(context, plan, pricing, item, member)) for member in plan.members]
    used = [(member, value) for member, value in values if value is not None]
    if not used:  # the aggregation's default, which nobody used
        used = [(plan.members[0], item.quantity)]
    compound = isinstance(pricing.aggregation, Compound)  # what is calculated of parts need not be their sum
    weights = [max(value, ZERO) if compound else value for _, value in used]
    quantities = split(item.quantity, weights, _places(item.quantity)) if compound else weights
    places = context.inputs.terms.currency(plan.currency).max_decimal_places
    subtotals = split(item.subtotal, weights, places)
    units = split(item.units, weights, _places(item.units))
    bands = split_bands(item.bands, weights)
    return [
        replace(
            _for_member(context, plan, item, member),
            quantity=quantities[at],
            units=units[at],
            subtotal=subtotals[at],
            bands=bands[at],
            workings=(*item.workings, _share(item, weights[at], weights, subtotals[at])),
        )
        for at, (member, _) in enumerate(used)
    ]


def _used_by(context: Context, plan: AttachedPlan, pricing: Pricing, item: Item, member: Member) -> Decimal | None:
    """What an account used; 0 where a calculation that holds for the pool has no value for one of its accounts."""
    try:
        return quantity(context.usage, plan, pricing, item.span, member)
    except InvalidInputError:
        return ZERO


def _places(amount: Decimal) -> int:
    return max(PLACES, -int(amount.as_tuple().exponent))


def _share(item: Item, weight: Decimal, weights: Sequence[Decimal], amount: Decimal) -> Working:
    with localcontext(EXACT):
        whole = (("whole", item.subtotal), ("used", weight), ("ofUsed", sum(weights, ZERO)))
    return Working("SHARED", whole, amount)


def _for_member(context: Context, plan: AttachedPlan, item: Item, member: Member) -> Item:
    if plan.child_billing is ChildBilling.CHILD:
        payer = member.account_id
        if any(overlap(one, item.span) for one in member.kept):
            return replace(item, origin=replace(item.origin, child=member.child))
        return replace(item, elsewhere="" if payer == context.inputs.account.id else payer)
    if any(overlap(one, item.span) for one in member.billed):
        return replace(item, elsewhere=member.account_id)
    if item.origin.summary:
        return item
    return replace(item, origin=replace(item.origin, child=member.child))


def summarized(items: Sequence[Item]) -> Sequence[Item]:
    """The items, those of plans in summary put together where they charge the same for the same time.

    Each stays at the place of the first of its kind.
    """
    kinds: dict[object, list[Item]] = {}
    for at, item in enumerate(items):
        kinds.setdefault(kind_of_line(item) if item.origin.summary else at, []).append(item)
    return [_sum(same) if same[0].origin.summary else same[0] for same in kinds.values()]


def kind_of_line(item: Item) -> object:
    """What charges of plans in summary have in common that are put together."""
    origin = replace(item.origin, account_plan_id=None)
    return item.type, item.description, origin, item.accounting_product, item.span, item.pricing_id, item.elsewhere


def _sum(items: Sequence[Item]) -> Item:
    with localcontext(EXACT):
        units = sum((one.units for one in items), ZERO)
        bands = [band for one in items for band in one.bands]
        charged = {band.band.id: [other for other in bands if other.band.id == band.band.id] for band in bands}
        total = sum((one.subtotal for one in items), ZERO)
        summed = Working("SUMMED", tuple((str(at), one.subtotal) for at, one in enumerate(items, start=1)), total)
        return replace(
            items[0],
            origin=replace(items[0].origin, account_plan_id=None),
            subtotal=total,
            workings=items[0].workings if len(items) == 1 else (summed,),
            quantity=sum((one.quantity for one in items), ZERO),
            units=units,
            average_unit_price=_average(items, units),
            bands=tuple(
                replace(
                    same[0],
                    units=sum((one.units for one in same), ZERO),
                    unit_subtotal=sum((one.unit_subtotal for one in same), ZERO),
                    subtotal=sum((one.subtotal for one in same), ZERO),
                )
                for same in charged.values()
            ),
        )


def _average(items: Sequence[Item], units: Decimal) -> Decimal:
    """The average price over all units, each item's weighing as much as it has units."""
    if len(items) == 1 or not units:
        return items[0].average_unit_price
    return sum((one.average_unit_price * one.units for one in items), ZERO) / units

"""Usage beyond what credits cover: surcharged, priced by overage bands, or shown apart (billing.md 8.2, W12, W16).

Usage lies beyond when a credit that is for it has run out. For each stretch of it the first of these that applies does:
the surcharge of the last such credit that has one; the overage bands of its pricing; its normal price on a line item of its own,
when such a credit asks for that; else nothing but its normal price.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from usance.domain.billing.context import Context
from usance.domain.billing.credit import Credit
from usance.domain.billing.items import Item, LineItemType, Working
from usance.domain.billing.line_id import line_id
from usance.domain.billing.pricings import Pricing
from usance.domain.billing.shares import PLACES, split
from usance.domain.billing.unpaid import Part
from usance.domain.kernel.period import Instants
from usance.domain.kernel.quantity import EXACT, ONE, ZERO
from usance.domain.rating.bands import charge
from usance.domain.rating.reach import Reach, reach

_HUNDRED: Final = Decimal(100)


@dataclass(slots=True)
class _Beyond:
    """What of one item lies beyond a credit."""

    credit: Credit
    amount: Decimal
    span: Instants


def overage(
    context: Context, items: Sequence[Item], parts: Sequence[Sequence[Part]], eligible: Sequence[Sequence[Credit]]
) -> tuple[list[Item], list[Item]]:
    """The items without the usage that is billed as overage, and the items of overage.

    `parts` are the items' open amounts when every credit has paid, `eligible` the credits that are for each, in order.
    """
    charged: list[Item] = []
    beyond: list[Item] = []
    pricings = _pricings(context)
    for item, own, credits_ in zip(items, parts, eligible, strict=True):
        if item.type is not LineItemType.USAGE or not credits_:
            charged.append(item)
            continue
        pricing = pricings.get(item.pricing_id or "")
        surcharged, apart = _found(own, credits_, pricing)
        beyond += [_surcharge(context, item, one) for one in surcharged]
        if apart is None:
            charged.append(item)
            continue
        within, over = _parted(context, item, apart, pricing)
        charged += [within] if within else []
        beyond.append(over)
    return charged, [item for item in beyond if item.subtotal or item.units]


def _pricings(context: Context) -> dict[str, Pricing]:
    return {pricing.id: pricing for served in context.served for pricing in served.plan.pricings}


def _found(
    parts: Sequence[Part], credits_: Sequence[Credit], pricing: Pricing | None
) -> tuple[Sequence[_Beyond], _Beyond | None]:
    """What is surcharged, by credit, and what becomes a line item of its own."""
    surcharged: dict[str, _Beyond] = {}
    apart: _Beyond | None = None
    for part in parts:
        exhausted = [credit for credit in credits_ if credit.phase(part.span.start)]
        if not part.open or not exhausted:
            continue
        surcharging = [credit for credit in exhausted if credit.surcharge_percent]
        if surcharging:
            last = surcharging[-1]
            surcharged[last.id] = _with(surcharged.get(last.id), last, part)
        elif pricing and pricing.overage_bands:
            apart = _with(apart, exhausted[-1], part)
        elif separating := [credit for credit in exhausted if credit.separate_overage]:
            apart = _with(apart, separating[-1], part)
    return list(surcharged.values()), apart


def _with(before: _Beyond | None, credit: Credit, part: Part) -> _Beyond:
    if before is None:
        return _Beyond(credit, part.open, part.span)
    span = Instants(min(before.span.start, part.span.start), max(before.span.end, part.span.end))
    return _Beyond(credit, EXACT.add(before.amount, part.open), span)


def _surcharge(context: Context, item: Item, beyond: _Beyond) -> Item:
    """The OVERAGE_SURCHARGE on what lies beyond; the usage itself keeps its normal price."""
    percent = beyond.credit.surcharge_percent
    share = EXACT.divide(EXACT.multiply(beyond.amount, percent), _HUNDRED)
    amount = context.inputs.terms.currency(item.origin.currency).round(share)
    return Item(
        type=LineItemType.OVERAGE_SURCHARGE,
        description=beyond.credit.overage_description or "Overage Surcharge",
        origin=item.origin,
        accounting_product=item.accounting_product,
        span=beyond.span,
        subtotal=amount,
        quantity=ONE,
        units=ONE,
        unit="",
        average_unit_price=amount,
        pays_for=line_id(context.inputs.bill_id, item),
        commitment_id=beyond.credit.commitment_id,
        balance_id=beyond.credit.balance_id,
        workings=(Working("SURCHARGED", (("beyond", beyond.amount), ("overageSurchargePercent", percent)), share),),
    )


def _parted(context: Context, item: Item, beyond: _Beyond, pricing: Pricing | None) -> tuple[Item | None, Item]:
    """The usage within the credits, None without any, and the OVERAGE_USAGE."""
    kept = EXACT.subtract(item.subtotal, beyond.amount)
    found = reach(item.bands, kept) if beyond.amount < item.subtotal else Reach(within=(), beyond=item.bands)
    bands, subtotal = found.beyond, beyond.amount
    units = [sum((part.units for part in side), ZERO) for side in (found.within, found.beyond)]
    if pricing and pricing.overage_bands:
        priced = charge(pricing.overage_bands, units[1], cumulative=True)
        bands, subtotal = priced.bands, context.inputs.terms.currency(item.origin.currency).round(priced.subtotal)
    quantities = split(item.quantity, units, PLACES)
    alone = not kept and not units[0]
    over = replace(
        item,
        type=LineItemType.OVERAGE_USAGE,
        description=beyond.credit.overage_description or "Overage Usage",
        span=item.span if alone else beyond.span,  # the whole quantity was used in the whole time
        subtotal=subtotal,
        quantity=quantities[1],
        units=units[1],
        average_unit_price=_average(subtotal, units[1]),
        bands=bands,
        pays_for=None if alone else line_id(context.inputs.bill_id, item),
        apart="overage",
        commitment_id=beyond.credit.commitment_id,
        balance_id=beyond.credit.balance_id,
    )
    if alone:
        return None, over
    average_ = _average(kept, units[0])
    within = replace(
        item, subtotal=kept, quantity=quantities[0], units=units[0], average_unit_price=average_, bands=found.within
    )
    return within, over


def _average(subtotal: Decimal, units: Decimal) -> Decimal:
    return EXACT.divide(subtotal, units) if units else ZERO

"""Usage in arrears: one line item per pricing, segment and stretch of time (billing.md 2)."""

from collections.abc import Iterator, Sequence
from datetime import tzinfo
from decimal import Decimal, localcontext

from usance.domain.billing.attached import AttachedPlan
from usance.domain.billing.context import Context
from usance.domain.billing.family_items import parts_of
from usance.domain.billing.items import Item, LineItemType
from usance.domain.billing.priced_spans import PricedSpan, priced_spans
from usance.domain.billing.pricings import Compound, Pricing, PricingType
from usance.domain.billing.usage import UsageQuery, quantity, usage_queries
from usance.domain.billing.windows import Window, spans_before
from usance.domain.kernel.money import Currency
from usance.domain.kernel.quantity import EXACT, ZERO, rated_units
from usance.domain.rating.bands import BandCharge, Charge, charge
from usance.domain.rating.spanning import spanning_charge


def usage_charges(context: Context, _: Sequence[Item]) -> Sequence[Item]:
    """The USAGE items of every plan."""
    return [
        part
        for served in context.served
        for window in served.unsettled
        for priced in priced_spans(_debits(served.plan), window.span)
        if (item := rated_item(context, served.plan, priced, LineItemType.USAGE))
        for part in parts_of(context, served.plan, priced.pricing, item)
    ]


def queries(plan: AttachedPlan, window: Window, zone: tzinfo) -> Iterator[UsageQuery]:
    """What must be known of usage to rate every pricing of `plan`, credits included, in `window`."""
    for priced in priced_spans(plan.pricings, window.span):
        yield from usage_queries(plan, priced.pricing, priced.span)
        if plan.is_split:
            for member in plan.members:
                yield from usage_queries(plan, priced.pricing, priced.span, member)
        if priced.pricing.tiers_span_plan:
            for earlier in spans_before(plan, priced.span.start, zone):
                yield from usage_queries(plan, priced.pricing, earlier)


def rated_item(context: Context, plan: AttachedPlan, priced: PricedSpan[Pricing], type_: LineItemType) -> Item | None:
    """The item that prices one stretch, positive; None when there is no usage and no default."""
    pricing, aggregation = priced.pricing, priced.pricing.aggregation
    compound = isinstance(aggregation, Compound)
    used = quantity(context.usage, plan, pricing, priced.span)
    if used is None:
        return None
    units = rated_units(used, aggregation.quantity_per_unit, aggregation.rounding)
    price = _price(context, plan, priced, units)
    return Item(
        type=type_,
        description=pricing.description or _name(pricing),
        origin=plan.origin,
        accounting_product=context.product(
            pricing.accounting_product_id, aggregation.accounting_product_id, plan.product.id
        ),
        span=priced.span,
        subtotal=_rounded(context.inputs.terms.currency(plan.currency), price, type_),
        quantity=used,
        units=units,
        unit=aggregation.unit,
        average_unit_price=EXACT.divide(price.subtotal, units) if units else ZERO,
        bands=price.bands,
        quantity_per_unit=aggregation.quantity_per_unit,
        pricing_id=pricing.id,
        aggregation_id=None if compound else aggregation.id,
        compound_aggregation_id=aggregation.id if compound else None,
        meter_id=None if isinstance(aggregation, Compound) else aggregation.meter_id,
        segment=dict(pricing.segment) or None,
    )


def is_priced_below_zero(bands: Sequence[BandCharge]) -> bool:
    """Whether a credit's prices carry its sign. They mean the same without (billing.md 2.1)."""
    return any(part.band.unit_price < ZERO or part.band.fixed_price < ZERO for part in bands)


def _rounded(currency: Currency, price: Charge, type_: LineItemType) -> Decimal:
    """The subtotal as the line item has it: of a credit, what is rounded is the amount below 0, however it was priced."""
    if type_ is LineItemType.USAGE_CREDIT and not is_priced_below_zero(price.bands):
        return -currency.round(-price.subtotal)
    return currency.round(price.subtotal)


def _debits(plan: AttachedPlan) -> tuple[Pricing, ...]:
    return tuple(pricing for pricing in plan.pricings if pricing.type is PricingType.DEBIT)


def _price(context: Context, plan: AttachedPlan, priced: PricedSpan[Pricing], units: Decimal) -> Charge:
    pricing = priced.pricing
    if not pricing.tiers_span_plan:
        return charge(pricing.bands, units, cumulative=pricing.cumulative)
    before = _units_before(context, plan, priced)
    return spanning_charge(pricing.bands, before, units, cumulative=pricing.cumulative)


def _units_before(context: Context, plan: AttachedPlan, priced: PricedSpan[Pricing]) -> Decimal | None:
    """Units of the account plan before this stretch, each period's rounded as its bill rounded them; None without any."""
    aggregation = priced.pricing.aggregation
    spans = spans_before(plan, priced.span.start, context.inputs.terms.zone)
    found = (quantity(context.usage, plan, priced.pricing, span) for span in spans)
    units = [
        rated_units(used, aggregation.quantity_per_unit, aggregation.rounding) for used in found if used is not None
    ]
    with localcontext(EXACT):
        return sum(units, ZERO) if units else None


def _name(pricing: Pricing) -> str:
    """`<Aggregation name>`, with the segment's values when there is one (billing.md 12.4)."""
    values = ", ".join(value for _, value in pricing.segment)
    return f"{pricing.aggregation.name} ({values})" if values else pricing.aggregation.name

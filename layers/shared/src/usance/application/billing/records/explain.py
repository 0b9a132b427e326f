"""How a line item came about, step by step, from the record of its bill alone."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from usance.application.billing.documents import band_of
from usance.application.billing.records.record import Answer, BillRecord
from usance.domain.billing.attached import AttachedPlan
from usance.domain.billing.compound import fields_used
from usance.domain.billing.draft import Line
from usance.domain.billing.figures import plain
from usance.domain.billing.items import Item
from usance.domain.billing.pricings import Aggregation, Compound, Pricing
from usance.domain.billing.terms import Terms
from usance.domain.billing.usage import UsageQuery, usage_queries
from usance.domain.billing.windows import spans_before
from usance.domain.kernel.quantity import EXACT
from usance.domain.metering.instants import instant_of
from usance.resources import instants
from usance.resources.wire import Document


def explained(record: BillRecord, line_id: str) -> Document | None:
    """The explanation of a line item, or None when the calculation made none of this id."""
    line = next((line for line in record.decide().lines if line.id == line_id), None)
    if line is None:
        return None
    item = line.item
    plan, pricing = _priced(record, item)
    found: dict[str, Any] = {
        "lineItemType": item.type.value,
        "description": item.description,
        "servicePeriodStartDate": _text(item.span.start),
        "servicePeriodEndDate": _text(item.span.end),
        "usage": [_usage_of(*one) for one in _asked(record, item, pricing)],
        "workings": [
            {
                "step": working.step,
                "given": {name: plain(value) for name, value in working.given},
                "result": working.result,
            }
            for working in item.workings
        ],
        "rounding": _rounding(record.inputs.terms, item),
        "conversion": _conversion(record.inputs.terms, line),
    }
    if pricing:
        found |= {"pricing": _pricing_of(pricing)}
        if item.aggregation_id or item.compound_aggregation_id:
            found |= {"units": _units(pricing, item)}
    if plan and pricing and isinstance(pricing.aggregation, Compound):
        found |= {"compoundAggregation": _compound(pricing.aggregation, plan)}
    if item.bands:
        found |= {"bandUsage": [band_of(band, line) for band in item.bands]}
    return found


def _priced(record: BillRecord, item: Item) -> tuple[AttachedPlan, Pricing] | tuple[None, None]:
    known = ((plan, pricing) for plan in record.inputs.plans for pricing in plan.pricings)
    return next((one for one in known if item.pricing_id and one[1].id == item.pricing_id), (None, None))


def _asked(record: BillRecord, item: Item, pricing: Pricing | None) -> Sequence[tuple[UsageQuery, Answer]]:
    """The usage that the line was priced by, in the order of the record.

    That is the usage of its own period, and of those before where tiers span the plan; of a part of a pool, that of the
    pool and of the account whose part it is.
    """
    if pricing is None or not (item.aggregation_id or item.compound_aggregation_id):
        return []
    account_id = item.origin.child.id if item.origin.child else record.inputs.account.id
    zone = record.inputs.terms.zone
    wanted: set[UsageQuery] = set()
    for plan in record.inputs.plans:
        if item.origin.account_plan_id in (None, plan.account_plan_id) and pricing in plan.pricings:
            members = [one for one in plan.members if one.account_id == account_id]
            spans = spans_before(plan, item.span.start, zone) if pricing.tiers_span_plan else ()
            wanted.update(*(usage_queries(plan, pricing, item.span, one) for one in (None, *members)))
            wanted.update(*(usage_queries(plan, pricing, span) for span in spans))
    return [(query, answer) for query, answer in record.answered if query in wanted]


def _usage_of(query: UsageQuery, answer: Answer) -> Document:
    seen = answer.evidence
    return {
        "aggregationId": query.aggregation_id,
        "meterId": query.meter_id,
        **({"accountIds": _accounts(query)} if query.pieces is not None else {}),
        "aggregation": query.method,
        "targetField": query.target_field,
        **({"segment": dict(query.segment)} if query.segment else {}),
        "startDate": _text(query.span.start),
        "endDate": _text(query.span.end),
        "value": answer.value,
        "count": seen.count if seen else 0,
        **({"first": _text(instant_of(seen.first)), "last": _text(instant_of(seen.last))} if seen else {}),
        **({"digest": seen.digest} if seen else {}),
    }


def _accounts(query: UsageQuery) -> Sequence[str]:
    """Whose usage a query is about, where it is not just that of the bill's account."""
    return list(dict.fromkeys(piece.account_id for piece in query.pieces or ()))


def _pricing_of(pricing: Pricing) -> Document:
    return {
        "id": pricing.id,
        "version": pricing.version,
        "type": pricing.type.value,
        "ofTemplate": pricing.of_template,
        "startDate": _text(pricing.start),
        **({"endDate": _text(pricing.end)} if pricing.end else {}),
        "cumulative": pricing.cumulative,
        "tiersSpanPlan": pricing.tiers_span_plan,
        **({"segment": dict(pricing.segment)} if pricing.segment else {}),
        "minimumSpend": pricing.minimum.amount,
        "pricingBands": [
            {
                "id": band.id,
                "lowerLimit": band.lower_limit,
                "fixedPrice": band.fixed_price,
                "unitPrice": band.unit_price,
            }
            for band in pricing.bands
        ],
    }


def _compound(compound: Compound, plan: AttachedPlan) -> Document:
    """How the quantity follows from the values of its aggregations, each the default one where there was no usage."""
    used = fields_used(compound.calculation)
    return {
        "id": compound.id,
        "calculation": compound.calculation,
        "evaluateNullAggregations": compound.evaluate_nulls,
        "aggregations": [{"code": code, "aggregationId": part.id, **_default(part)} for code, part in compound.parts],
        "customFields": {name: value for name, value in plan.custom_fields.items() if name in used},
    }


def _default(aggregation: Aggregation | Compound) -> Document:
    """What stands in where there was no usage."""
    if isinstance(aggregation, Compound) or aggregation.default_value is None:
        return {}
    return {"defaultValue": aggregation.default_value}


def _units(pricing: Pricing, item: Item) -> Document:
    aggregation = pricing.aggregation
    return {
        "quantity": plain(item.quantity),
        **_default(aggregation),
        "quantityPerUnit": aggregation.quantity_per_unit,
        "exact": plain(EXACT.divide(item.quantity, aggregation.quantity_per_unit)),
        "rounding": aggregation.rounding.value,
        "units": plain(item.units),
    }


def _rounding(terms: Terms, item: Item) -> Document:
    if item.workings:
        exact = item.workings[-1].result
    else:
        exact = sum((band.subtotal for band in item.bands), Decimal(0)) if item.bands else item.subtotal
    return _rounded(terms, item.origin.currency, exact, item.subtotal)


def _conversion(terms: Terms, line: Line) -> Document:
    exact = EXACT.multiply(line.item.subtotal, line.rate)
    rounded = _rounded(terms, terms.billing_currency, exact, line.converted_subtotal)
    return {"from": line.item.origin.currency, "conversionRate": line.rate, **rounded}


def _rounded(terms: Terms, code: str, exact: Decimal, result: Decimal) -> Document:
    currency = terms.currency(code)
    return {
        "currency": code,
        "maxDecimalPlaces": currency.max_decimal_places,
        "roundingMode": currency.rounding_mode.value,
        "exact": plain(exact),
        "result": result,
    }


def _text(instant: datetime) -> str:
    return instants.to_text(instant)

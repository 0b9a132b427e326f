"""Usage as the engine asks for it and gets it: aggregated values, never measurements (billing.md 2.3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from usance.domain.billing.inputs import Aggregation, Pricing
from usance.domain.kernel.period import Instants


@dataclass(frozen=True, slots=True)
class UsageQuery:
    """The value of an aggregation over a span.

    `segment` is None for all measurements, or one of `segments`: then a measurement counts for the most specific
    segment that it matches, and for that one only (metering.md 4.5).
    """

    meter_id: str
    method: str
    target_field: str
    span: Instants
    segmented_fields: tuple[str, ...] = ()
    segments: tuple[tuple[tuple[str, str], ...], ...] = ()
    segment: tuple[tuple[str, str], ...] | None = None


UsageValues = Mapping[UsageQuery, Decimal | None]
"""The answer to each query that was asked; None where there is no usage."""


def usage_query(pricing: Pricing, span: Instants) -> UsageQuery:
    """What must be known to price `span` with `pricing`."""
    aggregation = pricing.aggregation
    query = UsageQuery(aggregation.meter_id, aggregation.method, aggregation.target_field, span)
    if not pricing.segment:
        return query
    return UsageQuery(
        *(query.meter_id, query.method, query.target_field, span),
        segmented_fields=aggregation.segmented_fields,
        segments=tuple(tuple(sorted(segment.items())) for segment in aggregation.segments),
        segment=pricing.segment,
    )


def quantity(aggregation: Aggregation, value: Decimal | None) -> Decimal | None:
    """The quantity to rate: what was measured, else the aggregation's default, else None (no line item, Q7)."""
    return aggregation.default_value if value is None else value

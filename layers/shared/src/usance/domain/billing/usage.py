"""Usage as the engine asks for it and gets it: aggregated values, never measurements (billing.md 2.3)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from usance.domain.billing.inputs import Aggregation, AttachedPlan, Pricing, Segment, UsageFilters
from usance.domain.billing.pool import Member, Piece, pieces
from usance.domain.kernel.period import Instants


@dataclass(frozen=True, slots=True)
class UsageQuery:
    """The value of an aggregation over a span.

    `segment` is None for all measurements, or one of `segments`: then a measurement counts for the most specific
    segment that it matches, and for that one only (metering.md 4.5).
    """

    aggregation_id: str
    span: Instants
    segment: Segment | None
    meter_id: str
    method: str
    target_field: str
    pieces: tuple[Piece, ...] | None = None
    filters: UsageFilters = field(default_factory=UsageFilters)
    # Follow from the aggregation, and are long: not part of what tells queries apart.
    segmented_fields: tuple[str, ...] = field(default=(), compare=False)
    segments: tuple[Segment, ...] = field(default=(), compare=False)
    custom_sql: str = field(default="", compare=False)


UsageValues = Mapping[UsageQuery, Decimal | None]
"""The answer to each query that was asked; None where there is no usage."""


def usage_query(plan: AttachedPlan, pricing: Pricing, span: Instants, member: Member | None = None) -> UsageQuery:
    """What must be known to price `span` with `pricing` of `plan`; with `member`, that account's part alone."""
    aggregation = pricing.aggregation
    members = (member,) if member else plan.members
    return UsageQuery(
        aggregation.id,
        span,
        pricing.segment or None,
        aggregation.meter_id,
        aggregation.method,
        aggregation.target_field,
        pieces(members, span) if members else None,
        plan.filters,
        aggregation.segmented_fields,
        aggregation.segments,
        aggregation.custom_sql,
    )


def quantity(aggregation: Aggregation, value: Decimal | None) -> Decimal | None:
    """The quantity to rate: what was measured, else the aggregation's default, else None (no line item, Q7)."""
    return aggregation.default_value if value is None else value

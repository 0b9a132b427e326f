"""Usage as the engine asks for it and gets it: aggregated values, never measurements (billing.md 2.3)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from usance.domain.billing.attached import AttachedPlan, UsageFilters
from usance.domain.billing.compound import calculated
from usance.domain.billing.pool import Member, Piece, pieces
from usance.domain.billing.pricings import Aggregation, Compound, Pricing, Segment
from usance.domain.kernel.period import Instants
from usance.domain.metering.custom_sql import CustomSql


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
    custom_sql: CustomSql | None = field(default=None, compare=False)


UsageValues = Mapping[UsageQuery, Decimal | None]
"""The answer to each query that was asked; None where there is no usage."""


def usage_queries(
    plan: AttachedPlan, pricing: Pricing, span: Instants, member: Member | None = None
) -> tuple[UsageQuery, ...]:
    """What must be known to price `span` with `pricing` of `plan`; with `member`, that account's part alone."""
    if isinstance(pricing.aggregation, Compound):
        return tuple(_query(plan, pricing, part, span, member) for _, part in pricing.aggregation.parts)
    return (_query(plan, pricing, pricing.aggregation, span, member),)


def quantity(
    usage: UsageValues, plan: AttachedPlan, pricing: Pricing, span: Instants, member: Member | None = None
) -> Decimal | None:
    """The quantity to rate: what was measured, else the aggregation's default, else None (no line item, Q7).

    With `member` it is what that account used, for which no default stands in. `usage` answers `usage_queries`.
    """
    values = [usage[query] for query in usage_queries(plan, pricing, span, member)]
    aggregation = pricing.aggregation
    if not isinstance(aggregation, Compound):
        return values[0] if member else _or_default(aggregation, values[0])
    if member and all(value is None for value in values):
        return None
    parts = {code: _or_default(part, value) for (code, part), value in zip(aggregation.parts, values, strict=True)}
    return calculated(aggregation, parts, plan.custom_fields)


def _or_default(aggregation: Aggregation, value: Decimal | None) -> Decimal | None:
    return aggregation.default_value if value is None else value


def _query(
    plan: AttachedPlan, pricing: Pricing, aggregation: Aggregation, span: Instants, member: Member | None
) -> UsageQuery:
    """An aggregation without segments counts whole for every segment of a compound (metering.md, question 23)."""
    members = (member,) if member else plan.members
    return UsageQuery(
        aggregation.id,
        span,
        (pricing.segment or None) if aggregation.segments else None,
        aggregation.meter_id,
        aggregation.method,
        aggregation.target_field,
        pieces(members, span) if members else None,
        plan.filters,
        aggregation.segmented_fields,
        aggregation.segments,
        aggregation.custom_sql,
    )

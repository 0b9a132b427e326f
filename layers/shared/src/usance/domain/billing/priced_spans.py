"""Which pricing applies when: pricing window ∩ service window, plan over template (billing.md 1.1, 2.7, Q10)."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from usance.domain.billing.inputs import Pricing, Segment
from usance.domain.kernel.period import Instants

Key = tuple[str, Segment, str]


@dataclass(frozen=True, slots=True)
class PricedSpan:
    """A stretch of service with the one pricing that applies to it."""

    pricing: Pricing
    span: Instants


def pricing_key(pricing: Pricing) -> Key:
    """What a plan's pricing overrides a template's for: the same aggregation, segment and type."""
    return pricing.aggregation.id, pricing.segment, pricing.type.value


def priced_spans(pricings: Sequence[Pricing], span: Instants) -> tuple[PricedSpan, ...]:
    """For each key of `pricings`, the stretches of `span` that have a price, in order of time.

    At every instant at most one pricing of a key applies: a plan's before its template's, then the one that started
    last, then the one created last. Stretches without a pricing are left out.
    """
    by_key: dict[Key, list[Pricing]] = {}
    for pricing in pricings:
        by_key.setdefault(pricing_key(pricing), []).append(pricing)
    return tuple(found for rivals in by_key.values() for found in _merged(_sweep(rivals, span)))


def _sweep(rivals: Sequence[Pricing], span: Instants) -> Iterable[PricedSpan]:
    edges = sorted({span.start, span.end, *_edges_inside(rivals, span)})
    for start, end in itertools.pairwise(edges):
        active = [pricing for pricing in rivals if _covers(pricing, start)]
        if active:
            yield PricedSpan(max(active, key=_precedence), Instants(start, end))


def _merged(spans: Iterable[PricedSpan]) -> Sequence[PricedSpan]:
    merged: list[PricedSpan] = []
    for found in spans:
        if merged and merged[-1].pricing.id == found.pricing.id and merged[-1].span.end == found.span.start:
            merged[-1] = PricedSpan(found.pricing, Instants(merged[-1].span.start, found.span.end))
        else:
            merged.append(found)
    return merged


def _edges_inside(rivals: Sequence[Pricing], span: Instants) -> Iterable[datetime]:
    for pricing in rivals:
        for edge in (pricing.start, pricing.end):
            if edge is not None and span.start < edge < span.end:
                yield edge


def _covers(pricing: Pricing, instant: datetime) -> bool:
    return pricing.start <= instant and (pricing.end is None or instant < pricing.end)


def _precedence(pricing: Pricing) -> tuple[bool, datetime, str]:
    return not pricing.of_template, pricing.start, pricing.id

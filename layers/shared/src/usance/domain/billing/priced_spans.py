"""Which pricing applies when: pricing window ∩ service window, plan over template (billing.md 1.1, 2.7, Q10)."""

import itertools
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from usance.domain.billing.counters import CounterPricing
from usance.domain.billing.pricings import Pricing
from usance.domain.kernel.period import Instants

Priced = TypeVar("Priced", Pricing, CounterPricing)


@dataclass(frozen=True, slots=True)
class PricedSpan(Generic[Priced]):
    """A stretch of service with the one pricing that applies to it."""

    pricing: Priced
    span: Instants


def pricing_key(pricing: Pricing | CounterPricing) -> Hashable:
    """What a plan's pricing overrides a template's for: the same aggregation, segment and type, or the same counter."""
    if isinstance(pricing, CounterPricing):
        return pricing.counter.id
    return pricing.aggregation.id, pricing.segment, pricing.type.value


def priced_spans(pricings: Sequence[Priced], span: Instants) -> tuple[PricedSpan[Priced], ...]:
    """For each key of `pricings`, the stretches of `span` that have a price, in order of time.

    At every instant at most one pricing of a key applies: a plan's before its template's, then the one that started
    last, then the one created last. Stretches without a pricing are left out.
    """
    by_key: dict[Hashable, list[Priced]] = {}
    for pricing in pricings:
        by_key.setdefault(pricing_key(pricing), []).append(pricing)
    return tuple(found for rivals in by_key.values() for found in _merged(_sweep(rivals, span)))


def _sweep(rivals: Sequence[Priced], span: Instants) -> Iterable[PricedSpan[Priced]]:
    edges = sorted({span.start, span.end, *_edges_inside(rivals, span)})
    for start, end in itertools.pairwise(edges):
        active = [pricing for pricing in rivals if _covers(pricing, start)]
        if active:
            yield PricedSpan(max(active, key=_precedence), Instants(start, end))


def _merged(spans: Iterable[PricedSpan[Priced]]) -> Sequence[PricedSpan[Priced]]:
    merged: list[PricedSpan[Priced]] = []
    for found in spans:
        if merged and merged[-1].pricing.id == found.pricing.id and merged[-1].span.end == found.span.start:
            merged[-1] = PricedSpan(found.pricing, Instants(merged[-1].span.start, found.span.end))
        else:
            merged.append(found)
    return merged


def _edges_inside(rivals: Sequence[Priced], span: Instants) -> Iterable[datetime]:
    for pricing in rivals:
        for edge in (pricing.start, pricing.end):
            if edge is not None and span.start < edge < span.end:
                yield edge


def _covers(pricing: Pricing | CounterPricing, instant: datetime) -> bool:
    return pricing.start <= instant and (pricing.end is None or instant < pricing.end)


def _precedence(pricing: Pricing | CounterPricing) -> tuple[bool, datetime, str]:
    return not pricing.of_template, pricing.start, pricing.id

"""Rules of pricings (billing.md 2.1)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from usance.domain.catalog.compounds import segments_of
from usance.domain.catalog.moments import instant
from usance.domain.catalog.proposal import Entity, Proposal
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.ids import derived_id

_PRODUCT_BOUND: Final = (
    ("meter", "aggregationId", "its meter belongs"),
    ("compound", "compoundAggregationId", "it belongs"),
    ("counter", "counterId", "it belongs"),
)


def check_parents(proposal: Proposal) -> Mapping[str, Any]:
    """One plan or one template; one aggregation or one compound aggregation."""
    check_owner(proposal)
    _exactly_one(proposal.new, "aggregationId", "compoundAggregationId")
    return {"aggregationType": "SIMPLE" if "aggregationId" in proposal.new else "COMPOUND"}


def check_owner(proposal: Proposal) -> Mapping[str, Any]:
    """One plan or one template."""
    _exactly_one(proposal.new, "planId", "planTemplateId")
    return {}


def check_dates(proposal: Proposal) -> Mapping[str, Any]:
    """The window is not empty."""
    new = proposal.new
    if "endDate" in new and instant(new["endDate"]) <= instant(new["startDate"]):
        raise InvalidInputError("endDate must be later than startDate")
    return {}


def check_bands(proposal: Proposal) -> Mapping[str, Any]:
    """Limits differ, debits are not negative, overage goes with cumulative bands alone. Bands are given their ids."""
    new = proposal.new
    answer: dict[str, Any] = {}
    for name in ("pricingBands", "overagePricingBands"):
        bands = new.get(name)
        if bands is None:
            continue
        _check_limits(name, bands)
        if new.get("type", "DEBIT") == "DEBIT":
            _check_prices(name, bands)
        answer[name] = [
            {**band, "id": derived_id(new["id"], name, str(band["lowerLimit"].normalize()))} for band in bands
        ]
    if new.get("overagePricingBands"):
        if not new["cumulative"]:
            raise InvalidInputError("overagePricingBands needs cumulative to be true")
        if new["tiersSpanPlan"]:
            raise InvalidInputError("overagePricingBands cannot be used with tiersSpanPlan")
    return answer


def check_segment(proposal: Proposal) -> Mapping[str, Any]:
    """A segment is one that the aggregation declares."""
    segment, aggregation, compound = proposal.new.get("segment"), proposal.one("aggregation"), proposal.one("compound")
    if not segment:
        return {}
    if aggregation is not None and segment not in aggregation.get("segments", ()):
        raise InvalidInputError(f"segment: the aggregation {aggregation['id']} declares no segment {dict(segment)}")
    if compound is not None and segment not in segments_of(proposal.many("compounded")):
        raise InvalidInputError(
            f"segment: the aggregations of the compound aggregation {compound['id']} share no segment {dict(segment)}"
        )
    return {"segmentString": ", ".join(f"{name}={value}" for name, value in sorted(segment.items()))}


def check_product(proposal: Proposal) -> Mapping[str, Any]:
    """An aggregation on a product's meter prices that product's plans alone; so does a product's compound or counter.

    See metering.md 3, 5 and 6.
    """
    parent = proposal.one("plan") or proposal.one("template")
    for name, field, whose in _PRODUCT_BOUND:
        bound = proposal.one(name)
        product = bound.get("productId") if bound else None
        if product and parent and parent["productId"] != product:
            raise InvalidInputError(f"{field}: {whose} to the product {product}, the plan to {parent['productId']}")
    return {}


def in_force(pricing: Entity, parameters: Mapping[str, str], _now: str) -> bool:
    """Whether the pricing's window holds the `date` asked for."""
    return "date" not in parameters or window_holds(pricing, parameters["date"])


def window_holds(entity: Entity, moment: str) -> bool:
    """Whether `[startDate, endDate)` holds a moment. `InvalidInputError` when `moment` is no date."""
    try:
        at = instant(moment)
    except ValueError:
        raise InvalidInputError("date must be a date or date-time such as 2026-01-31T00:00:00Z") from None
    return instant(entity["startDate"]) <= at and ("endDate" not in entity or at < instant(entity["endDate"]))


def _exactly_one(new: Entity, first: str, second: str) -> None:
    if (first in new) == (second in new):
        raise InvalidInputError(f"exactly one of {first} and {second} is required")


def _check_limits(name: str, bands: Sequence[Entity]) -> None:
    limits = [band["lowerLimit"] for band in bands]
    for position, limit in enumerate(limits):
        if limit in limits[:position]:
            raise InvalidInputError(f"{name}[{position}].lowerLimit: another band begins at {limit}")


def _check_prices(name: str, bands: Sequence[Entity]) -> None:
    for position, band in enumerate(bands):
        for price in ("fixedPrice", "unitPrice"):
            if band[price] < 0:
                raise InvalidInputError(f"{name}[{position}].{price} must be 0 or more when type is DEBIT")

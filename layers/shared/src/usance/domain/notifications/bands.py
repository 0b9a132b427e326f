"""The bands of a pricing as entities of their own: a change of the pricing is a change of those that differ.

Bands are stored in their pricing and known by their ids. The published events name them apart (platform.md 6.2).
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from usance.domain.notifications.changes import Change, Representation

BAND: Final = "pricingBand"

_LISTS: Final = ("pricingBands", "overagePricingBands")
_PRICING_ID: Final[Mapping[str, str]] = {"pricing": "pricingId", "counterPricing": "counterPricingId"}
_AUDIT: Final = ("version", "dtCreated", "dtLastModified", "createdBy", "lastModifiedBy")  # a band has its pricing's


def changes_of_bands(change: Change) -> Iterator[Change]:
    """The changes of the bands of a pricing, in their order, those that went last; none for any other entity."""
    field = _PRICING_ID.get(change.type)
    if field is None:
        return
    old, new = (_bands(side, field) for side in (change.old, change.new))
    for id_ in dict.fromkeys([*new, *old]):
        before, after = old.get(id_), new.get(id_)
        if before is None or after is None or _own(before) != _own(after):
            yield Change(change.org_id, BAND, id_, before, after, seen_at=change.happened_at)


def _bands(pricing: Representation | None, field: str) -> dict[str, dict[str, Any]]:
    if pricing is None:
        return {}
    shared = {field: pricing["id"], **{name: pricing[name] for name in _AUDIT if name in pricing}}
    return {band["id"]: {**band, **shared} for name in _LISTS for band in pricing.get(name) or ()}


def _own(band: Representation) -> dict[str, Any]:
    return {name: value for name, value in band.items() if name not in _AUDIT}

"""From wire documents of aggregations and pricings to what the domain computes with."""

from collections.abc import Mapping
from datetime import tzinfo

from usance.application.billing.values import first, instant, number_of, optional_instant
from usance.domain.billing.pricings import Aggregation, Compound, Minimum, Pricing, PricingType, Segment
from usance.domain.kernel.quantity import Rounding
from usance.domain.metering.custom_sql import custom_sql_of
from usance.domain.rating.bands import Band
from usance.resources.wire import Document


def aggregation_of(document: Document, meter: Document | None) -> Aggregation:
    """A simple aggregation. `meter` is asked for when it has a query of its own, which may name the meter's fields."""
    default = document.get("defaultValue")
    return Aggregation(
        id=document["id"],
        name=document["name"],
        meter_id=document["meterId"],
        method=document["aggregation"],
        target_field=document["targetField"],
        unit=document["unit"],
        quantity_per_unit=number_of(document["quantityPerUnit"]),
        rounding=Rounding(document["rounding"]),
        default_value=None if default is None else number_of(default),
        accounting_product_id=document.get("accountingProductId"),
        segmented_fields=tuple(document.get("segmentedFields") or ()),
        segments=tuple(_segment(segment) for segment in document.get("segments") or ()),
        custom_sql=custom_sql_of(document, meter or {}),
    )


def compound_of(document: Document, parts: tuple[tuple[str, Aggregation], ...]) -> Compound:
    """A compound aggregation that is calculated from `parts`, by code."""
    return Compound(
        id=document["id"],
        name=document["name"],
        calculation=document["calculation"],
        parts=parts,
        unit=document["unit"],
        quantity_per_unit=number_of(document["quantityPerUnit"]),
        rounding=Rounding(document["rounding"]),
        evaluate_nulls=bool(document.get("evaluateNullAggregations")),
        accounting_product_id=document.get("accountingProductId"),
    )


def pricing_of(document: Document, aggregation: Aggregation | Compound, config: Document, zone: tzinfo) -> Pricing:
    """A pricing; its minimum spend is billed in advance as it says, else as the organization says (billing.md 1.1)."""
    return Pricing(
        id=document["id"],
        aggregation=aggregation,
        bands=tuple(band_of(band) for band in document["pricingBands"]),
        start=instant(document["startDate"], zone),
        end=optional_instant(document.get("endDate"), zone),
        cumulative=bool(document.get("cumulative")),
        type=PricingType(document.get("type") or "DEBIT"),
        segment=_segment(document.get("segment") or {}),
        tiers_span_plan=bool(document.get("tiersSpanPlan")),
        minimum=Minimum(
            amount=number_of(document.get("minimumSpend") or 0),
            in_advance=bool(first("minimumSpendBillInAdvance", document, config)),
            description=document.get("minimumSpendDescription"),
            accounting_product_id=document.get("accountingProductId"),
        ),
        description=document.get("description"),
        accounting_product_id=document.get("accountingProductId"),
        of_template=bool(document.get("planTemplateId")),
        overage_bands=tuple(band_of(band) for band in document.get("overagePricingBands") or ()),
        version=int(document.get("version") or 1),
    )


def _segment(values: Mapping[str, str]) -> Segment:
    return tuple(sorted(values.items()))


def band_of(document: Document) -> Band:
    """A pricing band."""
    return Band(
        id=document["id"],
        lower_limit=number_of(document["lowerLimit"]),
        fixed_price=number_of(document["fixedPrice"]),
        unit_price=number_of(document["unitPrice"]),
    )

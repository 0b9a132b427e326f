"""From documents of the API to what the domain computes with."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from usance.domain.billing.pricings import Segment
from usance.domain.billing.segments import Segmentation
from usance.domain.kernel.period import Instants
from usance.domain.statements.definition import ALL_VALUES, Definition, Dimension, Frequency, Measure
from usance.domain.statements.line import BilledLine, Metered
from usance.resources.instants import from_text
from usance.resources.wire import Document

NUMBER_CATEGORIES: Final = frozenset({"MEASURE", "INCOME", "COST"})


def definition_of(document: Document) -> Definition:
    """A statement definition."""
    return Definition(
        frequency=Frequency(document["aggregationFrequency"]),
        dimensions=tuple(
            Dimension(
                name=item["name"],
                filter=tuple(item.get("filter") or (ALL_VALUES,)),
                meter_id=item.get("meterId"),
                attributes=tuple(item.get("attributes") or ()),
            )
            for item in document.get("dimensions") or ()
        ),
        measures=tuple(
            Measure(
                name=item.get("name") or "",
                aggregations=tuple(item.get("aggregations") or ()),
                meter_id=item.get("meterId"),
            )
            for item in document.get("measures") or ()
        ),
        include_price_per_unit=bool(document.get("includePricePerUnit")),
        id=document["id"],
        name=document.get("name"),
    )


def segmentation_of(aggregation: Document) -> Segmentation:
    """All segments of an aggregation."""
    return Segmentation.of([_segment(segment) for segment in aggregation.get("segments") or ()])


def metered_of(
    item: Document, meter: Document | None, aggregation: Document | None, segmentation: Segmentation | None
) -> Metered | None:
    """Where a line's quantity comes from; None for a line without usage, or whose meter or aggregation is gone.

    Usage that a credit covers in part is shown once, with the part within the credit, to which the other part refers.
    """
    if meter is None or aggregation is None or item.get("referencedLineItemId"):
        return None
    segment = _segment(item.get("segment") or {})
    fields = [*(meter.get("dataFields") or ()), *(meter.get("derivedFields") or ())]
    return Metered(
        meter_id=meter["id"],
        meter_code=meter["code"],
        target_field=aggregation["targetField"],
        method=aggregation["aggregation"],
        number_fields=tuple(field["code"] for field in fields if field["category"] in NUMBER_CATEGORIES),
        string_fields=tuple(field["code"] for field in fields if field["category"] not in NUMBER_CATEGORIES),
        segment=segment,
        segmentation=segmentation if segment else None,
        segmented_fields=tuple(aggregation.get("segmentedFields") or ()),
    )


def _segment(values: Mapping[str, str]) -> Segment:
    return tuple(sorted(values.items()))


def billed_line(item: Document, bill: Document, metered: Metered | None) -> BilledLine:
    """A line item of `bill`; its service period is the bill's own where it has none."""
    start = item.get("servicePeriodStartDate") or bill["startDateTimeUTC"]
    end = item.get("servicePeriodEndDate") or bill["endDateTimeUTC"]
    return BilledLine(
        id=item["id"],
        line_item_type=item["lineItemType"],
        description=item["description"],
        product_name=item.get("productName") or "",
        account_id=item.get("childAccountId") or bill["accountId"],
        unit=item.get("unit") or "",
        quantity=Decimal(item["quantity"]),
        currency=item["currency"],
        subtotal=Decimal(item["subtotal"]),
        converted_subtotal=Decimal(item["convertedSubtotal"]),
        average_unit_price=Decimal(item["averageUnitPrice"]),
        service=Instants(from_text(start), from_text(end)),
        metered=metered,
    )

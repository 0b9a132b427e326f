"""From documents of the API to what the domain computes with."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from usance.application.statements.usage import Priced
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


def shown_with(item: Document) -> str | None:
    """The id of the line whose rows show the usage of this one: what a credit covers in part is shown once, within the credit."""
    return item.get("referencedLineItemId") if item.get("aggregationId") else None


def metered_as_billed(priced: Priced, meter: Document, segmentation: Segmentation) -> Metered:
    """Where a line's quantity comes from, by the record of its bill."""
    aggregation = priced.aggregation
    numbers, strings = _fields(meter)
    return Metered(
        meter_id=meter["id"],
        meter_code=meter["code"],
        target_field=aggregation.target_field,
        method=aggregation.method,
        number_fields=numbers,
        string_fields=strings,
        segment=priced.segment,
        segmentation=segmentation if priced.segment else None,
        segmented_fields=aggregation.segmented_fields,
        default_value=aggregation.default_value,
    )


def metered_as_now(item: Document, meter: Document, aggregation: Document, segmentation: Segmentation) -> Metered:
    """Where a line's quantity comes from, of a bill without a record."""
    segment = _segment(item.get("segment") or {})
    numbers, strings = _fields(meter)
    return Metered(
        meter_id=meter["id"],
        meter_code=meter["code"],
        target_field=aggregation["targetField"],
        method=aggregation["aggregation"],
        number_fields=numbers,
        string_fields=strings,
        segment=segment,
        segmentation=segmentation if segment else None,
        segmented_fields=tuple(aggregation.get("segmentedFields") or ()),
        default_value=aggregation.get("defaultValue"),
    )


def _fields(meter: Document) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The codes of all fields: of numbers, of strings."""
    fields = [*(meter.get("dataFields") or ()), *(meter.get("derivedFields") or ())]
    numbers = tuple(field["code"] for field in fields if field["category"] in NUMBER_CATEGORIES)
    return numbers, tuple(field["code"] for field in fields if field["category"] not in NUMBER_CATEGORIES)


def _segment(values: Mapping[str, str]) -> Segment:
    return tuple(sorted(values.items()))


def billed_line(item: Document, bill: Document, metered: Metered | None) -> BilledLine:
    """A line item of `bill`."""
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
        service=service_of(item, bill),
        metered=metered,
        shown_with=shown_with(item),
    )


def service_of(item: Document, bill: Document) -> Instants:
    """The service period of a line item; the bill's own where it has none."""
    start = item.get("servicePeriodStartDate") or bill["startDateTimeUTC"]
    end = item.get("servicePeriodEndDate") or bill["endDateTimeUTC"]
    return Instants(from_text(start), from_text(end))

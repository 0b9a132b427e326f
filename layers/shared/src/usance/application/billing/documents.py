"""A decided bill as the API shows it (billing.md 12.1, 12.2)."""

from decimal import Decimal
from typing import Any

from usance.domain.billing.attached import Product
from usance.domain.billing.draft import BillDraft, Line
from usance.domain.billing.figures import average, plain
from usance.domain.kernel.quantity import EXACT
from usance.domain.rating.bands import BandCharge
from usance.resources import instants
from usance.resources.wire import Document


def header_of(draft: BillDraft) -> Document:
    """The fields of the bill that follow from its inputs; absent ones have no value."""
    conversions = [
        {"from": source, "to": target, "multiplier": rate} for source, target, rate in draft.conversions_used
    ]
    return _present(
        id=draft.id,
        accountId=draft.account.id,
        accountCode=draft.account.code,
        startDate=draft.start.isoformat(),
        endDate=draft.end.isoformat(),
        startDateTimeUTC=instants.to_text(draft.start_instant),
        endDateTimeUTC=instants.to_text(draft.end_instant),
        billDate=draft.bill_date.isoformat(),
        dueDate=draft.due_date.isoformat(),
        externalInvoiceDate=draft.external_invoice_date.isoformat(),
        billingFrequency=draft.key.frequency.value,
        billFrequencyInterval=draft.key.interval,
        timezone=draft.terms.zone_name,
        currency=draft.terms.billing_currency,
        currencyConversions=conversions,
        purchaseOrderNumber=draft.account.purchase_order_number,
        billTotal=draft.total,
    )


def line_items_of(draft: BillDraft) -> list[Document]:
    """The line items as the bill embeds them."""
    return [_line_item(line, draft.id) for line in draft.lines]


def _line_item(line: Line, bill_id: str) -> Document:
    item = line.item
    return _present(
        id=line.id,
        sequenceNumber=line.number,
        lineItemType=item.type.value,
        description=item.description,
        currency=item.origin.currency,
        quantity=plain(item.quantity),
        unit=item.unit,
        units=plain(item.units),
        averageUnitPrice=average(item.average_unit_price),
        subtotal=item.subtotal,
        conversionRate=line.rate,
        convertedSubtotal=line.converted_subtotal,
        servicePeriodStartDate=instants.to_text(item.span.start),
        servicePeriodEndDate=instants.to_text(item.span.end),
        planId=item.origin.plan_id,
        planGroupId=item.origin.plan_group_id,
        pricingId=item.pricing_id,
        aggregationId=item.aggregation_id,
        compoundAggregationId=item.compound_aggregation_id,
        meterId=item.meter_id,
        counterId=item.counter_id,
        chargeId=item.charge_id,
        balanceId=item.balance_id,
        segment=item.segment,
        contractId=item.origin.contract_id,
        commitmentId=item.commitment_id,
        referencedBillId=bill_id if item.pays_for else None,
        referencedLineItemId=item.pays_for,
        childAccountId=item.origin.child.id if item.origin.child else None,
        childAccountCode=item.origin.child.code if item.origin.child else None,
        usagePerPricingBand=[band_of(band, line) for band in item.bands],
        **product_fields("product", item.origin.product),
        **product_fields("accountingProduct", item.accounting_product),
    )


def listed(item: Document, bill: Document) -> Document:
    """A line item as the list of line items shows it: other names, and the bill's own audit fields (billing.md 12.2).

    A line of an aggregation has its usage as JSON at any time: it is made when it is asked for. That of a line which a credit does
    not cover is with the line that it covers.
    """
    hidden = {"usagePerPricingBand", "childAccountId", "childAccountCode"}
    audit = ("version", "dtCreated", "dtLastModified", "createdBy", "lastModifiedBy")
    return {
        **{name: value for name, value in item.items() if name not in hidden},
        "bandUsage": item["usagePerPricingBand"],
        "billId": bill["id"],
        "jsonUsageGenerated": "aggregationId" in item and "referencedLineItemId" not in item,
        **{name: bill[name] for name in audit},
    }


def band_of(charge: BandCharge, line: Line) -> Document:
    """A touched band. A credit's bands are shown as they were rated; its sign is on the line."""
    band = charge.band
    return {
        "pricingBandId": band.id,
        "lowerLimit": band.lower_limit,
        "fixedPrice": band.fixed_price,
        "unitPrice": band.unit_price,
        "bandUnits": plain(charge.units),
        "bandQuantity": plain(_band_quantity(charge, line)),
        "unitSubtotal": plain(charge.unit_subtotal),
        "bandSubtotal": plain(charge.subtotal),
        "convertedBandSubtotal": plain(EXACT.multiply(charge.subtotal, line.rate)),
    }


def _band_quantity(charge: BandCharge, line: Line) -> Decimal:
    """The part of the quantity that the band's units stand for; all of it when one band holds every unit."""
    if charge.units == line.item.units:
        return line.item.quantity
    return EXACT.multiply(charge.units, line.item.quantity_per_unit)


def product_fields(prefix: str, product: Product | None) -> dict[str, str]:
    """A product as a line item names it."""
    if product is None:
        return {}
    return {f"{prefix}Id": product.id, f"{prefix}Name": product.name, f"{prefix}Code": product.code}


def _present(**fields: Any) -> Document:
    return {name: value for name, value in fields.items() if value is not None}

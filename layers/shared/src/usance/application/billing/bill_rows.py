"""Rows of bills for files: one per line item, in the layouts that the API offers (billing.md 12.10)."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from usance.domain.kernel.csv_text import Cell
from usance.resources import wire
from usance.resources.wire import Document

Value = Callable[[Document, Document, Document], Cell]
"""What a column shows of a bill, a line item of it and its account, which is empty when it is gone."""


def _bill(name: str) -> Value:
    return lambda bill, _, __: bill.get(name)


def _line(name: str) -> Value:
    return lambda _, line, __: line.get(name)


def _account(name: str) -> Value:
    return lambda _, __, account: account.get(name)


def _address(name: str) -> Value:
    return lambda _, __, account: account.get("address", {}).get(name)


def _nothing(_: Document, __: Document, ___: Document) -> Cell:
    return None


def _segment(_: Document, line: Document, __: Document) -> Cell:
    return wire.dumps(line["segment"]).decode() if line.get("segment") else None


def _british(*names: str) -> Value:
    """The first of the bill's dates that it has, as Xero's own template writes dates."""

    def cell(bill: Document, _: Document, __: Document) -> Cell:
        found = next((bill[name] for name in names if bill.get(name)), None)
        return date.fromisoformat(found).strftime("%d/%m/%Y") if found else None

    return cell


def _contact(bill: Document, _: Document, account: Document) -> Cell:
    return str(account.get("name") or bill.get("accountCode") or bill["accountId"])


def _invoice_number(bill: Document, _: Document, __: Document) -> Cell:
    """Xero joins the rows of a number to an invoice, so it must be the bill's own: no short form of its id."""
    return str(bill.get("sequentialInvoiceNumber") or bill["id"])


def _described(_: Document, line: Document, __: Document) -> Cell:
    """The description and, where units were counted, how many of them."""
    return (
        f"{line['description']}: {Decimal(line['quantity']):f} {line['unit']}" if line["unit"] else line["description"]
    )


def _one(_: Document, __: Document, ___: Document) -> Cell:
    return Decimal(1)


_OF_BILL: Final = (
    *("accountId", "accountCode", "sequentialInvoiceNumber", "status", "locked", "billDate", "dueDate", "startDate"),
    *("endDate", "billingFrequency", "billFrequencyInterval", "timezone", "externalInvoiceDate"),
    *("externalInvoiceReference", "purchaseOrderNumber", "billTotal"),
)
_OF_LINE: Final = (
    *("sequenceNumber", "lineItemType", "description", "productId", "productName", "productCode"),
    *("accountingProductId", "accountingProductName", "accountingProductCode", "quantity", "unit", "units"),
    *("averageUnitPrice", "currency", "subtotal", "conversionRate", "convertedSubtotal", "servicePeriodStartDate"),
    *("servicePeriodEndDate", "planId", "pricingId", "aggregationId", "compoundAggregationId", "meterId"),
    *(
        "counterId",
        "chargeId",
        "commitmentId",
        "balanceId",
        "contractId",
        "referencedBillId",
        "referencedLineItemId",
        "reasonId",
    ),
)
STANDARD: Final[Mapping[str, Value]] = {
    "billId": _bill("id"),
    "accountName": _account("name"),
    **{name: _bill(name) for name in _OF_BILL},
    "billCurrency": _bill("currency"),
    "lineItemId": _line("id"),
    **{name: _line(name) for name in _OF_LINE},
    "segment": _segment,
}
"""The API's own names; `billTotal` and `convertedSubtotal` are in `billCurrency`, `subtotal` is in `currency`."""

XERO: Final[Mapping[str, Value]] = {
    "*ContactName": _contact,
    "EmailAddress": _account("emailAddress"),
    **{f"POAddressLine{n}": _address(f"addressLine{n}") for n in range(1, 5)},
    "POCity": _address("locality"),
    "PORegion": _address("region"),
    "POPostalCode": _address("postCode"),
    "POCountry": _address("country"),
    "*InvoiceNumber": _invoice_number,
    "Reference": _bill("purchaseOrderNumber"),
    "*InvoiceDate": _british("externalInvoiceDate", "billDate"),
    "*DueDate": _british("dueDate"),
    "Total": _nothing,
    "InventoryItemCode": _nothing,
    "*Description": _described,
    # Xero multiplies, and a price per unit is rounded: only 1 times the amount is the amount.
    "*Quantity": _one,
    "*UnitAmount": _line("convertedSubtotal"),
    "Discount": _nothing,
    "*AccountCode": lambda _, line, __: line.get("accountingProductCode") or line.get("productCode"),
    "*TaxType": _nothing,  # taxes are not a bill's
    "TaxAmount": _nothing,
    "TrackingName1": _nothing,
    "TrackingOption1": _nothing,
    "TrackingName2": _nothing,
    "TrackingOption2": _nothing,
    "Currency": _bill("currency"),
    "BrandingTheme": _nothing,
}
"""The columns of Xero's file of sales invoices; a bill is an invoice, its line items are the rows."""

LAYOUTS: Final[Mapping[str, Mapping[str, Value]]] = {"STANDARD": STANDARD, "XERO": XERO}


def rows_of(layout: Mapping[str, Value], bill: Document, account: Document) -> Sequence[Sequence[Cell]]:
    """A row per line item of the bill, which carries them; a bill without any has none."""
    return [[value(bill, line, account) for value in layout.values()] for line in bill["lineItems"]]

"""A statement as a JSON object. The layout is ours: the API's own is not public (billing.md 14)."""

from datetime import date, datetime, tzinfo
from typing import Any

from usance.domain.statements.definition import Definition
from usance.domain.statements.line import BilledLine
from usance.domain.statements.statement import BillHeader, Statement, StatementLine, UsageRow, plain


def to_document(statement: Statement) -> dict[str, Any]:
    """The object, ready to be serialised: equal statements give equal objects, with keys in one order."""
    bill = statement.bill
    return {
        "billId": bill.bill_id,
        "accountId": bill.account_id,
        "accountCode": bill.account_code,
        "accountName": bill.account_name,
        "billDate": _day(bill.bill_date),
        "startDate": _day(bill.start),
        "endDate": _day(bill.end),
        "timezone": bill.time_zone_name,
        "currency": bill.currency,
        "definition": _definition(statement.definition),
        "lineItems": [_line(item, bill, statement.definition) for item in statement.lines],
    }


def instant(moment: datetime, zone: tzinfo) -> str:
    """ISO 8601 in the organization's time zone; `Z` for UTC."""
    return moment.astimezone(zone).isoformat().replace("+00:00", "Z")


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _definition(definition: Definition) -> dict[str, Any]:
    return {
        "id": definition.id,
        "name": definition.name,
        "aggregationFrequency": definition.frequency.value,
        "dimensions": [
            {
                "name": item.name,
                "filter": list(item.filter),
                "attributes": list(item.attributes),
                "meterId": item.meter_id,
            }
            for item in definition.dimensions
        ],
        "measures": [
            {"name": item.name, "aggregations": list(item.aggregations), "meterId": item.meter_id}
            for item in definition.measures
        ],
        "includePricePerUnit": definition.include_price_per_unit,
    }


def _line(item: StatementLine, bill: BillHeader, definition: Definition) -> dict[str, Any]:
    line = item.line
    return {
        "lineItemId": line.id,
        "lineItemType": line.line_item_type,
        **({"referencedLineItemId": line.shown_with} if line.shown_with else {}),
        "productName": line.product_name,
        "description": line.description,
        **_source(line),
        "servicePeriodStartDate": instant(line.service.start, bill.zone),
        "servicePeriodEndDate": instant(line.service.end, bill.zone),
        "quantity": plain(line.quantity),
        "quantityNotOnBill": item.not_on_bill,
        "unit": line.unit,
        "currency": line.currency,
        "subtotal": line.subtotal,
        "convertedSubtotal": line.converted_subtotal,
        **({"pricePerUnit": line.average_unit_price} if definition.include_price_per_unit else {}),
        "usage": [_row(row, bill.zone) for row in item.usage],
    }


def _source(line: BilledLine) -> dict[str, Any]:
    if line.metered is None:
        return {"meterCode": None, "aggregation": None}
    segment = {"segment": dict(line.metered.segment)} if line.metered.segment else {}
    return {"meterCode": line.metered.meter_code, "aggregation": line.metered.method, **segment}


def _row(row: UsageRow, zone: tzinfo) -> dict[str, Any]:
    measures: dict[str, dict[str, Any]] = {}
    for (field, method), value in row.measures.items():
        measures.setdefault(field, {})[method] = value
    return {
        "start": instant(row.start, zone),
        "end": instant(row.end, zone),
        "dimensions": dict(row.dimensions),
        "measures": measures,
    }

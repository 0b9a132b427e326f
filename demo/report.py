"""What the demo prints."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

STATEMENT_ROWS: Final = 8
LEADING_COLUMNS: Final = 3  # bill id, account code, product
TRAILING_COLUMNS: Final = 4  # ids of line items, quantities of the line


def bill_table(bill: Mapping[str, Any]) -> str:
    """The bill as a table of its line items."""
    header = ("Line item", "Quantity", "Units", "Unit", "Average price", bill["currency"])
    rows = [
        (
            item["description"],
            _number(item["quantity"]),
            _number(item["units"]),
            item["unit"],
            f"{Decimal(item['averageUnitPrice']):.7f}",
            f"{Decimal(item['convertedSubtotal']):,.2f}",
        )
        for item in bill["lineItems"]
    ]
    total = ("Total", "", "", "", "", f"{Decimal(bill['billTotal']):,.2f}")
    columns = list(zip(header, *rows, total, strict=True))
    widths = [max(len(cell) for cell in column) for column in columns]
    rule = "  " + "─" * (sum(widths) + 3 * (len(widths) - 1))
    lines = [_row(header, widths), rule, *(_row(row, widths) for row in rows), rule, _row(total, widths)]
    title = f"  Bill for {bill['accountCode']}, {bill['startDate']} to {bill['endDate']}, {bill['status']}"
    return "\n".join([title, rule, *lines])


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    texts = {0, 3}  # description and unit stand left, numbers right
    return "  " + "   ".join(
        cell.ljust(width) if column in texts else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )


def _number(value: Decimal | int) -> str:
    text = f"{Decimal(value):,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def statement_head(csv_text: str) -> str:
    """The first rows of the statement, without the columns that are the same in each."""
    rows = [row[LEADING_COLUMNS:-TRAILING_COLUMNS] for row in csv.reader(io.StringIO(csv_text))]
    shown = rows[: STATEMENT_ROWS + 1]
    widths = [max(len(cell) for cell in column) for column in zip(*shown, strict=True)]
    lines = ["   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in shown]
    return "\n".join(f"  {line}" for line in [*lines, f"… {len(rows) - 1} rows in all"])


def webhook(body: bytes) -> str:
    """The webhook, without the long record of the bill inside."""
    payload = json.loads(body)
    data = payload.get("m3terEvent", {}).get("eventData", {}).get("newDto", {})
    brief = {
        **payload,
        "m3terEvent": {"eventData": {"newDto": {k: data.get(k) for k in ("id", "status", "billTotal")}}},
    }
    return "\n".join(f"  {line}" for line in json.dumps(brief, indent=2).splitlines())


def timings(seconds: Mapping[str, float], events: int) -> str:
    """How long each step took."""
    lines = [f"  {name:<32}{took:8.2f} s" for name, took in seconds.items()]
    rate = events / max(seconds.get("ingest", 0), 1e-9)
    return "\n".join([*lines, f"  {'ingest, one client':<32}{rate:8,.0f} measurements/s"])

"""A statement as CSV: one row per line item, bucket and combination of dimensions."""

from collections.abc import Sequence
from typing import Final

from usance.domain.kernel.csv_text import Cell, csv_row
from usance.domain.statements.json_layout import instant
from usance.domain.statements.statement import Statement, StatementLine, UsageRow, plain

_FIRST: Final = ("bill id", "account code", "product", "line item", "period start", "period end")
_LAST: Final = ("line item id", "referenced line item id", "billed quantity", "quantity not on bill")


def to_csv(statement: Statement) -> str:
    """The text, lines ended by CRLF, the header first; equal statements give equal text.

    Columns: bill id, account code, product, line item, period start, period end, one per dimension, one per measure
    (`field METHOD`), unit, price per unit when the definition asks for it, then what the rows of a line are checked by: its
    id, that of the line its usage is shown with, its quantity and how much of its usage is not on the bill. No two have one
    name. A line without usage has one row over its service period, so that every line of the bill is there.
    """
    rows = [(item, row) for item in statement.lines for row in item.usage or (_without_usage(item),)]
    dimensions = list(dict.fromkeys(name for _, row in rows for name in row.dimensions))
    measures = list(dict.fromkeys(measure for _, row in rows for measure in row.measures))
    priced = statement.definition.include_price_per_unit
    fields = [f"{field} {method}" for field, method in measures]
    last = ["unit", *(["price per unit"] if priced else []), *_LAST]
    taken = {*_FIRST, *last}
    names = [f"{name} (dimension)" if name in taken else name for name in dimensions]
    records: list[Sequence[Cell]] = [[*_FIRST, *names, *fields, *last]]
    for item, row in rows:
        line = item.line
        records.append(
            [
                statement.bill.bill_id,
                statement.bill.account_code,
                line.product_name,
                line.description,
                instant(row.start, statement.bill.zone),
                instant(row.end, statement.bill.zone),
                *(row.dimensions.get(name) for name in dimensions),
                *(row.measures.get(measure) for measure in measures),
                line.unit,
                *([line.average_unit_price] if priced else []),
                line.id,
                line.shown_with,
                plain(line.quantity),
                item.not_on_bill,
            ]
        )
    return "".join(map(csv_row, records))


def _without_usage(item: StatementLine) -> UsageRow:
    return UsageRow(item.line.service.start, item.line.service.end, dimensions={}, measures={})

"""How much of the usage that a statement shows is not on the bill."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.unit.domain.statements.examples import BILL, LINE, STANDING, TOKENS, on
from tests.unit.domain.statements.test_statement import DAYS, NOVEMBER
from usance.domain.statements.breakdown import breakdown
from usance.domain.statements.csv_layout import to_csv
from usance.domain.statements.definition import BUILT_IN, Definition, Dimension, Frequency
from usance.domain.statements.json_layout import to_document
from usance.domain.statements.line import BilledLine
from usance.domain.statements.reconcile import reconciled
from usance.domain.statements.statement import Statement, StatementLine, UsageRow, usage_rows

SUM = ("context_tokens", "SUM")


def rows(*values: str) -> tuple[UsageRow, ...]:
    """A value on each day."""
    days = [(SUM, on(day, value)) for day, value in enumerate(values, start=1)]
    return tuple(usage_rows(breakdown(BUILT_IN, TOKENS), DAYS, NOVEMBER.end, days))


def part(
    line: BilledLine,
    *values: str,
    definition: Definition = BUILT_IN,
    shown_with: Mapping[str, Decimal] | None = None,
) -> Decimal | None:
    [one] = reconciled(definition, [line], {line.id: rows(*values)}, shown_with or {})
    return one.not_on_bill


def test_rows_that_are_all_billed_leave_nothing() -> None:
    assert part(LINE, "100", "200.0") == 0


def test_what_came_later_is_not_on_the_bill() -> None:
    assert part(LINE, "100", "200.0", "0.5") == Decimal("0.5")


def test_billed_usage_that_is_shown_no_more_is_below_zero() -> None:
    assert part(LINE, "100") == -200
    assert part(LINE) == -300


def test_usage_is_compared_with_all_lines_that_are_shown_with_it() -> None:
    assert part(LINE, "100", "250", shown_with={LINE.id: Decimal(50)}) == 0


def test_rows_of_a_method_that_does_not_add_up_tell_nothing() -> None:
    assert part(replace(LINE, metered=replace(TOKENS, method="MAX")), "100") is None


def test_filtered_rows_tell_nothing() -> None:
    hiding = Definition(Frequency.DAY, (Dimension("region", ("UK",)),))
    assert part(LINE, "100", definition=hiding) is None
    assert part(LINE, "100", definition=Definition(Frequency.DAY, (Dimension("region"),))) == -200


def test_a_default_has_no_rows_to_add_up_to_it() -> None:
    default = replace(LINE, metered=replace(TOKENS, default_value=Decimal(300)))
    assert part(default) is None
    assert part(default, "7") == -293


def test_a_line_without_usage_has_none_that_is_missing() -> None:
    assert part(STANDING) is None


@pytest.mark.parametrize(("not_on_bill", "cell"), [(Decimal(50), "50"), (Decimal(-50), "-50"), (None, "")])
def test_both_layouts_say_it_of_each_line(not_on_bill: Decimal | None, cell: str) -> None:
    statement = Statement(BILL, BUILT_IN, (StatementLine(LINE, rows("350"), not_on_bill),))
    [line] = to_document(statement)["lineItems"]
    assert (line["quantity"], line["quantityNotOnBill"]) == (300, not_on_bill)
    assert "referencedLineItemId" not in line
    header, row, _ = to_csv(statement).split("\r\n")
    assert header.endswith(",unit,line item id,referenced line item id,billed quantity,quantity not on bill")
    assert row.endswith(f",350,token,line-1,,300,{cell}")


def test_a_line_names_the_one_that_shows_its_usage() -> None:
    over = replace(LINE, id="line-3", metered=None, shown_with=LINE.id)
    statement = Statement(BILL, BUILT_IN, (StatementLine(over),))
    assert to_document(statement)["lineItems"][0]["referencedLineItemId"] == LINE.id
    assert to_csv(statement).endswith(",token,line-3,line-1,300,\r\n")

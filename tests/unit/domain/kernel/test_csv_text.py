"""Numbers in the cells of a table that somebody uploads."""

from decimal import Decimal

import pytest

from usance.domain.kernel.csv_text import number_or_text


@pytest.mark.parametrize("cell", ["7", " -7.50 ", "+.5", "1.", "1e3", "2.5E-7"])
def test_a_cell_that_is_a_number_is_read_digit_for_digit(cell: str) -> None:
    read = number_or_text(cell)
    assert isinstance(read, Decimal)
    assert read.as_tuple() == Decimal(cell.strip()).as_tuple()


@pytest.mark.parametrize("cell", ["1_000", "NaN", "Infinity", "1,000", "1e99999999999999999999", "\u0661", "", "."])
def test_what_is_no_number_stays_a_text(cell: str) -> None:
    assert number_or_text(cell) == cell

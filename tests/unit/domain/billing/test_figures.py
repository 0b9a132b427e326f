"""Numbers as a bill shows them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usance.domain.billing.figures import average, plain


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("7.10", "7.1"),
        ("1E+2", "100"),
        ("100", "100"),
        ("0.00", "0"),
        ("-0", "0"),
        ("1E-7", "1E-7"),
        ("18059974.000", "18059974"),
    ],
)
def test_equal_numbers_are_written_alike(value: str, shown: str) -> None:
    assert str(plain(Decimal(value))) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [("0.3333333333333333333", "0.333333333333"), ("0.0000030", "0.0000030"), ("20", "20"), ("2E+30", "2" + "0" * 30)],
)
def test_averages_have_twelve_places_at_most(value: str, shown: str) -> None:
    assert average(Decimal(value)) == Decimal(shown)


@given(st.decimals(-(10**20), 10**20, places=9))
def test_a_plain_number_is_equal(value: Decimal) -> None:
    assert plain(value) == value

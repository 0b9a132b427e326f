from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usance.domain.integrations.aws_marketplace import (
    Amount,
    Dimension,
    cents,
    hours,
    may_still_be_sent,
    still_to_meter,
)
from usance.domain.integrations.faults import ConnectorError

API = Dimension("prod1", "api")
STORAGE = Dimension("prod1", "storage")
OTHER = Dimension("prod2", "seats")


def amount(text: str, dimension: Dimension | None) -> Amount:
    return Amount(Decimal(text), dimension)


def test_a_mapping_names_the_product_before_the_first_hyphen_and_the_dimension_after_it():
    assert Dimension.parse("abc123-api-calls") == Dimension("abc123", "api-calls")
    assert str(Dimension("abc123", "api-calls")) == "abc123-api-calls"


@pytest.mark.parametrize("text", ["", "abc123", "abc123-", "-api"])
def test_a_mapping_without_product_or_dimension_is_refused_with_the_form_it_must_have(text):
    with pytest.raises(ConnectorError, match="must be productCode-dimensionKey"):
        Dimension.parse(text)


def test_lines_of_one_dimension_are_one_quantity_in_cents():
    assert cents([amount("1.10", API), amount("2.20", API), amount("5", STORAGE)]) == {API: 330, STORAGE: 500}


def test_what_is_below_a_cent_goes_to_the_dimension_with_the_largest_rest():
    thirds = [amount("0.333", API), amount("0.333", STORAGE), amount("0.334", OTHER)]

    assert cents(thirds) == {API: 33, STORAGE: 33, OTHER: 34}


def test_a_dimension_that_comes_to_nothing_is_not_metered():
    assert cents([amount("0.004", API), amount("0", STORAGE), amount("1", OTHER)]) == {OTHER: 100}


def test_a_credit_lessens_its_own_product_before_others_and_the_largest_dimension_first():
    lines = [amount("3", API), amount("7", STORAGE), amount("100", OTHER), amount("-8", Dimension("prod1", "promo"))]

    assert cents(lines) == {API: 200, OTHER: 10_000}


def test_a_credit_without_a_dimension_lessens_the_largest():
    assert cents([amount("3", API), amount("7", STORAGE), amount("-2.5", None)]) == {API: 300, STORAGE: 450}


def test_credits_above_the_charges_are_refused_because_aws_takes_no_negative_quantities():
    with pytest.raises(ConnectorError, match="credits are more than its charges"):
        cents([amount("3", API), amount("-3.01", None)])


def test_more_cents_than_a_record_holds_are_refused_by_dimension():
    with pytest.raises(ConnectorError, match="prod1-api: 2147483648 cents"):
        cents([amount("21474836.48", API)])


@given(
    st.lists(
        st.tuples(st.decimals("0", "100000", places=7), st.sampled_from([API, STORAGE, OTHER])), min_size=1, max_size=30
    )
)
def test_the_cents_of_all_dimensions_are_the_rounded_sum_of_the_bill(lines):
    whole = cents([Amount(value, dimension) for value, dimension in lines])

    total = sum((value for value, _ in lines), Decimal(0)) * 100
    assert abs(sum(whole.values()) - total) <= Decimal("0.5")
    assert all(quantity > 0 for quantity in whole.values())


def test_only_what_was_not_metered_before_is_left():
    assert still_to_meter({API: 500, STORAGE: 20}, [(API, 300), (API, 100), (STORAGE, 20)]) == {API: 100}


def test_a_bill_that_became_smaller_is_refused_because_aws_takes_nothing_back():
    with pytest.raises(ConnectorError, match="prod1-api: 50 cents more than the bill now says were metered"):
        still_to_meter({API: 250}, [(API, 300)])
    with pytest.raises(ConnectorError, match="prod2-seats: 7 cents"):
        still_to_meter({API: 300}, [(OTHER, 7)])


def test_records_bear_the_present_hour_or_one_of_four_before_it():
    found = hours(datetime(2026, 3, 7, 9, 59, 59, tzinfo=UTC))

    assert [hour.hour for hour in found] == [9, 8, 7, 6, 5]
    assert all((hour.minute, hour.second) == (0, 0) for hour in found)


def test_no_record_bears_an_hour_of_the_month_before():
    assert [hour.hour for hour in hours(datetime(2026, 4, 1, 1, 30, tzinfo=UTC))] == [1, 0]


def test_a_record_may_be_sent_until_it_is_six_hours_old():
    hour = datetime(2026, 3, 7, 4, tzinfo=UTC)

    assert may_still_be_sent(hour, datetime(2026, 3, 7, 9, 59, 59, tzinfo=UTC))
    assert not may_still_be_sent(hour, datetime(2026, 3, 7, 10, tzinfo=UTC))

"""Credits taken off charges lose nothing of the total."""

from hypothesis import given
from hypothesis import strategies as st

from usance.domain.integrations.spreading import less_credits, shared_out

CHARGES = st.lists(st.integers(0, 10**9), min_size=1, max_size=20)


@given(CHARGES, CHARGES)
def test_the_total_stays_and_no_charge_goes_below_0_or_up(charges: list[int], taken: list[int]) -> None:
    units = [*charges, *(-credit for credit in taken)]
    if sum(units) < 0:
        units = [-unit for unit in units]
    lowered = less_credits(units)
    assert sum(lowered) == sum(units)
    assert all(0 <= after <= max(before, 0) for before, after in zip(units, lowered, strict=True))


@given(st.integers(0, 10**9), CHARGES.filter(any))
def test_a_part_is_less_than_one_away_from_its_share(total: int, weights: list[int]) -> None:
    whole = sum(weights)
    for part, weight in zip(shared_out(total, weights), weights, strict=True):
        assert abs(part * whole - total * weight) < whole


def test_what_does_not_divide_goes_to_those_that_lost_most() -> None:
    assert shared_out(100, [1, 1, 1]) == [34, 33, 33]
    assert less_credits([1000, 500, -100]) == [933, 467, 0]

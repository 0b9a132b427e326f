"""A slow destination gets little of the workers' time."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usance.domain.notifications.pacing import FIRST_HOLD, HOLD_MAX, WEBHOOKS, hold, rest_after, spread

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(("took", "rest"), [(0, 0), (1, 0), (2, 6), (10, 30)])
def test_a_lane_rests_three_times_as_long_as_a_slow_attempt_took(took: int, rest: int) -> None:
    assert rest_after(took * SECOND, WEBHOOKS) == rest * SECOND


@given(st.integers(0, 10_000), st.text())
def test_a_delivery_without_room_waits_longer_each_time_up_to_a_quarter_of_an_hour(times: int, run: str) -> None:
    assert FIRST_HOLD <= hold(times, run) <= HOLD_MAX == timedelta(minutes=15)
    assert hold(times, run) <= hold(times + 1, run)


@given(st.timedeltas(timedelta(), timedelta(days=2)), st.text())
def test_a_wait_grows_by_a_fifth_at_most_and_is_always_the_same(wait: timedelta, part: str) -> None:
    assert wait <= spread(wait, part) <= wait * 6 / 5
    assert spread(wait, part) == spread(wait, part)

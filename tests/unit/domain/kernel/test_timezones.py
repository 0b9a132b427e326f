"""Names of time zones, and where local midnight lies."""

from datetime import UTC, date, datetime

import pytest

from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.timezones import local_day, midnight, time_zone


@pytest.mark.parametrize("name", ["UTC+1:00", "GMT+1:00", "GMT+1", "+1:00", "+1", "UTC+01:00"])
def test_offsets_count_east_of_greenwich(name: str) -> None:
    assert midnight(date(2024, 1, 2), time_zone(name)) == datetime(2024, 1, 1, 23, tzinfo=UTC)


def test_offsets_may_lie_west() -> None:
    assert midnight(date(2024, 1, 2), time_zone("UTC-3:30")) == datetime(2024, 1, 2, 3, 30, tzinfo=UTC)


def test_a_name_follows_summer_time() -> None:
    berlin = time_zone("Europe/Berlin")
    assert midnight(date(2024, 3, 31), berlin) == datetime(2024, 3, 30, 23, tzinfo=UTC)
    assert midnight(date(2024, 4, 1), berlin) == datetime(2024, 3, 31, 22, tzinfo=UTC)


def test_where_clocks_skip_midnight_the_day_begins_as_they_skip_it() -> None:
    cairo = time_zone("Africa/Cairo")  # 26 April 2024 has no 00:00: clocks went from 24:00 to 01:00
    assert midnight(date(2024, 4, 26), cairo) == datetime(2024, 4, 25, 22, tzinfo=UTC)
    assert local_day(midnight(date(2024, 4, 26), cairo), cairo) == date(2024, 4, 26)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Mars/Olympus",
        "../etc/passwd",
        "/etc/passwd",
        "Europe",
        "+19",
        "+1:60",
        "x" * 65,
        "UTC+",
        "localtime",
        "right/UTC",
    ],
)
def test_anything_else_is_refused_by_name(name: str) -> None:
    with pytest.raises(InvalidInputError, match="timezone"):
        time_zone(name)

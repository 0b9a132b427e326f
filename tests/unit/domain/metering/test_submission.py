"""What is refused with the whole request (metering.md 1.1, 1.3)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from usance.domain.kernel.errors import InvalidInputError
from usance.domain.metering.submission import check

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Sent:
    ts: datetime = NOW
    ets: datetime | None = None
    meter: str = "m"
    account: str = "a"
    uid: str | None = None
    who: dict[str, str] | None = None
    what: dict[str, str] | None = None
    where: dict[str, str] | None = None
    other: dict[str, str] | None = None
    metadata: dict[str, str] | None = None
    measure: dict[str, Any] | None = None
    cost: dict[str, Any] | None = None
    income: dict[str, Any] | None = None


def test_times_are_microseconds_in_utc() -> None:
    paris = datetime(2026, 1, 15, 1, 0, 0, 5, tzinfo=timezone(timedelta(hours=1)))
    naive = datetime(2026, 1, 15)
    times = check([Sent(ts=paris), Sent(ts=naive, ets=NOW)], NOW)
    assert times.ts[0] - times.ts[1] == 5
    assert times.ets == [None, 1_768_478_400_000_000]


@pytest.mark.parametrize(("ahead", "accepted"), [(0, True), (60_000_000, True), (60_000_001, False)])
def test_up_to_a_minute_of_the_future_is_accepted(ahead: int, accepted: bool) -> None:
    sent = [Sent(), Sent(ts=NOW + timedelta(microseconds=ahead))]
    if accepted:
        assert len(check(sent, NOW).ts) == 2
    else:
        with pytest.raises(InvalidInputError, match=r"measurements\[1\]\.ts"):
            check(sent, NOW)


def test_an_end_equal_to_the_start_or_at_the_epoch_is_accepted() -> None:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert check([Sent(ets=NOW), Sent(ts=epoch, ets=epoch)], NOW).ets[1] == 0
    with pytest.raises(InvalidInputError, match=r"measurements\[0\]\.ets"):
        check([Sent(ets=epoch)], NOW)


@pytest.mark.parametrize(
    "value",
    [
        0,
        -1,
        10**38 - 1,
        Decimal("-0.0"),
        Decimal("1E+37"),
        Decimal("1e-38"),
        Decimal("12345678901234567890.123456789012345678"),
    ],
)
def test_numbers_of_up_to_38_digits_are_accepted(value: Any) -> None:
    check([Sent(measure={"x": value}, cost={"y": value}, income={"z": value})], NOW)


@pytest.mark.parametrize(
    "value",
    [
        10**38,
        Decimal("1E+38"),
        Decimal("1e-39"),
        Decimal("123456789012345678901.123456789012345678"),
        Decimal("NaN"),
        Decimal("Infinity"),
        "5",
        True,
        None,
        [],
    ],
)
@pytest.mark.parametrize("category", ["measure", "cost", "income"])
def test_anything_else_is_refused_by_name(value: Any, category: str) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        check([Sent(), Sent(**{category: {"fine": 1, "wrong": value}})], NOW)
    assert refusal.value.message.startswith(f"measurements[1].{category}.wrong must be a number")

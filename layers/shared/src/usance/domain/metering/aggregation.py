"""The methods of aggregation over values in memory (metering.md 4.1): what every store's aggregation must equal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from enum import StrEnum
from typing import Final, assert_never

from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.quantity import EXACT, ONE, ZERO


class Method(StrEnum):
    """The methods that are computed here; what CUSTOM_SQL computes is up to its query."""

    SUM = "SUM"
    MIN = "MIN"
    MAX = "MAX"
    COUNT = "COUNT"
    LATEST = "LATEST"
    MEAN = "MEAN"
    UNIQUE = "UNIQUE"
    # Our own, beyond the API's.
    P50 = "P50"
    P75 = "P75"
    P90 = "P90"
    P95 = "P95"
    P99 = "P99"
    TIME_WEIGHTED_SUM = "TIME_WEIGHTED_SUM"


OF_ANY_FIELD: Final = frozenset({Method.COUNT, Method.UNIQUE})
PERCENTILES: Final[Mapping[Method, int]] = {
    Method.P50: 50,
    Method.P75: 75,
    Method.P90: 90,
    Method.P95: 95,
    Method.P99: 99,
}
HELD: Final = frozenset({*PERCENTILES, Method.TIME_WEIGHTED_SUM})
"""Methods that need every observation at once: their values of several parts do not say what all come to."""
HELD_MAX: Final = 1_000_000  # observations held at once: some 300 MB
MICROSECONDS_PER_HOUR: Final = Decimal(3_600_000_000)

_UNROUNDED: Final = Context(prec=200)  # sums of numbers of 38 digits, whatever their places, stay exact


@dataclass(frozen=True, slots=True)
class Observation:
    """A value with what decides which is the latest: `ts`, then the receipt, then the uid."""

    value: Decimal | str | None
    ts: int
    received: int
    uid: str


def method_of(name: str) -> Method:
    """The method called `name`, or `InvalidInputError`."""
    try:
        return Method(name)
    except ValueError:
        raise InvalidInputError(f"aggregation: {name} is not one of {', '.join(Method)}") from None


def aggregate(  # noqa: C901, PLR0911, PLR0912 - one case each
    method: Method, observations: Sequence[Observation], until: int = 0
) -> Decimal | None:
    """The value of `method`; None when no observation has a value, but 0 for COUNT and UNIQUE.

    MEAN and TIME_WEIGHTED_SUM are exact to 38 digits; every other result is exact. `until` is the instant, in
    microseconds since 1970, up to which the last value of a TIME_WEIGHTED_SUM holds.
    """
    present = [observation for observation in observations if observation.value is not None]
    if method is Method.COUNT:
        return Decimal(len(present))
    if method is Method.UNIQUE:
        return Decimal(len({observation.value for observation in present}))
    numeric = [(one, one.value) for one in present if isinstance(one.value, Decimal)]
    if not numeric:
        return None
    numbers = [number for _, number in numeric]
    match method:
        case Method.SUM:
            return plain(total(numbers))
        case Method.MIN:
            return plain(min(numbers))
        case Method.MAX:
            return plain(max(numbers))
        case Method.MEAN:
            return mean(total(numbers), len(numbers))
        case Method.LATEST:
            return plain(max(numeric, key=lambda pair: (pair[0].ts, pair[0].received, pair[0].uid))[1])
        case Method.P50 | Method.P75 | Method.P90 | Method.P95 | Method.P99:
            return plain(sorted(numbers)[nearest_rank(PERCENTILES[method], len(numbers)) - 1])
        case Method.TIME_WEIGHTED_SUM:
            return time_weighted([(one.ts, one.received, one.uid, number) for one, number in numeric], until)
        case _:
            assert_never(method)


def check_held(count: int) -> None:
    """Refuse to hold more observations than fit."""
    if count > HELD_MAX:
        raise InvalidInputError(
            "percentiles, time-weighted sums and customSql are put together of "
            f"{HELD_MAX} measurements at most, not of {count}"
        )


def nearest_rank(percent: int, count: int) -> int:
    """Which of `count` values in ascending order, from 1, is the percentile: the least that so many are not above."""
    return -(-percent * count // 100)


def time_weighted(values: Sequence[tuple[int, int, str, Decimal]], until: int) -> Decimal:
    """Each value times the hours until the next one, the last one until `until`. Of one instant the last received holds."""
    ordered = sorted(values)
    ends = [*(ts for ts, _, _, _ in ordered[1:]), until]
    sums = (_UNROUNDED.multiply(value, Decimal(end - ts)) for (ts, _, _, value), end in zip(ordered, ends, strict=True))
    return plain(EXACT.divide(total(list(sums)), MICROSECONDS_PER_HOUR))


def total(numbers: Sequence[Decimal]) -> Decimal:
    """The exact sum."""
    result = Decimal(0)
    for number in numbers:
        result = _UNROUNDED.add(result, number)
    return result


def mean(sum_of_values: Decimal, count: int) -> Decimal:
    """The quotient at 38 digits. `count` is above 0."""
    return plain(EXACT.divide(sum_of_values, Decimal(count)))


def plain(number: Decimal) -> Decimal:
    """The same number without trailing zeros, without an exponent and, when it is zero, without a sign."""
    if not number:
        return ZERO
    short = number.normalize(_UNROUNDED)
    exponent = short.as_tuple().exponent
    return short.quantize(ONE, context=_UNROUNDED) if isinstance(exponent, int) and exponent > 0 else short

"""The first stage: a request is accepted or refused as a whole, checking no more than it must (metering.md 1.3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Protocol

from usance.domain.kernel.calendar import FIRST_YEAR
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.quantity import PRECISION_DIGITS
from usance.domain.metering.instants import EARLIEST, LATEST, microseconds

MEASUREMENTS_MAX: Final = 1_000  # per request, by the API
BODY_MAX_BYTES: Final = 512_000  # per request, by the API
UID_MAX_CHARS: Final = 50
CODE_MAX_CHARS: Final = 80
METADATA_MAX_CHARS: Final = 256
TEXT_MAX_CHARS: Final = 1_024  # our choice where the API is silent (metering.md, open question 14)
FUTURE_MAX_SECONDS: Final = 60  # clocks of senders run ahead a little (open question 8)

_INTEGER_LIMIT: Final = 10**PRECISION_DIGITS


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of what is taken in at once."""

    measurements: int
    body_bytes: int


OF_REQUEST: Final = Bounds(MEASUREMENTS_MAX, BODY_MAX_BYTES)


class Submitted(Protocol):
    """A measurement as it was sent: types and lengths of texts are right already."""

    @property
    def uid(self) -> str | None: ...
    @property
    def meter(self) -> str: ...
    @property
    def account(self) -> str: ...
    @property
    def ts(self) -> datetime: ...
    @property
    def ets(self) -> datetime | None: ...
    @property
    def who(self) -> Mapping[str, str] | None: ...
    @property
    def what(self) -> Mapping[str, str] | None: ...
    @property
    def where(self) -> Mapping[str, str] | None: ...
    @property
    def other(self) -> Mapping[str, str] | None: ...
    @property
    def metadata(self) -> Mapping[str, str] | None: ...
    @property
    def measure(self) -> Mapping[str, Any] | None: ...
    @property
    def cost(self) -> Mapping[str, Any] | None: ...
    @property
    def income(self) -> Mapping[str, Any] | None: ...


@dataclass(frozen=True, slots=True)
class Times:
    """Per measurement its `ts`, and its `ets` or None, in microseconds since 1970."""

    ts: Sequence[int]
    ets: Sequence[int | None]


def check(measurements: Sequence[Submitted], now: datetime) -> Times:
    """The times of `measurements`.

    Raises `InvalidInputError` naming the first field that breaks a rule, such as `measurements[3].ts`; nothing of the
    request may then be stored.
    """
    ts = [microseconds(measurement.ts) for measurement in measurements]
    ets = [None if measurement.ets is None else microseconds(measurement.ets) for measurement in measurements]
    latest = microseconds(now) + FUTURE_MAX_SECONDS * 1_000_000
    if max(ts) > latest or min(ts) < EARLIEST or ets.count(None) < len(ets):
        _check_times(ts, ets, latest)
    for index, measurement in enumerate(measurements):
        if measurement.measure:
            _check_numbers(measurement.measure, index, "measure")
        if measurement.cost:
            _check_numbers(measurement.cost, index, "cost")
        if measurement.income:
            _check_numbers(measurement.income, index, "income")
    return Times(ts, ets)


def _check_times(ts: Sequence[int], ets: Sequence[int | None], latest: int) -> None:
    for index, (begin, end) in enumerate(zip(ts, ets, strict=True)):
        if begin > latest:
            raise InvalidInputError(
                f"measurements[{index}].ts is more than {FUTURE_MAX_SECONDS} seconds in the future; "
                "send a measurement once it has happened"
            )
        if begin < EARLIEST:
            raise InvalidInputError(f"measurements[{index}].ts lies before the year {FIRST_YEAR} in UTC")
        if end is not None and not begin <= end <= LATEST:
            raise InvalidInputError(f"measurements[{index}].ets must not lie before ts, nor after the year 9999 in UTC")


def _check_numbers(values: Mapping[str, Any], index: int, category: str) -> None:
    for value in values.values():
        if type(value) is int and -_INTEGER_LIMIT < value < _INTEGER_LIMIT:
            continue
        if type(value) is Decimal and _fits(value):
            continue
        code = next(code for code, candidate in values.items() if candidate is value)
        raise InvalidInputError(
            f"measurements[{index}].{category}.{code} must be a number "
            f"of at most {PRECISION_DIGITS} digits before and after the point together"
        )


def _fits(value: Decimal) -> bool:
    """Whether `value`, written without an exponent, has at most 38 digits: then any store holds it exactly."""
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        return False
    return max(len(digits) + exponent, 0) + max(-exponent, 0) <= PRECISION_DIGITS

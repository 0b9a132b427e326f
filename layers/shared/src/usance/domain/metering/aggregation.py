"""The methods of aggregation over values in memory (metering.md 4.1): what every store's aggregation must equal."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from enum import StrEnum
from typing import Final, assert_never

from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.quantity import EXACT, ONE


class Method(StrEnum):
    """The methods that are computed here; what CUSTOM_SQL computes is up to its query."""

    SUM = "SUM"
    MIN = "MIN"
    MAX = "MAX"
    COUNT = "COUNT"
    LATEST = "LATEST"
    MEAN = "MEAN"
    UNIQUE = "UNIQUE"


OF_ANY_FIELD: Final = frozenset({Method.COUNT, Method.UNIQUE})

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


def refuse_text(method: Method, field_code: str) -> None:
    """Raise `InvalidInputError` when `method` cannot be applied to a field of texts."""
    if method not in OF_ANY_FIELD:
        raise InvalidInputError(f"targetField {field_code} holds texts, of which there is no {method}")


def aggregate(method: Method, observations: Sequence[Observation]) -> Decimal | None:  # noqa: C901 - one case each
    """The value of `method`; None when no observation has a value, but 0 for COUNT and UNIQUE.

    MEAN is exact to 38 digits; every other result is exact.
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
        case _:
            assert_never(method)


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
    """The same number without trailing zeros and without an exponent."""
    short = number.normalize(_UNROUNDED)
    exponent = short.as_tuple().exponent
    return short.quantize(ONE, context=_UNROUNDED) if isinstance(exponent, int) and exponent > 0 else short

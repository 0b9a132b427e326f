"""The functions of calculations, and how values of different kinds read and compare."""

import re
from collections.abc import Callable, Mapping
from decimal import (
    ROUND_CEILING,
    ROUND_FLOOR,
    ROUND_HALF_UP,
    Context,
    Decimal,
    DecimalException,
    DivisionByZero,
    InvalidOperation,
    Overflow,
)
from typing import ClassVar, Final, assert_never

from usance.domain.expressions.moments import milliseconds, timestamp
from usance.domain.expressions.tree import Function, Present, Value
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.quantity import ONE, ZERO

ARITHMETIC_DIGITS: Final = 34
SCALE_MAX: Final = 100  # more places than any number of 34 digits shows

# The exponent range of a 128-bit decimal: a tower of powers overflows at once instead of filling the memory.
ARITHMETIC: Final = Context(
    prec=ARITHMETIC_DIGITS,
    rounding=ROUND_HALF_UP,
    Emin=-6_143,
    Emax=6_144,
    traps=[InvalidOperation, DivisionByZero, Overflow],
)
_ROUNDING: Final = Context(prec=2 * SCALE_MAX, traps=[InvalidOperation])


class EvaluationError(InvalidInputError):
    """The calculation has no value for these inputs."""

    code: ClassVar[str] = "CALCULATION_ERROR"


def equal(left: Value, right: Value) -> bool:
    """Equal in kind and value: 1 is 1.00, and no text or truth equals a number; null equals null alone."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return left == right


def kind_of(value: Present) -> str:
    """What a message calls the kind of `value`."""
    match value:
        case bool():
            return "true or false"
        case str():
            return "a text"
        case Decimal():
            return "a number"
        case _:
            assert_never(value)


def text_of(value: Value) -> str:
    """How a value reads inside a text: numbers in plain digits without trailing zeros."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case Decimal():
            plain = f"{value:f}" if value else "0"
            return plain.rstrip("0").rstrip(".") if "." in plain else plain
        case _:
            assert_never(value)


def _to_number(value: Present) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        try:
            return ARITHMETIC.create_decimal(value)
        except DecimalException:
            pass
    raise EvaluationError(f"{text_of(value)[:40]!r} is not a number")


def _format_time(value: Present) -> str:
    if not isinstance(value, Decimal):
        raise EvaluationError(f"epoch milliseconds are a number, not {kind_of(value)}")
    return timestamp(value)


def power(base: Decimal, exponent: Decimal) -> Decimal:
    """`base` to the power of `exponent`; raises a `DecimalException` where there is none."""
    if not exponent:
        return ONE  # also of 0, as everywhere in computing
    if not base and exponent < ZERO:
        raise DivisionByZero
    return ARITHMETIC.power(base, exponent)


def _scaled(rounding: str) -> Callable[..., Decimal]:
    def compute(number: Decimal, scale: Decimal = ZERO) -> Decimal:
        if scale != scale.to_integral_value() or abs(scale) > SCALE_MAX:
            raise EvaluationError(f"a scale is a whole number from -{SCALE_MAX} to {SCALE_MAX}")
        exponent = int(number.as_tuple().exponent)
        if exponent >= -int(scale):
            return number
        rounded = number.quantize(ONE.scaleb(-int(scale)), rounding=rounding, context=_ROUNDING)
        return rounded.quantize(ONE, context=_ROUNDING) if scale < 0 else rounded  # 1200, not 1.2E+3

    return compute


_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]{1,38}(?:\.[0-9]{0,38})?|\.[0-9]{1,38})(?:[eE][+-]?[0-9]{1,4})?")

MATH: Final[Mapping[Function, Callable[..., Decimal]]] = {
    Function.MAX: lambda *numbers: max(numbers),
    Function.MIN: lambda *numbers: min(numbers),
    Function.FLOOR: _scaled(ROUND_FLOOR),
    Function.CEIL: _scaled(ROUND_CEILING),
    Function.ROUND: _scaled(ROUND_HALF_UP),  # of negatives: half away from zero, as everywhere else
    Function.POW: power,
    Function.ABS: Decimal.copy_abs,
}
CASTS: Final[Mapping[Function, Callable[[Present], Value]]] = {
    Function.TO_NUMBER: _to_number,
    Function.TO_STRING: text_of,
    Function.PARSE_TIME: lambda value: milliseconds(text_of(value)),
    Function.FORMAT_TIME: _format_time,
}

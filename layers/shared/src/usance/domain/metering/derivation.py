"""Derived fields, computed once at ingest (metering.md 3.1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Final, cast

from usance.domain.expressions.evaluator import NO_LOOKUPS, EvaluationError, Lookups, NullRules, evaluate
from usance.domain.expressions.tree import Value, names
from usance.domain.kernel.quantity import EXACT, ONE, PRECISION_DIGITS
from usance.domain.metering.columns import Columns, Number
from usance.domain.metering.enrichment import Failure, FailureType
from usance.domain.metering.meter import NUMERIC, Category, DerivedField
from usance.domain.metering.submission import METADATA_MAX_CHARS, TEXT_MAX_CHARS

ENTITIES: Final = ("organization", "account", "meter", "product")
"""Whose custom fields a derived field may use, as `<entity>.<name>` or `<entity>.customFields.<name>`."""

TIMESTAMPS: Final = ("timestamp.ts", "timestamp.ets", "timestamp.receivedAt")
"""Epoch milliseconds of the measurement; `ets` is null when it was not sent."""

ACCOUNT_CODE: Final = "account.code"

_THOUSAND: Final = Decimal(1000)
_PLACES: Final = Context(prec=2 * PRECISION_DIGITS, rounding=ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a derived field may use besides its measurement: per entity its custom fields, defaults filled in."""

    account_code: str
    custom_fields: Mapping[str, Mapping[str, Value | int]]
    received_microseconds: int
    lookups: Lookups = NO_LOOKUPS


def entities_used(fields: Sequence[DerivedField]) -> frozenset[str]:
    """Of `ENTITIES`, those whose custom fields are used."""
    used = {name.split(".")[0] for field in fields for name in names(field.expression) if name != ACCOUNT_CODE}
    return frozenset(ENTITIES) & used


def derive(
    fields: Sequence[DerivedField], columns: Columns, positions: Sequence[int], surroundings: Surroundings
) -> tuple[Columns, list[Failure]]:
    """`columns` with the derived fields added, and a failure per value that could not be computed (it is then None).

    `positions` are those of the rows in the request.
    """
    failures: list[Failure] = []
    numbers = dict(columns.numbers)
    texts = dict(columns.texts)
    for field in fields:
        values: list[Value] = []
        for row, position in enumerate(positions):
            try:
                values.append(_value(field, columns, row, surroundings))
            except EvaluationError as error:
                values.append(None)
                message = f"the derived field {field.code} has no value: {error.message}"
                failures.append(Failure(position, FailureType.CALCULATION_ERROR, message))
        if field.category in NUMERIC:
            numbers[field.code] = cast("list[Number | None]", values)
        else:
            texts[field.code] = cast("list[str | None]", values)
    return replace(columns, numbers=numbers, texts=texts), failures


def _value(field: DerivedField, columns: Columns, row: int, surroundings: Surroundings) -> Value:
    def resolve(name: str) -> Value | int:
        if name in columns.numbers:
            return columns.numbers[name][row]
        if name in columns.texts:
            return columns.texts[name][row]
        return _surrounding(name, columns, row, surroundings)

    codes = columns.numbers.keys() | columns.texts.keys()
    value = evaluate(field.expression, resolve, NullRules.DERIVED_FIELD, lookups=surroundings.lookups, key_fields=codes)
    if value is None:
        return None
    if field.category in NUMERIC:
        return _stored_number(value)
    return _stored_text(value, METADATA_MAX_CHARS if field.category is Category.METADATA else TEXT_MAX_CHARS)


def _surrounding(name: str, columns: Columns, row: int, surroundings: Surroundings) -> Value | int:
    if name == ACCOUNT_CODE:
        return surroundings.account_code
    if name in TIMESTAMPS:
        moment = {
            "timestamp.ts": columns.ts[row],
            "timestamp.ets": columns.ets[row],
            "timestamp.receivedAt": surroundings.received_microseconds,
        }[name]
        return None if moment is None else EXACT.divide(Decimal(moment), _THOUSAND)
    entity, _, custom_field = name.replace(".customFields.", ".", 1).partition(".")
    values = surroundings.custom_fields.get(entity, {})
    if custom_field not in values:
        raise EvaluationError(f"{name} is neither a field of the meter nor a custom field")
    return values[custom_field]


def _stored_number(value: Value) -> Decimal:
    """`value` with at most 38 digits before and after the point together, rounded half up."""
    if not isinstance(value, Decimal):
        raise EvaluationError("the result is not a number, as its category demands")
    whole_digits = max(value.adjusted() + 1, 0) if value else 0  # a zero may carry any exponent
    if whole_digits > PRECISION_DIGITS:
        raise EvaluationError(f"the result has more than {PRECISION_DIGITS} digits before the point")
    rounded = value.quantize(ONE.scaleb(whole_digits - PRECISION_DIGITS), context=_PLACES)
    return value if rounded == value else rounded


def _stored_text(value: Value, most_chars: int) -> str:
    if not isinstance(value, str):
        raise EvaluationError("the result is not a text, as its category demands")
    if len(value) > most_chars:
        raise EvaluationError(f"the result has more than {most_chars} characters")
    return value

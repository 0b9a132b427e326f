"""Quantities that are calculated from those of simple aggregations (metering.md 5, W20)."""

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Final

from usance.domain.billing.pricings import Compound, FieldValue
from usance.domain.expressions.tree import Expression, Value, names
from usance.domain.kernel.errors import InvalidInputError

PREFIX: Final = "aggregation."


def fields_used(calculation: str) -> frozenset[str]:
    """The names in the calculation that are no aggregations: custom fields."""
    return frozenset(name for name in names(_parsed(calculation)) if not name.startswith(PREFIX))


def calculated(
    compound: Compound, values: Mapping[str, Decimal | None], fields: Mapping[str, FieldValue]
) -> Decimal | None:
    """The value of `compound` where its aggregations, by code, have `values`; their units play no part.

    None when the result is null, and, unless the compound evaluates nulls, when any value is. Raises
    `InvalidInputError` when there is no result, as of a division by zero.
    """
    from usance.domain.expressions.evaluator import NullRules, evaluate

    def resolve(name: str) -> Value:
        if name.startswith(PREFIX):
            return values[name.removeprefix(PREFIX)]
        if name not in fields:
            raise InvalidInputError(
                f"the custom field {name} is not set; set it, or its default among the organization's custom fields"
            )
        return fields[name]

    if not compound.evaluate_nulls and None in values.values():
        return None
    try:
        result = evaluate(_parsed(compound.calculation), resolve, NullRules.COMPOUND_AGGREGATION)
    except InvalidInputError as failed:
        raise InvalidInputError(f"the compound aggregation {compound.name} has no value: {failed.message}") from failed
    if result is not None and not isinstance(result, Decimal):
        raise InvalidInputError(f"the compound aggregation {compound.name} must come to a number, not {result!r}")
    return result


@lru_cache(maxsize=1024)  # a run rates the same few calculations, account after account
def _parsed(calculation: str) -> Expression:
    from usance.domain.expressions.grammar import parse  # only plans with compounds need the grammar

    return parse(calculation)

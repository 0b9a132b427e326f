"""An aggregation's query of the customer's own, and the columns that it may name (metering.md 4.1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from usance.domain.metering.meter import NUMERIC

CUSTOM_SQL: Final = "CUSTOM_SQL"
"""The method whose value a query of the customer's own computes."""
_NUMERIC = frozenset(category.name for category in NUMERIC)


@dataclass(frozen=True, slots=True)
class CustomSql:
    """`aggregation` is its code or name, for messages. `numbers` and `texts` are the fields of the meter, by code.

    A field of the meter that no measurement of a span has is a column all the same, without a value.
    """

    text: str
    aggregation: str = ""
    numbers: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()


def custom_sql_of(aggregation: Mapping[str, Any], meter: Mapping[str, Any]) -> CustomSql | None:
    """The query of an aggregation on `meter`, both as the API shows them; None when it has none."""
    text = aggregation.get("customSql")
    if not text:
        return None
    numbers: list[str] = []
    texts: list[str] = []
    for field in (*meter.get("dataFields", ()), *(meter.get("derivedFields") or ())):
        (numbers if field["category"] in _NUMERIC else texts).append(field["code"])
    name = aggregation.get("code") or aggregation.get("name") or ""
    return CustomSql(text, name, tuple(numbers), tuple(texts))

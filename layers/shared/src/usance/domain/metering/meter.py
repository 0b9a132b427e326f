"""A meter as ingest sees it: which fields a measurement must carry, and what is computed from them (metering.md 3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # only meters with derived fields need the language
    from usance.domain.expressions.tree import Expression


class Category(StrEnum):
    """The category of a field, as measurements spell it: the map of the measurement that holds the field."""

    WHO = "who"
    WHAT = "what"
    WHERE = "where"
    OTHER = "other"
    METADATA = "metadata"
    MEASURE = "measure"
    COST = "cost"
    INCOME = "income"


NUMERIC: Final = frozenset({Category.MEASURE, Category.COST, Category.INCOME})


@dataclass(frozen=True, slots=True)
class DerivedField:
    """A field computed at ingest."""

    code: str
    category: Category
    expression: "Expression"


@dataclass(frozen=True, slots=True)
class Meter:
    """What ingest needs of a meter. `fields` maps the code of each data field to its category."""

    id: str
    product_id: str | None
    fields: Mapping[str, Category]
    derived_fields: tuple[DerivedField, ...]

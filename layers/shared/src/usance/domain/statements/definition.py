"""How a statement breaks usage down (billing.md 14)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

ALL_VALUES: Final = "*"


class Frequency(StrEnum):
    """The length of a statement's buckets."""

    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    QUARTER = "QUARTER"
    YEAR = "YEAR"
    WHOLE_PERIOD = "WHOLE_PERIOD"


@dataclass(frozen=True, slots=True)
class Dimension:
    """A string field to break down by. `filter` lists the values to show, `*` shows all; no `meter_id`: any meter.

    `attributes` are kept for the definition's sake; the API does not say what they select.
    """

    name: str
    filter: Sequence[str] = (ALL_VALUES,)
    meter_id: str | None = None
    attributes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Measure:
    """A field to aggregate. A blank `name` is every number field of the meter; no `meter_id`: any meter."""

    name: str = ""
    aggregations: Sequence[str] = ()
    meter_id: str | None = None


@dataclass(frozen=True, slots=True)
class Definition:
    """What a statement definition asks for."""

    frequency: Frequency
    dimensions: Sequence[Dimension] = ()
    measures: Sequence[Measure] = ()
    include_price_per_unit: bool = False
    id: str | None = None
    name: str | None = None


# Used when neither the account nor the organization names a definition: each line by day, as it was aggregated.
BUILT_IN: Final = Definition(frequency=Frequency.DAY, name="Daily usage")

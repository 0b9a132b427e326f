"""Which aggregations to ask of the usage behind a line, and grouped by what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from usance.domain.metering.custom_sql import CUSTOM_SQL
from usance.domain.statements.definition import ALL_VALUES, Definition, Dimension, Measure
from usance.domain.statements.line import Metered

NUMBER_METHODS: Final = frozenset({"SUM", "MIN", "MAX", "COUNT", "LATEST", "MEAN"})
STRING_METHODS: Final = frozenset({"COUNT", "UNIQUE"})
DEFAULT_METHODS: Final = ("SUM",)  # of a measure that names no aggregation


@dataclass(frozen=True, slots=True)
class Breakdown:
    """`measures` are pairs of field and method, the line's own first; `dimensions` are field codes.

    `filters` maps some of the dimensions to the values shown.
    """

    measures: Sequence[tuple[str, str]]
    dimensions: Sequence[str]
    filters: Mapping[str, Sequence[str]]

    def shows(self, group: Mapping[str, str]) -> bool:
        """Whether the usage of a group passes the definition's filters."""
        return all(group.get(name, "") in values for name, values in self.filters.items())


def breakdown(definition: Definition, metered: Metered) -> Breakdown:
    """What the statement shows of a line.

    The line's own aggregation always comes first, so that the reader can check the line's quantity; measures and
    dimensions of the definition that this meter does not have are left out, and so is what a query of the customer's own
    computed, which means something over the whole period alone. The line of a segment is always broken
    down by the segmented fields as well, which keeps every method exact where a segment has wildcards.
    """
    dimensions = [
        item for item in definition.dimensions if _applies(item, metered) and item.name in metered.string_fields
    ]
    names = dict.fromkeys([*(item.name for item in dimensions), *(metered.segmented_fields if metered.segment else ())])
    own = [] if metered.method == CUSTOM_SQL else [(metered.target_field, metered.method)]
    wanted = [pair for item in definition.measures if _applies(item, metered) for pair in _pairs(item, metered)]
    return Breakdown(
        measures=tuple(dict.fromkeys([*own, *wanted])),
        dimensions=tuple(names),
        filters={item.name: tuple(item.filter) for item in dimensions if ALL_VALUES not in item.filter},
    )


def _applies(item: Dimension | Measure, metered: Metered) -> bool:
    return item.meter_id in {None, "", metered.meter_id}


def _pairs(measure: Measure, metered: Metered) -> Sequence[tuple[str, str]]:
    fields = (measure.name,) if measure.name else tuple(metered.number_fields)
    methods = tuple(measure.aggregations) or DEFAULT_METHODS
    return [(code, method) for code in fields for method in methods if _computable(code, method, metered)]


def _computable(code: str, method: str, metered: Metered) -> bool:
    """Whether the method fits the field's kind. CUSTOM_SQL never does: a definition carries no query."""
    if code in metered.number_fields:
        return method in NUMBER_METHODS
    return code in metered.string_fields and method in STRING_METHODS

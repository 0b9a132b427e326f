"""The value of a usage query again, value by value, for who proves a bill: slow, and without the aggregation of bills."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from usance.domain.billing.segments import Segmentation
from usance.domain.billing.usage import UsageQuery
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.period import Instants
from usance.domain.kernel.quantity import ZERO
from usance.domain.metering.aggregation import (
    HELD_MAX,
    OF_ANY_FIELD,
    Method,
    Observation,
    aggregate,
    mean,
    method_of,
    plain,
    total,
)
from usance.domain.metering.columns import Columns, Number
from usance.domain.metering.custom_sql import CUSTOM_SQL
from usance.domain.metering.instants import microseconds

_SUMMED: Final = frozenset({Method.SUM, Method.MEAN, Method.MIN, Method.MAX})


class Recount:
    """One query; `add` takes its measurements in any order and number, `value` answers.

    Raises `InvalidInputError` when made for a query that cannot be recounted, or when too many values would be held.
    """

    def __init__(self, query: UsageQuery) -> None:
        if query.method == CUSTOM_SQL:
            raise InvalidInputError("a CUSTOM_SQL aggregation is a query of its own and is not recounted")
        self._method = method_of(query.method)
        self._query = query
        self._high = microseconds(query.span.end)
        self._segmentation = None if query.segment is None else Segmentation.of(query.segments)
        self._any = False
        self._present = 0
        self._sum = ZERO
        self._limits: tuple[Decimal, Decimal] | None = None
        self._held: list[Observation] = []

    def add(self, columns: Columns, received: Sequence[int], rows: Sequence[int], span: Instants) -> None:
        """Take note of the measurements at `rows` of one account, of those in `span` that fall into the query."""
        low, high = microseconds(span.start), microseconds(span.end)
        inside = [row for row in rows if low <= columns.ts[row] < high and self._matches(columns, row)]
        if not inside:
            return
        self._any = True
        code = self._query.target_field
        values: Sequence[Number | str | None] | None = columns.numbers.get(code)
        if values is None and self._method in OF_ANY_FIELD:
            values = columns.texts.get(code)
        if values is None:
            return
        if self._method is Method.COUNT:
            self._present += sum(values[row] is not None for row in inside)
        elif self._method in _SUMMED:
            self._sum_up([Decimal(value) for row in inside if (value := _number(values[row])) is not None])
        else:
            self._hold(columns, received, inside, values)

    def value(self) -> Decimal | None:
        """What the bill must have counted; None when nothing was used."""
        if not self._any:
            return None
        match self._method:
            case Method.COUNT:
                return Decimal(self._present)
            case Method.SUM:
                return plain(self._sum) if self._present else None
            case Method.MEAN:
                return mean(self._sum, self._present) if self._present else None
            case Method.MIN:
                return plain(self._limits[0]) if self._limits else None
            case Method.MAX:
                return plain(self._limits[1]) if self._limits else None
            case _:
                return aggregate(self._method, self._held, self._high)

    def _matches(self, columns: Columns, row: int) -> bool:
        filters = self._query.filters
        if any(_text(columns, code, row) not in values for code, values in filters.include):
            return False
        if any(_text(columns, code, row) in values for code, values in filters.exclude):
            return False
        if self._segmentation is None:
            return True
        group = {code: _text(columns, code, row) for code in self._query.segmented_fields}
        return self._segmentation.segment_of(group) == self._query.segment

    def _sum_up(self, values: Sequence[Decimal]) -> None:
        if not values:
            return
        self._present += len(values)
        self._sum = total([self._sum, *values])
        known = [*values, *(self._limits or ())]
        self._limits = min(known), max(known)

    def _hold(
        self, columns: Columns, received: Sequence[int], rows: Sequence[int], values: Sequence[Number | str | None]
    ) -> None:
        for row in rows:
            value = values[row]
            exact = Decimal(value) if isinstance(value, int) else value
            self._held.append(Observation(exact, columns.ts[row], received[row], columns.uids[row]))
        if self._method is Method.LATEST:
            present = [one for one in self._held if one.value is not None]
            self._held = sorted(present, key=lambda one: (one.ts, one.received, one.uid))[-1:]
        if len(self._held) > HELD_MAX:
            raise InvalidInputError(f"{self._method} over more than {HELD_MAX} measurements is not recounted")


def _text(columns: Columns, code: str, row: int) -> str:
    """The text of a field; the empty text where there is none."""
    return columns.texts[code][row] or "" if code in columns.texts else ""


def _number(value: Number | str | None) -> Number | None:
    return None if isinstance(value, str) else value

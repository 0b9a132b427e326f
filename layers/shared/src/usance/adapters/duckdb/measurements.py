"""Single measurements out of packed ones."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import numpy as np

from usance.adapters.duckdb.columns import Column, ExactColumn, ScaledColumn, TextColumn, number
from usance.adapters.duckdb.stored import Stored
from usance.adapters.duckdb.usage import Usage
from usance.adapters.packing import NO_VALUE
from usance.application.ports.usage_log import Measurement, UsageScope
from usance.domain.metering.aggregation import plain


def measured(
    stored: Stored, scope: UsageScope, start: datetime, end: datetime, where: Mapping[str, Sequence[str]], limit: int
) -> list[Measurement]:
    """See `UsageReader.measurements`."""
    if not stored.items:
        return []
    usage = Usage(stored, start, end)
    usage = usage.where(where) if where else usage
    received, ets = usage.received(), usage.ets()
    chosen = np.lexsort((usage.ts, received))[::-1][:limit].tolist()
    numbers: list[dict[str, Decimal]] = [{} for _ in chosen]
    texts: list[dict[str, str]] = [{} for _ in chosen]
    for code in usage.codes():
        for column in usage.columns(code):
            _fill(column, code, chosen, numbers, texts)
    receipts = usage.receipts(chosen)
    found = [
        Measurement(scope, uid, int(usage.ts[row]), _end(int(ets[row])), int(received[row]), numbers[at], texts[at])
        for at, (row, (_, uid)) in enumerate(zip(chosen, receipts, strict=True))
    ]
    return sorted(found, key=lambda one: (one.received, one.ts, one.uid), reverse=True)


def _fill(
    column: Column,
    code: str,
    rows: Sequence[int],
    numbers: Sequence[dict[str, Decimal]],
    texts: Sequence[dict[str, str]],
) -> None:
    for at, row in enumerate(rows):
        match column:
            case ScaledColumn() if column.values[row] != NO_VALUE:
                numbers[at][code] = plain(number(int(column.values[row]), column.places))
            case TextColumn() if column.indexes[row] >= 0:
                texts[at][code] = column.distinct[column.indexes[row]]
            case ExactColumn() if (value := column.values[row]) is not None:
                numbers[at][code] = plain(value)
            case _:
                pass


def _end(ets: int) -> int | None:
    return None if ets == NO_VALUE else ets

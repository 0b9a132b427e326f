"""Usage as rows of an export (metering.md 8.1): measurements, or values computed of them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from usance.application.exports.chunks import Chunk, Cursor, Table, TextColumn
from usance.application.ports.read_budget import ReadBudget, TooMuchUsageError
from usance.application.ports.usage_log import Measurement, UsageScope
from usance.application.usage.aggregated_rows import aggregated_rows, columns_of, value_columns
from usance.application.usage.measurement_rows import OWN_COLUMNS, codes, row_of
from usance.application.usage.plan import Plan, planned
from usance.application.usage.ports import UsagePorts
from usance.application.usage.scopes import Limits, scopes_of
from usance.domain.metering.instants import microseconds, months_between
from usance.domain.metering.meter import NUMERIC
from usance.resources import instants
from usance.resources.wire import Document

MEASUREMENTS: Final = "measurements"
ROWS_MAX: Final = 500_000  # measurements of a scope at a time, held as rows
LIMITS: Final = Limits(
    scopes=1_000_000, measurements=2_000_000_000, of_scope=20_000_000, megabytes=1_000_000, custom=10_000
)
SHORTEST: Final = timedelta(seconds=1)  # no meter of an account measures so much in it
_INSTANTS: Final = frozenset({"ts", "ets", "receivedAt"})
_NUMERIC: Final = frozenset(category.name for category in NUMERIC)
_FIXED: Final = ("uid", "meterId", "meterCode", "accountId", "accountCode", "ts", "ets", "receivedAt")


def usage_table(ports: UsagePorts, org_id: str, asked: Document) -> Table:
    """The rows of a selection of usage, as `usage/query` answers them, but without its limits."""
    plan = planned(ports, org_id, asked)
    if plan.shown:
        return _aggregated(ports, org_id, plan)
    found = scopes_of(ports, org_id, plan, LIMITS)
    scopes = sorted(found, key=lambda scope: (scope.meter_id, scope.account_id))
    meters = _meters(ports, org_id, scopes)
    names = {code: f"field.{code}" if code in OWN_COLUMNS else code for _, code, _ in _categories(meters)}
    texts = {code for _, code, category in _categories(meters) if category not in _NUMERIC}
    return Table(
        MEASUREMENTS,
        [*_FIXED, *names.values()],
        lambda cursor: _measured(ports, org_id, plan, scopes, cursor),
        [*(TextColumn(name, name) for name in _FIXED), *_text_columns(meters, names)],
        instants=_INSTANTS,
        numbers=frozenset(name for code, name in names.items() if code not in texts),
        own=frozenset(_FIXED),
    )


def _aggregated(ports: UsagePorts, org_id: str, plan: Plan) -> Table:
    def chunks(_: Cursor) -> Iterator[Chunk]:
        yield Chunk(aggregated_rows(ports, org_id, plan, LIMITS), {})

    columns = columns_of(plan)
    values = frozenset(value_columns(plan))
    own = frozenset(columns) - values
    return Table(MEASUREMENTS, columns, chunks, instants=frozenset({"ts"} & {*columns}), numbers=values, own=own)


def _meters(ports: UsagePorts, org_id: str, scopes: Sequence[UsageScope]) -> Sequence[Document]:
    ids = list(dict.fromkeys(scope.meter_id for scope in scopes))
    return ports.entities.get_many(org_id, "meter", ids) if ids else []


def _text_columns(meters: Sequence[Document], names: Mapping[str, str]) -> Iterator[TextColumn]:
    """The fields as uploads name them, `measure.tokens`: a column for each category that a code has in some meter."""
    of_meters: dict[tuple[str, str], set[str]] = {}
    for meter_id, code, category in _categories(meters):
        of_meters.setdefault((code, category), set()).add(meter_id)
    several = {code for code, count in Counter(code for code, _ in of_meters).items() if count > 1}
    for (code, category), owners in of_meters.items():
        only = frozenset(owners) if code in several else None
        yield TextColumn(f"{category.lower()}.{code}", names[code], only, of_numbers=category in _NUMERIC)


def _categories(meters: Sequence[Document]) -> Iterator[tuple[str, str, str]]:
    """By meter: its id, the codes of its fields, and their categories."""
    for meter in meters:
        for field in (*meter["dataFields"], *(meter.get("derivedFields") or ())):
            yield meter["id"], field["code"], field["category"]


def _measured(
    ports: UsagePorts, org_id: str, plan: Plan, scopes: Sequence[UsageScope], cursor: Cursor
) -> Iterator[Chunk]:
    place = (cursor["meterId"], cursor["accountId"]) if cursor else ("", "")
    for scope in scopes:
        own = (scope.meter_id, scope.account_id)
        if own < place:
            continue
        start = instants.from_text(cursor["from"]) if own == place else plan.start
        for found, end in _windows(ports, plan, scope, start):
            following = {"meterId": own[0], "accountId": own[1], "from": instants.to_text(end)}
            yield Chunk(_rows(ports, org_id, found), following)


def _windows(
    ports: UsagePorts, plan: Plan, scope: UsageScope, start: datetime
) -> Iterator[tuple[Sequence[Measurement], datetime]]:
    """The measurements of a scope month by month, or less where that is too much at once; and where each part ends."""
    waiting = [(low, high) for low, high in _months(start, plan.end) if low < high][::-1]
    while waiting:
        low, high = waiting.pop()
        found = _measurements(ports, plan, scope, low, high)
        if found is None:
            middle = low + (high - low) // 2
            waiting += [(middle, high), (low, middle)]
        else:
            yield found, high


def _measurements(
    ports: UsagePorts, plan: Plan, scope: UsageScope, start: datetime, end: datetime
) -> Sequence[Measurement] | None:
    """None when they are too many to hold, and the time can be cut."""
    where = plan.filters.get(scope.meter_id, {})
    shortest = end - start <= SHORTEST
    try:
        found = ports.usage.measurements(
            scope,
            start,
            end,
            where=where,
            limit=LIMITS.measurements if shortest else ROWS_MAX + 1,
            budget=None if shortest else ReadBudget(LIMITS.of_scope),
        )
    except TooMuchUsageError:
        return None
    return found if len(found) <= ROWS_MAX or shortest else None


def _months(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    if start >= end:
        return
    starts = [datetime.fromisoformat(f"{month}-01T00:00:00+00:00") for month in _names(start, end)]
    for low, high in zip(starts, [*starts[1:], end], strict=True):
        yield max(low, start), high


def _names(start: datetime, end: datetime) -> Sequence[str]:
    return months_between(microseconds(start), microseconds(end))


def _rows(ports: UsagePorts, org_id: str, found: Sequence[Measurement]) -> Iterator[Document]:
    """By their own time, earliest first."""
    meters = codes(ports.entities, org_id, "meter", (one.scope.meter_id for one in found))
    accounts = codes(ports.entities, org_id, "account", (one.scope.account_id for one in found))
    for one in sorted(found, key=lambda one: (one.ts, one.received, one.uid)):
        yield row_of(one, meters, accounts)

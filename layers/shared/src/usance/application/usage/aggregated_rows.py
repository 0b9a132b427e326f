"""Values computed of usage, a row per group."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from usance.application.ports.read_budget import ReadBudget
from usance.application.ports.usage_log import AggregatedRow, AggregationQuery, UsageScope
from usance.application.usage.measurement_rows import codes
from usance.application.usage.plan import Plan
from usance.application.usage.ports import UsagePorts
from usance.application.usage.scopes import Limits, read_each, scopes_of
from usance.domain.metering.usage_query import Parts, methods_for
from usance.resources import instants
from usance.resources.wire import Document

ACCOUNT: Final = "accountId"
TIME: Final = "ts"
CODE: Final = "accountCode"
FIELD: Final = "field."  # in front of a dimension that has the name of a column of ours, as in rows of measurements

_Key = tuple[str, ...]
_Answers = Sequence[tuple[int, AggregationQuery, Sequence[AggregatedRow]]]
"""By the position of the aggregation in the plan: what was asked for it, and what was found."""


@dataclass(slots=True)
class _Table:
    """The parts of every value by group. A group without a value of some column is the empty text there."""

    plan: Plan
    columns: Sequence[str]
    groups: dict[_Key, dict[int, Parts]] = field(default_factory=dict)

    def add(self, scope: UsageScope, answers: _Answers) -> None:
        """Put what was found of one scope where it belongs."""
        for at, query, rows in answers:
            aggregation = self.plan.aggregations[at]
            for row in rows:
                parts = self.groups.setdefault(self._key(scope, row), {}).setdefault(at, Parts(aggregation["function"]))
                _add(parts, aggregation["fieldCode"], query, row)

    def _key(self, scope: UsageScope, row: AggregatedRow) -> _Key:
        dimensions = set(self.plan.dimensions(scope.meter_id))
        return tuple(self._cell(name, scope, row, dimensions) for name in self.columns)

    def _cell(self, name: str, scope: UsageScope, row: AggregatedRow, dimensions: set[str]) -> str:
        if name == ACCOUNT:
            return scope.account_id
        if name == TIME:
            return instants.to_text(self._bucket(row.bucket_start))
        code = name.removeprefix(FIELD)
        return row.group[code] if code in dimensions else ""

    def _bucket(self, start: datetime | None) -> datetime:
        """The bucket of a row: the first one is read from the start of the query's time only."""
        first = self.plan.buckets[0]
        return first if start is None or start == self.plan.start else start


def aggregated_rows(ports: UsagePorts, org_id: str, plan: Plan, limits: Limits) -> Sequence[Document]:
    """A row for each group that has usage, in ascending order of the groups: its names, then the values."""
    table, whole = _Table(plan, _columns(plan)), limits.budget()
    scopes = scopes_of(ports, org_id, plan, limits)
    found = read_each(scopes, lambda scope: _read(ports, plan, scope, ReadBudget(limits.of_scope, whole=whole)))
    for scope, answers in zip(scopes, found, strict=True):
        table.add(scope, answers)
    accounts = codes(ports.entities, org_id, "account", _accounts(table))
    names = _names(plan)
    return [_row(table.columns, key, accounts, names, table.groups[key]) for key in sorted(table.groups)]


def _read(ports: UsagePorts, plan: Plan, scope: UsageScope, budget: ReadBudget) -> _Answers:
    asked = list(_queries(plan, scope))
    found = ports.usage.aggregate(scope, plan.start, plan.end, [query for _, query in asked], budget=budget)
    return [(at, query, rows) for (at, query), rows in zip(asked, found, strict=True)]


def _queries(plan: Plan, scope: UsageScope) -> Iterator[tuple[int, AggregationQuery]]:
    starts = (plan.start, *plan.buckets[1:]) if plan.buckets else ()
    dimensions = plan.dimensions(scope.meter_id)
    where = plan.filters.get(scope.meter_id, {})
    for at, one in enumerate(plan.aggregations):
        if one["meterId"] == scope.meter_id:
            code = one["fieldCode"]
            by_value = (code,) if one["function"] == "UNIQUE" else ()  # distinct over all accounts
            groups = tuple(dict.fromkeys([*dimensions, *by_value]))
            for method in methods_for(one["function"]):
                yield at, AggregationQuery(method, code, groups, starts, where)


def _add(parts: Parts, code: str, query: AggregationQuery, row: AggregatedRow) -> None:
    if row.value is None:
        return
    if parts.function == "UNIQUE":
        if row.value:  # the group of the empty text also holds the measurements without the field
            parts.texts.add(row.group[code])
    elif row.latest is not None:
        parts.latest.append(((row.latest.ts, row.latest.received, row.latest.uid), row.value))
    else:
        parts.values.setdefault(query.method, []).append(row.value)


def columns_of(plan: Plan) -> Sequence[str]:
    """The names of all fields of the rows, in their order."""
    names = list(_columns(plan))
    return [*names, *([CODE] if ACCOUNT in names else []), *_names(plan)]


def _columns(plan: Plan) -> Sequence[str]:
    """The names of the groups, in the order in which they were asked for."""
    named = {"ACCOUNT": ACCOUNT, "TIME": TIME}
    return tuple(
        dict.fromkeys(named.get(group["groupType"]) or _dimension(group["fieldCode"]) for group in plan.groups)
    )


def _dimension(code: str) -> str:
    return f"{FIELD}{code}" if code in (ACCOUNT, CODE, TIME) else code


def _names(plan: Plan) -> Sequence[str]:
    """The columns of the values: `<field>.<FUNCTION>`, with the code of the meter where two meters have such a field."""
    short = [f"{one['fieldCode']}.{one['function']}" for one in plan.aggregations]
    meters: dict[str, set[str]] = {}
    for name, one in zip(short, plan.aggregations, strict=True):
        meters.setdefault(name, set()).add(one["meterId"])
    return [
        name if len(meters[name]) == 1 else f"{plan.meters[one['meterId']]['code']}.{name}"
        for name, one in zip(short, plan.aggregations, strict=True)
    ]


def _accounts(table: _Table) -> Sequence[str]:
    if ACCOUNT not in table.columns:
        return ()
    at = list(table.columns).index(ACCOUNT)
    return [key[at] for key in table.groups]


def _row(
    columns: Sequence[str],
    key: _Key,
    accounts: Mapping[str, str],
    names: Sequence[str],
    values: Mapping[int, Parts],
) -> Document:
    row: Document = {name: cell or None for name, cell in zip(columns, key, strict=True)}
    if ACCOUNT in row:
        row[CODE] = accounts.get(row[ACCOUNT])
    return row | {name: values[at].whole() if at in values else None for at, name in enumerate(names)}

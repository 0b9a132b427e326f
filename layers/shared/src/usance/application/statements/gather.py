"""Read all that a statement says: bill, account, definition, meters, usage."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from usance.application.ports.entities import EntityRepository
from usance.application.ports.usage_log import AggregatedRow, AggregationQuery, UsageReader, UsageScope
from usance.application.statements.wire_forms import billed_line, definition_of, metered_of, segmentation_of
from usance.domain.billing.inputs import Segment, UsageFilters
from usance.domain.billing.segments import Segmentation
from usance.domain.kernel.errors import InvalidInputError, NotFoundError
from usance.domain.kernel.period import Instants
from usance.domain.kernel.timezones import time_zone
from usance.domain.statements.breakdown import Breakdown, breakdown
from usance.domain.statements.buckets import bucket_starts
from usance.domain.statements.definition import BUILT_IN, Definition
from usance.domain.statements.line import BilledLine, Metered
from usance.domain.statements.statement import (
    BillHeader,
    Statement,
    StatementLine,
    UsageRow,
    Value,
    by_segment,
    usage_rows,
)
from usance.resources.wire import Document

ROWS_MAX: Final = 200_000  # both files are made in memory: about 400 bytes a row


@dataclass(frozen=True, slots=True)
class _Read:
    """One read of usage: what several lines ask of the same account, meter and span, as a contract filters it."""

    scope: UsageScope
    span: Instants
    filters: UsageFilters


_Sorted = tuple[tuple[str, str], tuple[str, ...], Segmentation | None]
"""Values of one measure by these dimensions, sorted out by these segments."""


def gather(
    entities: EntityRepository, usage: UsageReader, *, org_id: str, bill: Document, meter_ids: Sequence[str]
) -> Statement:
    """The statement of `bill`, which carries its line items; only the lines of `meter_ids` when there are some.

    `NotFoundError` when the account is gone, `InvalidInputError` for more than `ROWS_MAX` rows.
    """
    account = entities.get(org_id, "account", bill["accountId"])
    if account is None:
        raise NotFoundError(f"there is no account {bill['accountId']}")
    definition = _definition(entities, org_id, account)
    lines = _lines(entities, org_id, bill, meter_ids)
    header = _header(bill, account)
    found = _usage(usage, org_id, header, definition, lines, _filters(entities, org_id, bill))
    if sum(map(len, found.values())) > ROWS_MAX:
        raise InvalidInputError(f"the statement would have more than {ROWS_MAX:,} rows; use fewer dimensions")
    return Statement(header, definition, [StatementLine(line, found.get(line.id, ())) for line in lines])


def _definition(entities: EntityRepository, org_id: str, account: Document) -> Definition:
    """The account's definition, else the organization's, else the built-in one."""
    config = entities.get(org_id, "organizationConfig", org_id) or {}
    for owner, name in ((account, "statementDefinitionId"), (config, "defaultStatementDefinitionId")):
        if owner.get(name) and (found := entities.get(org_id, "statementDefinition", owner[name])):
            return definition_of(found)
    return BUILT_IN


def _header(bill: Document, account: Document) -> BillHeader:
    return BillHeader(
        bill_id=bill["id"],
        account_id=bill["accountId"],
        account_code=bill.get("accountCode") or account.get("code", ""),
        account_name=account.get("name", ""),
        bill_date=_day(bill.get("billDate")),
        start=_day(bill.get("startDate")),
        end=_day(bill.get("endDate")),
        currency=bill["currency"],
        zone=time_zone(bill["timezone"]),
        time_zone_name=bill["timezone"],
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _lines(entities: EntityRepository, org_id: str, bill: Document, meter_ids: Sequence[str]) -> Sequence[BilledLine]:
    items = [item for item in bill["lineItems"] if not meter_ids or item.get("meterId") in meter_ids]
    meters = _by_id(entities, org_id, "meter", (item.get("meterId") for item in items))
    aggregations = _by_id(entities, org_id, "aggregation", (item.get("aggregationId") for item in items))
    segmentations = {id_: segmentation_of(aggregation) for id_, aggregation in aggregations.items()}
    lines = []
    for item in items:
        aggregation_id = item.get("aggregationId", "")
        metered = metered_of(
            item,
            meters.get(item.get("meterId", "")),
            aggregations.get(aggregation_id),
            segmentations.get(aggregation_id),
        )
        lines.append(billed_line(item, bill, metered))
    return lines


def _by_id(entities: EntityRepository, org_id: str, type_: str, ids: Iterable[str | None]) -> Mapping[str, Document]:
    distinct = list(dict.fromkeys(id_ for id_ in ids if id_))
    return {found["id"]: found for found in entities.get_many(org_id, type_, distinct)}


def _filters(entities: EntityRepository, org_id: str, bill: Document) -> Mapping[str, UsageFilters]:
    """By line item: which usage its contract bills."""
    contracts = _by_id(entities, org_id, "contract", (item.get("contractId") for item in bill["lineItems"]))
    return {
        item["id"]: UsageFilters.of(contracts[item["contractId"]].get("usageFilters") or ())
        for item in bill["lineItems"]
        if item.get("contractId") in contracts
    }


def _usage(
    usage: UsageReader,
    org_id: str,
    header: BillHeader,
    definition: Definition,
    lines: Sequence[BilledLine],
    filters: Mapping[str, UsageFilters],
) -> Mapping[str, Sequence[UsageRow]]:
    """The rows of each line, by its id. Lines of one meter, account, span and contract's filters share one read."""
    reads: dict[_Read, list[tuple[BilledLine, Metered, Breakdown]]] = {}
    for line in lines:
        if line.metered is not None and line.service.start < line.service.end:
            scope = UsageScope(org_id, line.metered.meter_id, line.account_id)
            read = _Read(scope, line.service, filters.get(line.id, UsageFilters()))
            reads.setdefault(read, []).append((line, line.metered, breakdown(definition, line.metered)))
    rows: dict[str, Sequence[UsageRow]] = {}
    for read, asked in reads.items():
        starts = bucket_starts(read.span, definition.frequency, header.zone)
        where, without = dict(read.filters.include), dict(read.filters.exclude)
        queries = {
            (measure, tuple(shown.dimensions)): AggregationQuery(
                measure[1], measure[0], shown.dimensions, starts, where, without=without
            )
            for _, _, shown in asked
            for measure in shown.measures
        }
        answers = usage.aggregate(read.scope, read.span.start, read.span.end, list(queries.values()))
        answer = dict(zip(queries, answers, strict=True))
        sorted_out: dict[_Sorted, Mapping[Segment, Sequence[Value]]] = {}
        for line, metered, shown in asked:
            values: list[tuple[tuple[str, str], Value]] = []
            for measure in shown.measures:
                key = (measure, tuple(shown.dimensions), metered.segmentation)
                if key not in sorted_out:
                    sorted_out[key] = by_segment(metered, (_value(row, read.span) for row in answer[key[:2]]))
                values.extend((measure, value) for value in sorted_out[key].get(metered.segment, ()))
            rows[line.id] = usage_rows(shown, starts, read.span.end, values)
    return rows


def _value(row: AggregatedRow, span: Instants) -> Value:
    return Value(row.group, row.bucket_start or span.start, row.value)

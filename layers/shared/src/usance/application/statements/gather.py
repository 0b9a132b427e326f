"""Read all that a statement says: bill, account, definition, meters, usage."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Final

from usance.application.ports.bills import StoredBill
from usance.application.ports.entities import EntityRepository
from usance.application.ports.usage_log import UsageReader
from usance.application.statements.usage import Source, usage_of
from usance.application.statements.wire_forms import billed_line, definition_of, metered_of, segmentation_of
from usance.domain.billing.attached import UsageFilters
from usance.domain.billing.pool import Piece
from usance.domain.kernel.errors import InvalidInputError, NotFoundError
from usance.domain.kernel.period import Instants
from usance.domain.kernel.timezones import time_zone
from usance.domain.statements.definition import BUILT_IN, Definition
from usance.domain.statements.line import BilledLine
from usance.domain.statements.statement import BillHeader, Statement, StatementLine
from usance.resources.wire import Document

Whose = Callable[[Document, str, Instants], tuple[Piece, ...]]
"""Answers the usage of a span that a line item prices, which is about an account."""
ROWS_MAX: Final = 200_000  # both files are made in memory: about 400 bytes a row


def gather(
    entities: EntityRepository,
    usage: UsageReader,
    *,
    org_id: str,
    bill: StoredBill,
    line_items: Sequence[Document],
    meter_ids: Sequence[str],
    whose: Whose,
) -> Statement:
    """The statement of a bill with its line items; only the lines of `meter_ids` when there are some.

    `whose` says whose usage a line item prices.

    `NotFoundError` when the account is gone, `InvalidInputError` for more than `ROWS_MAX` rows.
    """
    account = entities.get(org_id, "account", bill.header["accountId"])
    if account is None:
        raise NotFoundError(f"there is no account {bill.header['accountId']}")
    definition = _definition(entities, org_id, account)
    items = [item for item in line_items if not meter_ids or item.get("meterId") in meter_ids]
    lines = _lines(entities, org_id, bill.header, items)
    header = _header(bill.header, account)
    filters = _filters(entities, org_id, items)
    sources = {
        line.id: Source(whose(item, line.account_id, line.service), filters.get(line.id, UsageFilters()))
        for item, line in zip(items, lines, strict=True)
    }
    found = usage_of(usage, org_id, definition, lines, sources, header.zone)
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


def _lines(entities: EntityRepository, org_id: str, bill: Document, items: Sequence[Document]) -> Sequence[BilledLine]:
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


def _filters(entities: EntityRepository, org_id: str, items: Sequence[Document]) -> Mapping[str, UsageFilters]:
    """By line item: which usage its contract bills."""
    contracts = _by_id(entities, org_id, "contract", (item.get("contractId") for item in items))
    return {
        item["id"]: UsageFilters.of(contracts[item["contractId"]].get("usageFilters") or ())
        for item in items
        if item.get("contractId") in contracts
    }

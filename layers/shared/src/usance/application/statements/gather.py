"""Read all that a statement says: bill, account, definition, meters, usage."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from usance.application.ports.bills import StoredBill
from usance.application.ports.entities import EntityRepository
from usance.application.ports.usage_log import UsageReader
from usance.application.statements.usage import Priced, Source, usage_of
from usance.application.statements.wire_forms import (
    billed_line,
    definition_of,
    metered_as_billed,
    metered_as_now,
    segmentation_of,
    service_of,
    shown_with,
)
from usance.domain.billing.attached import UsageFilters
from usance.domain.billing.pool import Piece
from usance.domain.billing.segments import Segmentation
from usance.domain.kernel.errors import InvalidInputError, NotFoundError
from usance.domain.kernel.period import Instants
from usance.domain.kernel.quantity import EXACT, ZERO
from usance.domain.kernel.timezones import time_zone
from usance.domain.statements.definition import BUILT_IN, Definition
from usance.domain.statements.line import BilledLine
from usance.domain.statements.reconcile import reconciled
from usance.domain.statements.statement import BillHeader, Statement
from usance.resources.wire import Document

PricedBy = Callable[[Document, str, Instants], Priced | None]
"""Answers the usage of a span that a line item prices, which is about an account; None when it is not on record."""
ROWS_MAX: Final = 200_000  # both files are made in memory: about 400 bytes a row


def gather(
    entities: EntityRepository,
    usage: UsageReader,
    *,
    org_id: str,
    bill: StoredBill,
    line_items: Sequence[Document],
    priced: PricedBy,
    meter_ids: Sequence[str] = (),
    line_id: str | None = None,
) -> Statement:
    """The statement of a bill with all its line items; only the lines of `meter_ids`, or of `line_id`, when asked for.

    `priced` says what usage a line item prices; where it does not, that is the usage of the account, counted as it is counted now.

    `NotFoundError` when the account is gone, `InvalidInputError` for more than `ROWS_MAX` rows.
    """
    account = entities.get(org_id, "account", bill.header["accountId"])
    if account is None:
        raise NotFoundError(f"there is no account {bill.header['accountId']}")
    definition = _definition(entities, org_id, account)
    items = [
        item
        for item in line_items
        if (not meter_ids or item.get("meterId") in meter_ids) and line_id in {None, item["id"]}
    ]
    lines, sources = _lines(entities, org_id, bill.header, items, priced)
    header = _header(bill.header, account)
    found = usage_of(usage, org_id, definition, lines, sources, header.zone)
    if sum(map(len, found.values())) > ROWS_MAX:
        raise InvalidInputError(f"the statement would have more than {ROWS_MAX:,} rows; use fewer dimensions")
    return Statement(header, definition, reconciled(definition, lines, found, _shown_with(line_items)))


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


def _lines(
    entities: EntityRepository, org_id: str, bill: Document, items: Sequence[Document], priced: PricedBy
) -> tuple[Sequence[BilledLine], Mapping[str, Source]]:
    """The lines, and by id the usage that each prices."""
    meters = _by_id(entities, org_id, "meter", (item.get("meterId") for item in items))
    aggregations = _by_id(entities, org_id, "aggregation", (item.get("aggregationId") for item in items))
    filters = _filters(entities, org_id, items)
    on_record = [priced(item, _account_of(item, bill), service_of(item, bill)) for item in items]
    segmentations = {id_: segmentation_of(aggregation) for id_, aggregation in aggregations.items()}
    counted = {one.aggregation.id: one.aggregation.segments for one in on_record if one}
    segmentations |= {id_: Segmentation.of(segments) for id_, segments in counted.items()}
    lines: list[BilledLine] = []
    sources: dict[str, Source] = {}
    for item, as_billed in zip(items, on_record, strict=True):
        metered = None
        aggregation = aggregations.get(item.get("aggregationId", ""))
        meter = None if shown_with(item) else meters.get(item.get("meterId", ""))
        if meter and as_billed:
            metered = metered_as_billed(as_billed, meter, segmentations[as_billed.aggregation.id])
        elif meter and aggregation:
            metered = metered_as_now(item, meter, aggregation, segmentations[aggregation["id"]])
        lines.append(billed_line(item, bill, metered))
        piece = Piece(_account_of(item, bill), service_of(item, bill))
        as_now = Source((piece,), filters.get(item["id"], UsageFilters()))
        sources[item["id"]] = as_billed.source if as_billed else as_now
    return lines, sources


def _account_of(item: Document, bill: Document) -> str:
    return str(item.get("childAccountId") or bill["accountId"])


def _shown_with(line_items: Sequence[Document]) -> Mapping[str, Decimal]:
    """By id of a line: the quantity of those whose usage is shown with it."""
    found: dict[str, Decimal] = {}
    for item in line_items:
        if shower := shown_with(item):
            found[shower] = EXACT.add(found.get(shower, ZERO), Decimal(item["quantity"]))
    return found


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

"""What the API tells about how a bill came about."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from usance.application.access.authorize import require
from usance.application.billing.memos.lines import MEMO
from usance.application.billing.records.explain import explained
from usance.application.billing.records.record import FORMAT, RECORD, key_of, read_record
from usance.application.billing.records.replay import read_stored
from usance.application.billing.stores import BillingStores
from usance.application.ports.blobs import BlobStore
from usance.application.ports.usage_log import UsageReader
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import InvalidInputError, NotFoundError
from usance.resources.wire import Document

VALID_FOR: Final = timedelta(minutes=15)  # as other files that bills have


@dataclass(frozen=True, slots=True)
class Examining:
    """What looking into bills reads."""

    stores: BillingStores
    usage: UsageReader
    blobs: BlobStore


def explain_line(desk: Examining, caller: Caller, bill_id: str, line_id: str) -> Document:
    """How a line item came about. `NotFoundError` without the bill or the line item."""
    require(caller, Action.CONFIG_RETRIEVE, "bill", bill_id)
    stored = read_stored(desk.stores.bills, caller.org_id, bill_id)
    line = next((item for item in stored.line_items if item["id"] == line_id), None)
    if line is None:
        raise NotFoundError(f"the bill {bill_id} has no line item {line_id}")
    of = {"billId": bill_id, "lineItemId": line_id}
    if MEMO in line:
        document = line[MEMO]["document"]
        written = {name: document[name] for name in ("createdBy", "dtCreated") if name in document}
        return {
            **of,
            "lineItemType": line["lineItemType"],
            "description": line["description"],
            "writtenByHand": written,
        }
    found = explained(read_record(desk.blobs, caller.org_id, bill_id, stored.bill.private), line_id)
    if found is None:
        raise InvalidInputError(f"the record of the bill {bill_id} gives no line item {line_id}; replay the bill")
    return {**of, "recordId": stored.bill.private[RECORD], **found}


def record_url(desk: Examining, caller: Caller, bill_id: str) -> Document:
    """Where the record of a bill's calculation can be downloaded: zlib-compressed JSON."""
    require(caller, Action.CONFIG_RETRIEVE, "bill", bill_id)
    stored = desk.stores.bills.get_stored(caller.org_id, bill_id)
    if stored is None:
        raise NotFoundError(f"there is no bill {bill_id}")
    record_id = stored.private.get(RECORD)
    if record_id is None:
        raise InvalidInputError(f"the bill {bill_id} was calculated before records were kept; calculate it again")
    url = desk.blobs.download_url(key_of(caller.org_id, bill_id, record_id), valid_for=VALID_FOR)
    return {"recordId": record_id, "format": FORMAT, "downloadUrl": url}

"""The usage behind one line item as a JSON file (billing.md 12.10)."""

import hashlib
from datetime import timedelta
from typing import Final

from usance.application.access.authorize import require
from usance.application.billing.bill_reading import TYPE
from usance.application.billing.priced_usage import priced_usage
from usance.application.billing.records.replay import read_stored
from usance.application.ports.bills import BillRepository
from usance.application.ports.blobs import BlobStore
from usance.application.ports.entities import EntityRepository
from usance.application.ports.usage_log import UsageReader
from usance.application.statements.gather import gather
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import NotFoundError
from usance.domain.statements.json_layout import to_document
from usance.resources import wire
from usance.resources.wire import Document

DOWNLOAD_VALID: Final = timedelta(minutes=15)  # as for statements
JSON_TYPE: Final = "application/json"


def line_usage(
    entities: EntityRepository,
    bills: BillRepository,
    usage: UsageReader,
    blobs: BlobStore,
    *,
    caller: Caller,
    bill_id: str,
    line_id: str,
) -> Document:
    """`{downloadUrl}` of the bill's statement with this one line item, whose usage is read now.

    The same usage is the same object, however often it is asked for. `NotFoundError` without the bill or the line item;
    `InvalidInputError` for more rows than a statement has.
    """
    require(caller, Action.CONFIG_RETRIEVE, TYPE, bill_id)
    stored = read_stored(bills, caller.org_id, bill_id)
    if all(item["id"] != line_id for item in stored.line_items):
        raise NotFoundError(f"the bill {bill_id} has no line item {line_id}")
    statement = gather(
        entities,
        usage,
        org_id=caller.org_id,
        bill=stored.bill,
        line_items=stored.line_items,
        priced=priced_usage(bills, blobs, caller.org_id, stored.bill),
        line_id=line_id,
    )
    body = wire.dumps(to_document(statement))
    key = f"{caller.org_id}/bill-files/{hashlib.sha256(body).hexdigest()}.json"
    blobs.put(key, body, JSON_TYPE)
    url = blobs.download_url(key, valid_for=DOWNLOAD_VALID, file_name=f"usage-{line_id}.json")
    return {"downloadUrl": url}

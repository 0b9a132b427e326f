"""Give back what was drawn for bills that no run finished (decisions/0018)."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Final

from usance.application.billing.credits.ahead import settle
from usance.application.billing.credits.on_record import AHEAD
from usance.application.billing.stores import SCHEDULER, BillingStores
from usance.application.organizations import organization_ids
from usance.domain.kernel.errors import NotFoundError, UnavailableError, VersionConflictError
from usance.resources.instants import from_text
from usance.resources.wire import Document

PAGE: Final = 100
LEFT_ALONE: Final = timedelta(hours=1)  # a message of the bill that ended in the middle comes again after half of it


def settle_left_draws(stores: BillingStores, at: datetime, is_late: Callable[[], bool]) -> int:
    """Settle every record that nobody has touched for an hour, for every organization; answer how many.

    One whose bill or credits are changing is left to the next run, and so is the rest when `is_late` says so.
    """
    settled = 0
    for org_id in organization_ids(stores.entities):
        for record in _records(stores, org_id):
            if is_late():
                return settled
            if at - from_text(record["dtLastModified"]) >= LEFT_ALONE:
                settled += _settle(stores, org_id, record["id"], at)
    return settled


def _records(stores: BillingStores, org_id: str) -> Iterator[Document]:
    token: str | None = None
    while True:
        page = stores.entities.list_page(org_id, AHEAD, filters={}, page_size=PAGE, next_token=token)
        yield from page.data
        token = page.next_token
        if token is None:
            return


def _settle(stores: BillingStores, org_id: str, bill_id: str, at: datetime) -> int:
    try:
        settle(stores, org_id, bill_id, SCHEDULER, at)
    except (VersionConflictError, NotFoundError, UnavailableError):
        return 0
    return 1

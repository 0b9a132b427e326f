"""Cut a bill job into one message per account; long lists of accounts continue in a message of their own."""

from datetime import datetime
from typing import Final

from usance.application.billing.jobs import (
    ACTIVE,
    INITIALIZING,
    PENDING,
    RUNNING,
    TYPE,
    expand_message,
    finish_if_done,
    messages,
    move,
)
from usance.application.billing.stores import BillingStores
from usance.application.ports.bill_progress import AccountPage
from usance.resources.wire import Document

PAGE_ACCOUNTS: Final = 100
CHILDREN: Final = "children/"  # the pages after the chosen accounts
PAGES_PER_MESSAGE: Final = 20  # 2,000 accounts: some seconds of work, well inside the worker's time


def expand_job(
    stores: BillingStores, org_id: str, job_id: str, *, as_of: datetime | None = None, next_token: str | None = None
) -> None:
    """Put the job's accounts on the queue, from `next_token` on. Doing it again bills and counts no account twice.

    A page of accounts is recorded before its messages are sent, and sent as it was recorded: accounts that come and go
    meanwhile take nobody's place.
    """
    job = stores.entities.get(org_id, TYPE, job_id)
    if job is None or job["status"] not in ACTIVE:
        return
    move(stores, org_id, job_id, INITIALIZING, only_from={PENDING})
    token = next_token
    for _ in range(PAGES_PER_MESSAGE):
        page = _page(stores, job, token)
        if page.account_ids:
            stores.billing_queue.send(messages(org_id, job_id, page.account_ids, as_of))
        token = page.next_token
        if token is None:
            break
    else:
        stores.billing_queue.send([expand_message(org_id, job_id, as_of, token)])
        return
    move(stores, org_id, job_id, RUNNING, only_from={INITIALIZING})
    finish_if_done(stores, org_id, job_id)


def _page(stores: BillingStores, job: Document, token: str | None) -> AccountPage:
    """The page after `token`: as it was recorded, else as it is now, which is recorded."""
    org_id, job_id, name = job["orgId"], job["id"], token or "first"
    known = stores.progress.page(org_id, job_id, name)
    return known or stores.progress.add_page(org_id, job_id, name, _accounts(stores, job, token))


def _accounts(stores: BillingStores, job: Document, token: str | None) -> AccountPage:
    """Chosen accounts are followed by their children, which are billed with them; else every account has its turn."""
    chosen = job.get("accountIds")
    if chosen and token is None:
        return AccountPage(chosen, CHILDREN)
    filters = {"parentAccountId": chosen} if chosen else {}
    place = token.removeprefix(CHILDREN) if chosen and token else token
    page = stores.entities.list_page(
        job["orgId"], "account", filters=filters, page_size=PAGE_ACCOUNTS, next_token=place or None
    )
    found = [account["id"] for account in page.data if account["id"] not in (chosen or ())]
    following = CHILDREN + page.next_token if chosen and page.next_token else page.next_token
    return AccountPage(found, following)

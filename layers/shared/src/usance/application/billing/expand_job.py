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
from usance.resources.wire import Document

PAGE_ACCOUNTS: Final = 100
PAGES_PER_MESSAGE: Final = 20  # 2,000 accounts: some seconds of work, well inside the worker's time


def expand_job(
    stores: BillingStores, org_id: str, job_id: str, *, as_of: datetime | None = None, next_token: str | None = None
) -> None:
    """Put the job's accounts on the queue, from `next_token` on. Doing it again bills and counts no account twice."""
    job = stores.entities.get(org_id, TYPE, job_id)
    if job is None or job["status"] not in ACTIVE:
        return
    move(stores, org_id, job_id, INITIALIZING, only_from={PENDING})
    if job.get("accountIds"):
        _send(stores, job, job["accountIds"], page="given", as_of=as_of, last=True)
    elif more := _send_pages(stores, job, as_of, next_token):
        stores.billing_queue.send([expand_message(org_id, job_id, as_of, more)])
        return
    move(stores, org_id, job_id, RUNNING, only_from={INITIALIZING})
    finish_if_done(stores, org_id, job_id)


def _send_pages(stores: BillingStores, job: Document, as_of: datetime | None, next_token: str | None) -> str | None:
    token = next_token
    for _ in range(PAGES_PER_MESSAGE):
        page = stores.entities.list_page(job["orgId"], "account", filters={}, page_size=PAGE_ACCOUNTS, next_token=token)
        ids = [account["id"] for account in page.data]
        _send(stores, job, ids, page=token or "first", as_of=as_of, last=page.next_token is None)
        token = page.next_token
        if token is None:
            break
    return token


def _send(
    stores: BillingStores, job: Document, account_ids: list[str], *, page: str, as_of: datetime | None, last: bool
) -> None:
    if account_ids:
        stores.billing_queue.send(messages(job["orgId"], job["id"], account_ids, as_of))
    stores.progress.add_accounts(job["orgId"], job["id"], page, len(account_ids), last=last)

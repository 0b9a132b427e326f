"""What a message of the billing queue asks for, done once however often it is delivered."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from usance.application.billing.approve_bills import approve_batch
from usance.application.billing.bill_account import AccountBills, bill_account
from usance.application.billing.catalogue import Catalogue
from usance.application.billing.expand_job import expand_job
from usance.application.billing.jobs import ACTIVE, TYPE, finish_if_done
from usance.application.billing.record_failure import record_failure
from usance.application.billing.stores import Workbench
from usance.domain.kernel.errors import InvalidInputError
from usance.resources.wire import Document

ATTEMPTS_MAX: Final = 5
DELIVERIES_MAX: Final = ATTEMPTS_MAX + 1  # one more for an attempt that was killed: nothing in it could say so

Catalogues = dict[str, Catalogue]
"""By organization; one batch of messages shares them."""

KILLED: Final = (
    f"billing was given up: {ATTEMPTS_MAX} attempts ended before they could answer, as when the bill takes more memory or time "
    "than the worker has, or another account of the same batch does; run a bill job for this account alone"
)


def run_message(bench: Workbench, catalogues: Catalogues, message: Document, *, delivery: int = 1) -> None:
    """Do what `message` asks for, which was delivered for the `delivery`-th time. Raises when it should be delivered again.

    A bill that cannot be made becomes an event, and its account counts as done. On the last attempt any failure does,
    so that the job ends; where that attempt was killed, too, by the memory or time that the account takes, the next
    delivery says so without another attempt.
    """
    RUNNERS[message["kind"]](bench, catalogues, message, delivery)


def _expand(bench: Workbench, _: Catalogues, message: Document, __: int) -> None:
    expand_job(
        bench.stores, message["orgId"], message["jobId"], as_of=_as_of(message), next_token=message.get("nextToken")
    )


def _bill(bench: Workbench, catalogues: Catalogues, message: Document, delivery: int) -> None:
    org_id, job_id, account_id = message["orgId"], message["jobId"], message["accountId"]
    job = bench.stores.entities.get(org_id, TYPE, job_id)
    if job is None or job["status"] not in ACTIVE:
        return
    if delivery > ATTEMPTS_MAX:
        bills = AccountBills(refusals=[KILLED])
    else:
        catalogue = catalogues.setdefault(org_id, Catalogue(bench.stores.entities, org_id))
        bills = _billed(bench, catalogue, job, message, last_attempt=delivery == ATTEMPTS_MAX)
    if bills.refusals:
        record_failure(bench, job, account_id, "; ".join(bills.refusals))
    bench.stores.progress.finish_account(org_id, job_id, account_id, bills.bill_ids)
    finish_if_done(bench.stores, org_id, job_id)


def _billed(
    bench: Workbench, catalogue: Catalogue, job: Document, message: Document, *, last_attempt: bool
) -> AccountBills:
    try:
        return bill_account(bench, catalogue, job, message["accountId"], _as_of(message))
    except InvalidInputError as refused:
        return AccountBills(refusals=[str(refused)])
    except Exception as failed:
        if not last_attempt:
            raise
        return AccountBills(refusals=[f"billing failed and was given up: {failed}"])


def _approve(bench: Workbench, _: Catalogues, message: Document, __: int) -> None:
    approve_batch(bench.stores, message["orgId"], message["billIds"], by=message["by"], at=message["at"])


RUNNERS: Final[Mapping[str, Callable[[Workbench, Catalogues, Document, int], None]]] = {
    "expand": _expand,
    "bill": _bill,
    "approve": _approve,
}


def _as_of(message: Document) -> datetime | None:
    return datetime.fromisoformat(message["asOf"]) if message.get("asOf") else None

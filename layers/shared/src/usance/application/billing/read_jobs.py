"""Reading and cancelling bill jobs."""

from collections.abc import Mapping, Sequence

from usance.application.access.authorize import require, require_some, visible
from usance.application.billing.jobs import ACTIVE, CANCELLED, TYPE, move, shown
from usance.application.billing.stores import BillingStores
from usance.application.paging import kept_page
from usance.application.ports.deadline import of_request
from usance.application.ports.entities import Page
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import InvalidInputError, NotFoundError
from usance.resources.wire import Document


def get_bill_job(stores: BillingStores, caller: Caller, job_id: str) -> Document:
    """The job, how far it has come, and its bills. `NotFoundError` when there is none."""
    require(caller, Action.CONFIG_RETRIEVE, TYPE, job_id)
    job = stores.entities.get(caller.org_id, TYPE, job_id)
    if job is None:
        raise NotFoundError(f"there is no bill job {job_id}")
    return shown(stores, job)


def list_bill_jobs(
    stores: BillingStores,
    caller: Caller,
    filters: Mapping[str, Sequence[str]],
    *,
    page_size: int,
    next_token: str | None,
) -> Page:
    """A page of jobs, newest first, without their bills. `filters`: `status`, `active`."""
    require_some(caller, Action.CONFIG_RETRIEVE, TYPE)
    page = kept_page(
        lambda size, token: stores.entities.list_page(
            caller.org_id, TYPE, filters=filters, page_size=size, next_token=token
        ),
        lambda jobs: visible(caller, TYPE, jobs),
        page_size=page_size,
        next_token=next_token,
        deadline=of_request(stores.clock),
    )
    return Page([shown(stores, job, with_bills=False) for job in page.data], page.next_token)


def cancel_bill_job(stores: BillingStores, caller: Caller, job_id: str) -> Document:
    """The cancelled job. Accounts it has billed stay billed; the others are left. A job that ended cannot be cancelled."""
    require(caller, Action.CONFIG_UPDATE, TYPE, job_id)
    before = move(stores, caller.org_id, job_id, CANCELLED, only_from=ACTIVE, by=caller.audit_name)
    if before["status"] != CANCELLED:
        raise InvalidInputError(f"status: the bill job {job_id} is {before['status']} and can no longer be cancelled")
    return shown(stores, before)

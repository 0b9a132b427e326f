"""Look up statement jobs."""

from collections.abc import Sequence
from typing import Final

from usance.application.access.authorize import require, require_some, require_undenied, undenied, visible
from usance.application.paging import kept_page
from usance.application.ports.bills import BillRepository
from usance.application.ports.blobs import BlobStore
from usance.application.ports.clock import Clock
from usance.application.ports.deadline import of_request
from usance.application.ports.entities import EntityRepository, Page
from usance.application.statements.jobs import STATUSES, TYPE, present
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import InvalidInputError, NotFoundError
from usance.resources.wire import Document

FILTERS: Final = ("active", "status", "billId")


def get_statement_job(
    entities: EntityRepository, bills: BillRepository, blobs: BlobStore, *, caller: Caller, job_id: str
) -> Document:
    """One job, with download URLs when it is complete. `ForbiddenError` also when its bill is denied, which these show."""
    require(caller, Action.CONFIG_RETRIEVE, TYPE, job_id)
    job = entities.get(caller.org_id, TYPE, job_id)
    if job is None:
        raise NotFoundError(f"there is no statement job {job_id}")
    require_undenied(caller, "bill", job["billId"])
    return present(blobs, job, bills.get(caller.org_id, job["billId"]))


def list_statement_jobs(
    entities: EntityRepository,
    bills: BillRepository,
    blobs: BlobStore,
    clock: Clock,
    *,
    caller: Caller,
    active: str | None,
    status: str | None,
    bill_id: str | None,
    page_size: int,
    next_token: str | None,
) -> Page:
    """A page of jobs, newest first, by at most one filter (billing.md 14). `active` false lists all jobs.

    Those that a policy denies, or whose bill one denies, are left out.
    """
    require_some(caller, Action.CONFIG_RETRIEVE, TYPE)
    given = {name: value for name, value in zip(FILTERS, (active, status, bill_id), strict=True) if value is not None}
    if len(given) > 1:
        raise InvalidInputError(f"give only one of {', '.join(FILTERS)}, not {' and '.join(given)}")
    filters = {name: [value] for name, value in _wanted(given).items()}
    page = kept_page(
        lambda size, token: entities.list_page(caller.org_id, TYPE, filters=filters, page_size=size, next_token=token),
        lambda jobs: _readable(caller, jobs),
        page_size=page_size,
        next_token=next_token,
        deadline=of_request(clock),
    )
    known = {bill["id"]: bill for bill in bills.get_many(caller.org_id, [job["billId"] for job in page.data])}
    return Page([present(blobs, job, known.get(job["billId"])) for job in page.data], page.next_token)


def _readable(caller: Caller, jobs: Sequence[Document]) -> Sequence[Document]:
    found = visible(caller, TYPE, jobs)
    open_ = undenied(caller, "bill", [job["billId"] for job in found])
    return [job for job in found if job["billId"] in open_]


def _wanted(given: dict[str, str]) -> dict[str, str]:
    if "status" in given and given["status"] not in STATUSES:
        raise InvalidInputError(f"status must be one of {', '.join(STATUSES)}")
    if "active" not in given:
        return given
    if given["active"].lower() not in {"true", "false"}:
        raise InvalidInputError("active must be true or false")
    return {"active": "true"} if given["active"].lower() == "true" else {}

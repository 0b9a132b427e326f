"""Stop a statement job."""

from typing import Final

from usance.application.access.authorize import require, require_undenied
from usance.application.ports.clock import Clock
from usance.application.ports.entities import EntityRepository
from usance.application.statements.jobs import ACTIVE, CANCELLED, TYPE, moved, put
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import InvalidInputError, NotFoundError, VersionConflictError
from usance.resources.wire import Document

ATTEMPTS_MAX: Final = 3  # a job changes state twice in its life


def cancel_statement_job(entities: EntityRepository, clock: Clock, *, caller: Caller, job_id: str) -> Document:
    """The cancelled job. Cancelling twice changes nothing; `InvalidInputError` when the job is over already."""
    require(caller, Action.CONFIG_UPDATE, TYPE, job_id)
    for _ in range(ATTEMPTS_MAX):
        old = entities.get(caller.org_id, TYPE, job_id)
        if old is None:
            raise NotFoundError(f"there is no statement job {job_id}")
        require_undenied(caller, "bill", old["billId"])
        if old["statementJobStatus"] == CANCELLED:
            return old
        if old["statementJobStatus"] not in ACTIVE:
            raise InvalidInputError(
                f"the statement job is {old['statementJobStatus']}; only a PENDING or RUNNING one can be cancelled"
            )
        job = moved(old, CANCELLED, caller.audit_name, clock.now())
        try:
            entities.commit(caller.org_id, [put(job, int(old["version"]))])
        except VersionConflictError:
            continue  # the worker was quicker; look again
        return job
    raise VersionConflictError(f"the statement job {job_id} is changing; cancel it again")

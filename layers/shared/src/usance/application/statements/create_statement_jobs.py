"""Ask for the statements of one or more bills (billing.md 14)."""

from collections.abc import Sequence
from typing import Final

from usance.application.access.authorize import require, require_each
from usance.application.audit import created
from usance.application.ports.bills import BillRepository
from usance.application.ports.clock import Clock, IdFactory
from usance.application.ports.entities import EntityRepository
from usance.application.ports.queue import Queue
from usance.application.statements.jobs import TYPE, fresh, put
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import InvalidInputError
from usance.resources.wire import Document

BATCH_MAX: Final = 10  # the API's limit of bills in one call


def create_statement_jobs(
    entities: EntityRepository,
    bills: BillRepository,
    queue: Queue,
    clock: Clock,
    ids: IdFactory,
    *,
    caller: Caller,
    bill_ids: Sequence[str],
    include_csv: bool,
    meter_ids: Sequence[str],
) -> Sequence[Document]:
    """One job per bill, in the order asked; a bill named twice has one. All are created, or none.

    The statement shows only the lines of `meter_ids`, or all lines when there are none. `InvalidInputError` for no or
    too many bills, or a bill that does not exist.
    """
    require(caller, Action.CONFIG_CREATE, TYPE)
    distinct = list(dict.fromkeys(bill_ids))
    if not 1 <= len(distinct) <= BATCH_MAX:
        raise InvalidInputError(f"billIds must name 1 to {BATCH_MAX} bills, not {len(distinct)}")
    require_each(caller, Action.CONFIG_RETRIEVE, "bill", distinct)
    for bill_id in distinct:
        if bills.get(caller.org_id, bill_id) is None:
            raise InvalidInputError(f"billId: there is no bill {bill_id}")
    jobs = [
        created(
            fresh(caller.org_id, bill_id, include_csv=include_csv, meter_ids=meter_ids),
            ids.new(),
            caller.audit_name,
            clock.now(),
        )
        for bill_id in distinct
    ]
    entities.commit(caller.org_id, [put(job, None) for job in jobs])
    queue.send([{"orgId": caller.org_id, "jobId": job["id"]} for job in jobs])
    return jobs

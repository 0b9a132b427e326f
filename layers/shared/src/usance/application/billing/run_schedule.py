"""What the schedules do for every organization: bill what is due, approve what has waited long enough."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from usance.application.audit import created
from usance.application.billing.jobs import CREATE, PENDING, TYPE, expand_message, give_up, is_stuck, put
from usance.application.billing.lock_date import read_lock_date
from usance.application.billing.set_bill_status import give_status
from usance.application.billing.stores import SCHEDULER, BillingStores
from usance.application.organizations import organization_ids
from usance.application.ports.bills import BillQuery, DateRange
from usance.domain.billing.lifecycle import BillStatus
from usance.domain.billing.schedule import GraceUnit, grace, is_tick, last_approvable_day, quarter
from usance.domain.kernel.errors import InvalidInputError, NotFoundError, UnavailableError, VersionConflictError
from usance.domain.kernel.ids import dated_id
from usance.domain.kernel.timezones import local_day, time_zone
from usance.resources.wire import Document

PAGE: Final = 100
APPROVALS_PER_RUN: Final = 500  # of one organization; the next run, minutes later, goes on


def run_scheduled_billing(stores: BillingStores, at: datetime) -> int:
    """Start a job for every organization whose scheduledBillInterval ticks at `at`; answer how many.

    Running the same tick again starts nothing twice, and finishes what an earlier run left.
    """
    started = 0
    for org_id, config in _configs(stores):
        interval = Decimal(config.get("scheduledBillInterval") or 0)
        offset = int(config.get("scheduledBillOffset") or 0)
        if is_tick(interval, offset, at, time_zone(config["timezone"])):
            started += _start(stores, org_id, config, quarter(at))
    return started


def run_scheduled_approval(stores: BillingStores, at: datetime) -> int:
    """Approve pending bills whose grace period is over at `at`, for every organization that has one; answer how many."""
    return sum(_approve_due(stores, org_id, config, at) for org_id, config in _configs(stores))


def _configs(stores: BillingStores) -> Iterator[tuple[str, Document]]:
    for org_id in organization_ids(stores.entities):
        if config := stores.entities.get(org_id, "organizationConfig", org_id):
            yield org_id, config


def _start(stores: BillingStores, org_id: str, config: Document, tick: datetime) -> int:
    """Start the tick's job, unless the one of an earlier tick is still at work.

    One that is stuck is cancelled so that billing goes on.
    """
    day = local_day(tick, time_zone(config["timezone"]))
    job_id = dated_id(day, org_id, "scheduled", tick.isoformat())
    existing = stores.entities.get(org_id, TYPE, job_id)
    if existing is None:
        active = stores.entities.list_page(org_id, TYPE, filters={"active": ["true"]}, page_size=PAGE)
        earlier = [job for job in active.data if job["createdBy"] == SCHEDULER]
        if not all(is_stuck(job, tick) for job in earlier):
            return 0
        give_up(stores, org_id, earlier)
        body = {
            "orgId": org_id,
            "type": CREATE,
            "status": PENDING,
            "total": 0,
            "pending": 0,
            "lastDateInBillingPeriod": day.isoformat(),
        }
        try:
            stores.entities.commit(org_id, [put(created(body, job_id, SCHEDULER, tick), None)])
        except VersionConflictError:
            return 0  # another delivery of this tick was quicker
    elif existing["status"] != PENDING:
        return 0
    stores.billing_queue.send([expand_message(org_id, job_id, tick)])
    return 1


def _approve_due(stores: BillingStores, org_id: str, config: Document, at: datetime) -> int:
    period, unit = config.get("autoApproveBillsGracePeriod"), config.get("autoApproveBillsGracePeriodUnit")
    if not period or not unit:
        return 0
    last = last_approvable_day(grace(int(period), GraceUnit(unit)), at, time_zone(config["timezone"]))
    query = BillQuery(
        {"status": [BillStatus.PENDING.value]},
        bill_dates=DateRange(end=last + timedelta(days=1)),
        locked=False,
        lock_date=read_lock_date(stores.entities, org_id),
    )
    approved = 0
    token: str | None = None
    while approved < APPROVALS_PER_RUN:
        page = stores.bills.list_page(org_id, query, page_size=PAGE, next_token=token)
        for bill in page.data:
            approved += _approve(stores, org_id, bill["id"], at)
        token = page.next_token
        if token is None:
            break
    return approved


def _approve(stores: BillingStores, org_id: str, bill_id: str, at: datetime) -> int:
    try:
        give_status(stores, org_id, bill_id, BillStatus.APPROVED, by=SCHEDULER, at=at)
    except (InvalidInputError, NotFoundError, VersionConflictError, UnavailableError):
        return 0  # locked, deleted, being changed or being locked; the next run looks again
    return 1

"""Start a job that calculates bills (billing.md 12.8)."""

from dataclasses import replace
from typing import Final

from usance.application.access.authorize import require
from usance.application.audit import created
from usance.application.billing.jobs import (
    CANCELLED,
    CREATE,
    PENDING,
    TYPE,
    expand_message,
    give_up,
    is_stuck,
    last_billed_day,
    move,
    put,
    shown,
)
from usance.application.billing.stores import BillingStores
from usance.application.ports.entities import StaleGuardError
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import InvalidInputError, LimitExceededError
from usance.domain.kernel.timezones import time_zone
from usance.resources.wire import Document

CONCURRENT_MAX: Final = 10  # the API's limit of jobs at the same time (billing.md 12.8)
START_ATTEMPTS_MAX: Final = CONCURRENT_MAX + 1  # each rival that comes first leaves one job less to start


def create_bill_job(stores: BillingStores, caller: Caller, request: Document) -> Document:
    """The new job. Without lastDateInBillingPeriod it bills the periods that hold the day before billDate or today.

    `request` is a validated `BillJobRequest`. Raises `InvalidInputError` for an unknown account or time zone,
    `LimitExceededError` while 10 jobs run.
    """
    require(caller, Action.CONFIG_CREATE, TYPE)
    zone_name = request.get("timezone") or _config(stores, caller.org_id)["timezone"]
    zone = time_zone(zone_name)
    _check_accounts(stores, caller.org_id, request)
    now = stores.clock.now()
    last_day = last_billed_day(request, now, zone).isoformat()
    body = {**request, "orgId": caller.org_id, "type": CREATE, "status": PENDING, "total": 0, "pending": 0}
    job = created({**body, "lastDateInBillingPeriod": last_day}, stores.ids.new(), caller.audit_name, now)
    return shown(stores, start(stores, job))


def start(stores: BillingStores, job: Document) -> Document:
    """Store a new job and put it on the queue. `LimitExceededError` while 10 jobs run."""
    org_id = job["orgId"]
    _store(stores, org_id, job)
    try:
        stores.billing_queue.send([expand_message(org_id, job["id"])])
    except BaseException:
        move(stores, org_id, job["id"], CANCELLED, only_from={PENDING})  # nobody would ever run it
        raise
    return job


def _store(stores: BillingStores, org_id: str, job: Document) -> None:
    """Requests that come together are counted one after another."""
    for _ in range(START_ATTEMPTS_MAX):
        guard = stores.entities.read_guard(org_id, TYPE)
        active = stores.entities.list_page(org_id, TYPE, filters={"active": ["true"]}, page_size=CONCURRENT_MAX)
        if len(active.data) >= CONCURRENT_MAX:
            stuck = [one for one in active.data if is_stuck(one, stores.clock.now())]
            if not stuck:
                break
            give_up(stores, org_id, stuck)
            continue
        try:
            stores.entities.commit(org_id, [replace(put(job, None), guards=[guard])])
        except StaleGuardError:
            continue
        return
    raise LimitExceededError(f"{CONCURRENT_MAX} bill jobs are running; wait for one to end or cancel one")


def _check_accounts(stores: BillingStores, org_id: str, request: Document) -> None:
    wanted = request.get("accountIds") or ()
    found = {account["id"] for account in stores.entities.get_many(org_id, "account", wanted)} if wanted else set()
    for account_id in wanted:
        if account_id not in found:
            raise InvalidInputError(f"accountIds: there is no account {account_id}")


def _config(stores: BillingStores, org_id: str) -> Document:
    config = stores.entities.get(org_id, "organizationConfig", org_id)
    if config is None:
        raise InvalidInputError("the organization has no configuration; put one at /organizationconfig first")
    return config

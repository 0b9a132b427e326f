"""Do what the schedules of balances are due to do, for every organization (billing.md 9.5).

A run's charges or transactions, the balance they move and the schedule's step to its next run are one transaction, under
ids that follow from the schedule and the run: however often a moment is replayed, each is made once.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from usance.application.audit import created, updated
from usance.application.entities.puts import entity_put
from usance.application.organizations import organization_ids
from usance.application.ports.entities import EntityRepository, Put
from usance.domain.catalog.balances import amount_after
from usance.domain.catalog.moments import instant
from usance.domain.catalog.proposal import Proposal
from usance.domain.catalog.schedules import Run, charge_run, first_day, transaction_run
from usance.domain.kernel.errors import (
    DuplicateCodeError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
    VersionConflictError,
)
from usance.domain.kernel.ids import dated_id, timed_id
from usance.resources.balance import BALANCE
from usance.resources.balance_schedules import BALANCE_CHARGE_SCHEDULE, BALANCE_TRANSACTION_SCHEDULE, PENDING
from usance.resources.balance_transaction import BALANCE_TRANSACTION
from usance.resources.charge import CHARGE
from usance.resources.resource import Resource
from usance.resources.wire import Document

BY: Final = "SCHEDULER"
RUNS_MAX: Final = 200  # of one organization and kind at a time, some ten seconds; the next quarter of an hour goes on
CODE_KEPT: Final = 60  # of the schedule's code in that of a charge: with a date and an id it makes 80
ATTEMPTS_MAX: Final = 10  # bills that draw on the balance meanwhile, and people who change the schedule

REFUSALS: Final = (VersionConflictError, DuplicateCodeError, InvalidInputError, NotFoundError)
"""What may keep one schedule from acting, and must keep no other from it; the next quarter of an hour tries again."""


def run_balance_schedules(entities: EntityRepository, at: datetime) -> int:
    """How many runs that were due by `at` are done now; those that were missed are made up for, the oldest first.

    Raises `UnavailableError` after all organizations had their turn, when the store refused one of them.
    """
    done, refused = 0, None
    for org_id in organization_ids(entities):
        try:
            done += _run_all(entities, org_id, at)
        except UnavailableError as failed:
            refused = failed
    if refused:
        raise refused
    return done


def _run_all(entities: EntityRepository, org_id: str, at: datetime) -> int:
    done = 0
    for type_ in (BALANCE_CHARGE_SCHEDULE.type, BALANCE_TRANSACTION_SCHEDULE.type):
        left = RUNS_MAX
        for schedule in sorted(
            entities.list_all(org_id, type_, filters={PENDING: ["true"]}), key=lambda one: str(one["nextRun"])
        ):
            made = _run(entities, org_id, type_, schedule["id"], at, left)
            done, left = done + made, left - made
    return done


def _run(entities: EntityRepository, org_id: str, type_: str, id_: str, at: datetime, most: int) -> int:
    """Do the runs of one schedule that are due, `most` of them; answer how many."""
    done = attempts = 0
    while done < most and attempts < ATTEMPTS_MAX:
        schedule = entities.get(org_id, type_, id_)
        if schedule is None or "nextRun" not in schedule or instant(schedule["nextRun"]) > at:
            break
        try:
            entities.commit(org_id, _CHANGES[type_](entities, org_id, schedule, at))
        except REFUSALS:  # something changed, or another delivery of this moment was quicker
            attempts += 1
        else:
            done, attempts = done + 1, 0
    return done


def _charge_changes(entities: EntityRepository, org_id: str, schedule: Document, at: datetime) -> Sequence[Put]:
    config = entities.get(org_id, "organizationConfig", org_id) or {}
    balance = _balance(entities, org_id, schedule)
    run = charge_run(schedule, config)
    whose = {"entityId": balance["id"], "accountId": balance["accountId"], "scheduleId": schedule["id"]}
    if "contractId" in balance:
        whose["contractId"] = balance["contractId"]
    puts = []
    for made in run.made if run else ():
        id_ = dated_id(first_day(made, config), org_id, schedule["id"])
        if entities.get(org_id, CHARGE.type, id_):  # charged before the schedule, or the time zone, changed
            continue
        code = f"{schedule['code'][:CODE_KEPT]}-{made['servicePeriodStartDate'][:10]}-{id_[-8:]}"
        puts.append(entity_put(CHARGE, Proposal(created({**made, **whose, "code": code}, id_, BY, at))))
    return [*puts, _step(BALANCE_CHARGE_SCHEDULE, schedule, run, lambda after: charge_run(after, config), at)]


def _transaction_changes(entities: EntityRepository, org_id: str, schedule: Document, at: datetime) -> Sequence[Put]:
    balance = _balance(entities, org_id, schedule)
    config = entities.get(org_id, "organizationConfig", org_id) or {}
    run = transaction_run(schedule, config)
    whose = {"balanceId": balance["id"], "entityId": schedule["id"]}
    puts, moved = [], balance
    for made in run.made if run else ():
        transaction = created({**made, **whose}, _id(org_id, schedule, made["appliedDate"]), BY, at)
        puts.append(entity_put(BALANCE_TRANSACTION, Proposal(transaction)))
        moved = {**moved, "amount": amount_after(moved, transaction, negative_allowed=True)}
    return [
        *puts,
        entity_put(BALANCE, Proposal(_changed(moved, at), balance)),
        _step(BALANCE_TRANSACTION_SCHEDULE, schedule, run, lambda after: transaction_run(after, config), at),
    ]


_CHANGES: Final[Mapping[str, Callable[[EntityRepository, str, Document, datetime], Sequence[Put]]]] = {
    BALANCE_CHARGE_SCHEDULE.type: _charge_changes,
    BALANCE_TRANSACTION_SCHEDULE.type: _transaction_changes,
}


def _balance(entities: EntityRepository, org_id: str, schedule: Document) -> Document:
    """The balance, which cannot be deleted while it has schedules."""
    balance = entities.get(org_id, BALANCE.type, schedule["balanceId"])
    if balance is None:
        raise VersionConflictError(f"the balance {schedule['balanceId']} is being deleted with its schedules")
    return balance


def _step(
    resource: Resource, schedule: Document, run: Run | None, following: Callable[[Document], Run | None], at: datetime
) -> Put:
    """The schedule after `run`, on its way to the one that follows."""
    after = {**schedule, "previousRun": run.at if run else schedule["nextRun"]}
    upcoming = following(after)
    after = {**after, "nextRun": upcoming.at if upcoming else None}
    return entity_put(resource, Proposal(_changed(after, at), schedule))


def _changed(document: Document, at: datetime) -> Document:
    kept = {name: value for name, value in document.items() if name not in {"id", "version"} and value is not None}
    return updated(kept, document, BY, at)


def _id(org_id: str, schedule: Document, begins: str) -> str:
    return timed_id(instant(begins), org_id, schedule["id"])

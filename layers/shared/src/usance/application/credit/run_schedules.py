"""Do what the schedules of balances are due to do, for every organization (billing.md 9.5).

A run's charges or transactions, the balance they move and the schedule's step to its next run are one transaction, under
ids that follow from the schedule and the run: however often a moment is replayed, each is made once.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
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
RUNS_A_TURN: Final = 100  # of one organization, some five seconds; then it is the next one's turn
CODE_KEPT: Final = 60  # of the schedule's code in that of a charge: with a date and an id it makes 80
ATTEMPTS_MAX: Final = 10  # bills that draw on the balance meanwhile, and people who change the schedule

TimeIsUp = Callable[[], bool]
REFUSALS: Final = (VersionConflictError, DuplicateCodeError, InvalidInputError, NotFoundError)
"""What may keep one schedule from acting, and must keep no other from it; the next quarter of an hour tries again."""


def run_balance_schedules(entities: EntityRepository, at: datetime, time_is_up: TimeIsUp) -> int:
    """How many runs that were due by `at` are done now; those that were missed are made up for, the oldest first.

    Organizations have their turns until nothing is due or `time_is_up`; the next call goes on. Raises `UnavailableError`
    after all had their turns, when the store refused one of them.
    """
    done, refused = 0, None
    waiting = deque(_runs(entities, org_id, at) for org_id in organization_ids(entities))
    while waiting and not time_is_up():
        runs, turn = waiting.popleft(), 0
        try:
            for _ in islice(runs, RUNS_A_TURN):
                turn += 1
                if time_is_up():
                    break
        except UnavailableError as failed:
            refused = failed
        else:
            waiting.extend([runs] if turn == RUNS_A_TURN else [])
        done += turn
    if refused:
        raise refused
    return done


def _runs(entities: EntityRepository, org_id: str, at: datetime) -> Iterator[None]:
    """Do what is due in an organization, run by run."""
    for type_ in (BALANCE_CHARGE_SCHEDULE.type, BALANCE_TRANSACTION_SCHEDULE.type):
        pending = entities.list_all(org_id, type_, filters={PENDING: ["true"]})
        due = sorted((str(one["nextRun"]), str(one["id"])) for one in pending if instant(one["nextRun"]) <= at)
        for _, id_ in due:
            yield from _runs_of(entities, org_id, type_, id_, at)


def _runs_of(entities: EntityRepository, org_id: str, type_: str, id_: str, at: datetime) -> Iterator[None]:
    """Do the runs of one schedule that are due."""
    attempts = 0
    while attempts < ATTEMPTS_MAX:
        schedule = entities.get(org_id, type_, id_)
        if schedule is None or "nextRun" not in schedule or instant(schedule["nextRun"]) > at:
            break
        try:
            entities.commit(org_id, _CHANGES[type_](entities, org_id, schedule, at))
        except REFUSALS:  # something changed, or another delivery of this moment was quicker
            attempts += 1
        else:
            attempts = 0
            yield


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

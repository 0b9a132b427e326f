"""Tell of measurements that were sent again and do not count (metering.md 1.4), by whoever comes upon them.

Merging reads the months that many small requests fill, and a bill reads its usage anyway. The id of the event follows from
the copy, so that each is told once, whoever sees it first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from usance.application.ingest.failure_events import EVENT_NAME, FailureLog, FailureRecord
from usance.application.ports.clock import Clock
from usance.application.ports.entities import EntityRepository
from usance.application.ports.read_budget import ReadBudget, TooMuchUsageError
from usance.application.ports.usage_log import Repeat, Repeats, UsageExplorer, UsageScope
from usance.domain.kernel.ids import derived_id
from usance.domain.metering.instants import instant_of, microseconds
from usance.resources import instants
from usance.resources.wire import Document

REASON: Final = "DuplicateUid"
LOOKS_BACK: Final = timedelta(days=7)  # a month is merged more often than that while much is sent to it
AT_ONCE: Final = 1_000  # copies, between two looks at the time: some ten seconds when all are new
MEASUREMENTS_MAX: Final = 5_000_000  # of a month; a bill tells the copies of larger ones


@dataclass(frozen=True, slots=True)
class Telling:
    """What telling of copies needs."""

    entities: EntityRepository
    failures: FailureLog
    clock: Clock


def report_repeats(
    telling: Telling,
    repeats: Sequence[Repeat],
    known: Sequence[Document] = (),
    time_is_up: Callable[[], bool] = lambda: False,
) -> None:
    """A file and an event per copy. What was told before stays told once. `known` are accounts that are at hand."""
    distinct = list({(one.scope, one.uid, one.received): one for one in repeats}.values())
    if not distinct:
        return
    org_id = distinct[0].scope.org_id
    meters = _codes(telling, org_id, "meter", {one.scope.meter_id for one in distinct}, ())
    accounts = _codes(telling, org_id, "account", {one.scope.account_id for one in distinct}, known)
    for at in range(0, len(distinct), AT_ONCE):
        if time_is_up():
            return
        records = [
            _record(accounts.get(one.scope.account_id), meters.get(one.scope.meter_id), one)
            for one in distinct[at : at + AT_ONCE]
        ]
        telling.failures.record(org_id, records, telling.clock.now())


def report_repeats_of_month(
    telling: Telling, usage: UsageExplorer, scope: UsageScope, month: str, time_is_up: Callable[[], bool]
) -> None:
    """Tell the copies of a month, such as 2026-01, that were received of late.

    A month that is too large is left to bills, as is what there is no time for.
    """
    start = datetime.fromisoformat(f"{month}-01T00:00:00+00:00")
    end = (start + timedelta(days=31)).replace(day=1)
    repeats = Repeats(since=microseconds(telling.clock.now() - LOOKS_BACK))
    try:
        usage.aggregate(scope, start, end, [], budget=ReadBudget(MEASUREMENTS_MAX), repeats=repeats)
    except TooMuchUsageError:
        return
    report_repeats(telling, repeats.found, time_is_up=time_is_up)


def _codes(telling: Telling, org_id: str, type_: str, ids: set[str], known: Sequence[Document]) -> dict[str, str]:
    missing = sorted(ids - {one["id"] for one in known})
    found = [*known, *(telling.entities.get_many(org_id, type_, missing) if missing else ())]
    return {one["id"]: one["code"] for one in found}


def _record(account: str | None, meter: str | None, one: Repeat) -> FailureRecord:
    org_id, received = one.scope.org_id, instant_of(one.received)
    event_id = derived_id(
        org_id, EVENT_NAME, REASON, one.scope.meter_id, one.scope.account_id, one.uid, str(one.received)
    )
    message = f"a measurement with the uid {one.uid} was received before, within 35 days; this copy does not count"
    names = {"meter": meter, "account": account, "uid": one.uid}
    seen = {**names, "ts": _text(instant_of(one.ts)), "receivedAt": _text(received)}
    return FailureRecord(event_id, {"type": REASON, "message": message}, names, seen, one.scope.account_id)


def _text(instant: datetime) -> str:
    return instants.to_text(instant.astimezone(UTC))

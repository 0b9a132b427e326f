"""What exports, their destinations and their schedules must obey (metering.md 8)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from usance.domain.catalog.proposal import Entity, Proposal
from usance.domain.catalog.usage_questions import Named, check_question
from usance.domain.exports.timetable import LONGEST, SHORTEST, latest_run, step
from usance.domain.kernel.errors import InvalidInputError
from usance.resources import instants
from usance.resources.questions import named_by
from usance.resources.timetables import check_cron, latest_cron_run

_OF_USAGE: Final = ("timePeriod", "meterIds", "accountIds", "dimensionFilters", "aggregations", "groups", "endDate")
_OF_S3: Final = ("iamRoleArn",)
_OF_GCS: Final = ("projectNumber", "poolId", "providerId")
_OFFSET_MAX: Final = {"DAY": 23, "HOUR": 59}


def check_destination(proposal: Proposal) -> Mapping[str, Any]:
    """Each kind of destination has its own fields; without a `destinationType` they say which it is."""
    new = proposal.new
    google = "iamRoleArn" not in new and any(name in new for name in _OF_GCS)
    kind = new.get("destinationType") or ("GCS" if google else "S3")
    needed, foreign = (_OF_S3, (*_OF_GCS, "serviceAccountEmail")) if kind == "S3" else (_OF_GCS, _OF_S3)
    for name in needed:
        if not new.get(name):
            raise InvalidInputError(f"{name} is required for a destination of type {kind}")
    return {"destinationType": kind, **{name: None for name in foreign if name in new}}


def accounts_of_schedule(proposal: Proposal) -> Mapping[str, Sequence[str]]:
    """Where to find the accounts that a schedule names and did not before."""
    known = set((proposal.old or {}).get("accountIds") or ())
    return {"id": [id_ for id_ in proposal.new.get("accountIds") or () if id_ not in known]}


def check_schedule(proposal: Proposal) -> Mapping[str, Any]:
    """One source, one timetable; usage needs a period, and must be a question that the meters can answer."""
    new = proposal.new
    check_selection(new, named_by(proposal))
    found = {account["id"] for account in proposal.many("accounts")}
    for id_ in accounts_of_schedule(proposal)["id"]:
        if id_ not in found:
            raise InvalidInputError(f"accountIds: there is no account {id_}")
    if new["sourceType"] == "USAGE" and not new.get("timePeriod"):
        raise InvalidInputError("timePeriod is required for a schedule of usage, such as YESTERDAY")
    _check_timetable(new)
    return {}


def check_selection(asked: Entity, named: Named) -> None:
    """Usage or entities, never both. `named` is what the question about usage names."""
    if asked["sourceType"] == "USAGE":
        if asked.get("operationalDataTypes"):
            raise InvalidInputError("operationalDataTypes belongs to an export whose sourceType is OPERATIONAL")
        check_question(asked, named)
        return
    if not asked.get("operationalDataTypes"):
        raise InvalidInputError("operationalDataTypes is required: name what to export, such as ACCOUNTS")
    for name in _OF_USAGE:
        if asked.get(name):
            raise InvalidInputError(f"{name} belongs to an export whose sourceType is USAGE")


def _check_timetable(new: Entity) -> None:
    unit, count, offset = new.get("scheduleType"), new.get("period"), new.get("offset")
    if cron := new.get("cronExpression"):
        for name in ("scheduleType", "period", "offset"):
            if name in new:
                raise InvalidInputError(f"{name}: leave it out where a cronExpression says when")
        check_cron(cron, SHORTEST, LONGEST)
        return
    if unit is None or count is None:
        missing = "scheduleType" if unit is None else "period"
        raise InvalidInputError(f"{missing} is required: give scheduleType and period, or a cronExpression")
    if count > LONGEST / timedelta(minutes=1) or not SHORTEST <= step(unit, count) <= LONGEST:
        raise InvalidInputError(f"period: every {count} {unit} is not between every 15 minutes and every 3 days")
    if offset is not None and offset > _OFFSET_MAX.get(unit, 0):
        limits = "hours of a DAY, up to 23, or minutes of an HOUR, up to 59; a MINUTE has none"
        raise InvalidInputError(f"offset: {offset} does not fit a schedule by {unit}: it is {limits}")


def latest_run_of(schedule: Entity, at: datetime) -> datetime | None:
    """The last run due at or before `at`, after the first one, which is when the schedule is made; None before that."""
    made = instants.from_text(schedule["dtCreated"])
    if cron := schedule.get("cronExpression"):
        run = latest_cron_run(cron, at)
        return run if run > made else None
    return latest_run(schedule["scheduleType"], int(schedule["period"]), schedule.get("offset"), made, at)

"""When schedules of balances act, and the transactions and charges that they make (billing.md 9.5)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import count, groupby
from typing import Any, Final

from usance.domain.catalog.moments import instant
from usance.domain.catalog.proposal import Entity, Proposal
from usance.domain.catalog.windows import amount_or_units
from usance.domain.kernel.calendar import Calendar, Frequency
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.timezones import local_day, midnight, time_zone

_EPOCHS: Final[Mapping[Frequency, str]] = {
    Frequency.DAILY: "dayEpoch",
    Frequency.WEEKLY: "weekEpoch",
    Frequency.MONTHLY: "monthEpoch",
    Frequency.ANNUALLY: "yearEpoch",
}


@dataclass(frozen=True, slots=True)
class Run:
    """What a schedule makes at one instant."""

    at: str
    made: tuple[Mapping[str, Any], ...]


def pending(proposal: Proposal) -> Iterable[str]:
    """Marks a schedule that is going to act again."""
    return ("true",) if proposal.new.get("nextRun") else ()


def check_transaction_schedule(proposal: Proposal) -> Mapping[str, Any]:
    """Adds when the schedule acts next; what it did already is kept."""
    previous = (proposal.old or {}).get("previousRun")
    run = transaction_run({**proposal.new, "previousRun": previous}, proposal.one("config") or {})
    return {"previousRun": previous, "nextRun": run.at if run else None}


def check_charge_schedule(proposal: Proposal) -> Mapping[str, Any]:
    """The amount is given in one way. Adds when the schedule acts next; what it did already is kept."""
    new, previous = proposal.new, (proposal.old or {}).get("previousRun")
    amount_or_units(new)
    config = proposal.one("config") or {}
    if instant(new["servicePeriodEndDate"]) == instant(new["servicePeriodStartDate"]):
        raise InvalidInputError("servicePeriodEndDate must be later than servicePeriodStartDate")
    after = _just_before(previous) if previous and proposal.changed("billInAdvance") else previous
    run = charge_run({**new, "previousRun": after}, config)
    return {"previousRun": after, "nextRun": run.at if run else None}


def transaction_run(schedule: Entity, config: Entity) -> Run | None:
    """The run after the schedule's `previousRun`; None when there is none any more."""
    made = transactions_of(schedule, config)
    return _run_after(schedule.get("previousRun"), ((one["appliedDate"], one) for one in made))


def charge_run(schedule: Entity, config: Entity) -> Run | None:
    """As `transaction_run`: a charge is made when its bill date begins."""
    zone = _zone(config)
    runs = (
        (_text(midnight(date.fromisoformat(charge["billDate"]), zone)), charge)
        for charge in charges_of(schedule, config)
    )
    return _run_after(schedule.get("previousRun"), runs)


def first_day(charge: Entity, config: Entity) -> date:
    """The first day of a charge's service, which tells the charges of a schedule apart."""
    return local_day(instant(charge["servicePeriodStartDate"]), _zone(config))


def transactions_of(schedule: Entity, config: Entity) -> Iterator[dict[str, Any]]:
    """The transactions that the schedule makes, in order: the first at its start, none at or after its end.

    The others follow by the organization's calendar, at the same time of its day.
    """
    start, end = instant(schedule["startDate"]).astimezone(_zone(config)), instant(schedule["endDate"])
    calendar = Calendar(Frequency(schedule["frequency"]), schedule["frequencyInterval"], start.date())
    for k in count():
        at = datetime.combine(calendar.boundary(k), start.timetz())
        if at >= end:
            return
        yield {
            "amount": schedule["amount"],
            "description": schedule["transactionDescription"],
            "transactionTypeId": schedule["transactionTypeId"],
            "appliedDate": _text(at),
            "transactionDate": _text(at),
            "entityType": "SCHEDULER",
            **{name: schedule[name] for name in ("paid", "currencyPaid") if name in schedule},
        }


def charges_of(schedule: Entity, config: Entity) -> Iterator[dict[str, Any]]:
    """The charges that the schedule makes, in order: one for each period, clipped to the schedule and not prorated.

    Periods begin at midnight of the organization's time zone, on its epoch or the schedule's own.
    """
    zone = _zone(config)
    start, end = instant(schedule["servicePeriodStartDate"]), instant(schedule["servicePeriodEndDate"])
    frequency = Frequency(schedule["billFrequency"])
    epoch = date.fromisoformat(schedule.get("billEpoch") or config.get(_EPOCHS[frequency], "2022-01-01"))
    calendar = Calendar(frequency, schedule["billFrequencyInterval"], epoch)
    for k in count(calendar.index_of(local_day(start, zone))):
        period = calendar.period(k)
        first, last = midnight(period.start, zone), midnight(period.end, zone)
        if first >= end:
            return
        due = max(first, start) if schedule["billInAdvance"] else min(last, end)
        yield {
            "name": schedule["name"],
            "description": schedule["chargeDescription"],
            "currency": schedule["currency"],
            "entityType": "BALANCE",
            "lineItemType": "BALANCE_FEE",
            "billDate": local_day(due, zone).isoformat(),
            "servicePeriodStartDate": _text(max(first, start)),
            "servicePeriodEndDate": _text(min(last, end)),
            **{name: schedule[name] for name in ("amount", "units", "unitPrice") if name in schedule},
        }


def _run_after(previous: str | None, runs: Iterator[tuple[str, Mapping[str, Any]]]) -> Run | None:
    """The first run after the previous one, with all that is made at its instant."""
    later = ((at, made) for at, made in runs if previous is None or instant(at) > instant(previous))
    for at, together in groupby(later, key=lambda one: one[0]):
        return Run(at, tuple(made for _, made in together))
    return None


def _just_before(run: str) -> str:
    """So that a period, which began when the run was due, is charged in advance from now on and not passed over."""
    return _text(instant(run) - timedelta.resolution)


def _zone(config: Entity) -> tzinfo:
    return time_zone(config.get("timezone", "UTC"))


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")

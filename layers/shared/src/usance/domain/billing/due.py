"""Which bills of an account a run makes (billing.md 6.3)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo

from usance.domain.billing.attached import AttachedPlan, Attachment
from usance.domain.billing.bill_key import BillFrequency, BillKey
from usance.domain.billing.fee_schedule import FeePlan
from usance.domain.billing.served import in_advance
from usance.domain.billing.windows import ends_period_of, numbered_window, opening_day, starting_window, window_at
from usance.domain.kernel.timezones import local_day


@dataclass(frozen=True, slots=True)
class DueBill:
    """A bill to calculate.

    `opens`: it is due only because service begins that day. `only_if_lacking`: it belongs to an earlier run and is left as
    it is if it is there and has everything that it charges for in advance. `only_if_there`: it is not made if it is missing.
    `again`: it charged in advance for a plan that has ended since, so that it is calculated again if it is there.
    """

    key: BillKey
    opens: bool = False
    only_if_lacking: bool = False
    only_if_there: bool = False
    again: bool = False

    @property
    def leaves_whole(self) -> bool:
        """Whether the bill is left as it is if it is there and lacks nothing."""
        return self.only_if_lacking and not self.again


def due_bills(plans: Sequence[Attachment], last_day: date, zone: tzinfo) -> tuple[DueBill, ...]:
    """The bills of the periods that hold `last_day`, in order of their keys.

    That is the bill that ends each period, and, for a plan that charges in advance, the bill of the day its service
    begins: on that day nothing is due in arrears, so that no other run would make it.
    """
    return merged(due for plan in plans for due in _of_plan(plan, last_day, zone))


def due_fees(plans: Sequence[FeePlan], last_day: date) -> tuple[DueBill, ...]:
    """The bills of the periods that hold `last_day` which carry fees of commitments.

    A first fee in advance is on the bill that opens the commitment's first period, which an earlier run makes.
    """
    return merged(due for plan in plans for due in _of_fees(plan, last_day))


def opened_on(
    plans: Sequence[Attachment], fees: Sequence[FeePlan], key: BillKey, zone: tzinfo
) -> frozenset[str | None]:
    """The ids of the plans, plan groups and commitments that charge in advance when they begin, on the bill `key`."""
    opening = (
        one for one in plans if belongs(one, key) and opening_day(one, zone) == key.day and charges_in_advance(one)
    )
    first = (one for one in fees if one.in_advance and one.is_first(key.day) and one.key(key.day) == key)
    return frozenset(
        (
            *(one.plan_id if isinstance(one, AttachedPlan) else one.plan_group_id for one in opening),
            *(one.template.commitment_id for one in first),
        )
    )


def merged(bills: Iterable[DueBill]) -> tuple[DueBill, ...]:
    """Each bill once, due for the weightiest of its reasons, in order of their keys."""
    found: dict[BillKey, DueBill] = {}
    for due in bills:
        other = found.get(due.key, due)
        found[due.key] = _weightier(due, other)
    return tuple(found[key] for key in sorted(found))


def _weightier(one: DueBill, other: DueBill) -> DueBill:
    # What is calculated again if it is there says nothing about why a bill is made.
    making = [due for due in (one, other) if not due.only_if_there] or [one, other]
    return DueBill(
        one.key,
        opens=all(due.opens for due in making),
        only_if_lacking=all(due.only_if_lacking for due in making),
        only_if_there=all(due.only_if_there for due in making),
        again=one.again or other.again,
    )


def belongs(plan: Attachment, key: BillKey) -> bool:
    """Whether the bill `key` may charge for the plan; a consolidated bill may for every calendar."""
    if plan.grouping != key.grouping:
        return False
    return key.frequency is BillFrequency.MIXED or key == key_of(plan, key.day)


def charges_in_advance(plan: Attachment) -> bool:
    """Whether anything of the plan is billed when a period begins."""
    return any(True for _ in in_advance(plan))


def charged_until(plan: Attachment, day: date, zone: tzinfo) -> datetime | None:
    """Until when a bill of `day` charges what the plan charges ahead; None when no service begins on it."""
    window, standing = starting_window(plan, day, zone), plan.standing
    if window is None:
        return None
    carried = window.index if standing.in_advance else window.index - 1
    if not standing.amount or carried < 0 or (carried - standing.offset) % standing.interval:
        return window.span.end
    first = carried - carried % standing.interval
    group = (numbered_window(plan, first + step, zone) for step in range(standing.interval))
    return max(one.span.end for one in (window, *group) if one)


def charges_ahead(plan: Attachment) -> bool:
    """Whether anything of the plan is billed before it is served: in advance, or for periods after the bill that carries it."""
    standing = plan.standing
    carried_early = bool(standing.amount) and standing.offset % standing.interval < standing.interval - 1
    return carried_early or charges_in_advance(plan)


def charged_on(plan: Attachment, last_day: date, zone: tzinfo) -> frozenset[date]:
    """The days on which the period of `last_day` was charged before it began, as far as the plan was to last then."""
    endless = replace(plan, end=None)
    window = window_at(endless, last_day, zone)
    if window is None:
        return frozenset()
    standing = plan.standing
    opened = [window] if charges_in_advance(plan) else []
    turn = window.index - (window.index - standing.offset) % standing.interval
    carrying = numbered_window(endless, turn, zone) if standing.amount and turn >= 0 else None
    if carrying and not standing.in_advance:
        one_charge = turn // standing.interval == window.index // standing.interval
        carried = (carrying.standard.end,) if one_charge else ()
        return frozenset((*carried, *(local_day(one.span.start, zone) for one in opened)))
    return frozenset(local_day(one.span.start, zone) for one in (*opened, carrying) if one)


def _of_plan(plan: Attachment, last_day: date, zone: tzinfo) -> Sequence[DueBill]:
    period = plan.calendar.period(max(plan.calendar.index_of(last_day), -1))
    first = opening_day(plan, zone)
    if last_day < min(first, period.start):  # long before an epoch that is still to come
        return ()
    due = []
    window = window_at(plan, last_day, zone)
    if window:
        due.append(DueBill(key_of(plan, period.end)))
    before_epoch = period.end == plan.calendar.epoch
    if charges_in_advance(plan) and first <= period.end and (first >= period.start or before_epoch):
        # A first day on the boundary that opens this period is the last bill of the run before.
        before = first == period.start and not before_epoch
        due.append(DueBill(key_of(plan, first), opens=first != period.end, only_if_lacking=before))
    if charges_ahead(plan):
        ends = plan.end is not None and ends_period_of(plan, plan.end, period.end, zone)
        if ends:
            # What was charged beyond the end is taken off, or given back where that bill is final.
            due.append(DueBill(key_of(plan, period.end)))
        if ends or window:
            # A plan that was to end earlier when it was charged owes the days since.
            days = (day for day in charged_on(plan, last_day, zone) if day < period.end)
            due.extend(DueBill(key_of(plan, day), only_if_lacking=True, only_if_there=True, again=ends) for day in days)
    return due


def _of_fees(plan: FeePlan, last_day: date) -> Sequence[DueBill]:
    period = plan.calendar.period(max(plan.calendar.index_of(last_day), -1))
    if last_day < min(plan.start, period.start):  # long before an epoch that is still to come
        return ()
    due = [DueBill(plan.key(period.end))] if plan.is_on(period.end) else []
    if plan.in_advance and plan.is_first(period.start):
        due.append(DueBill(plan.key(period.start), only_if_lacking=True))
    return due


def key_of(plan: Attachment, day: date) -> BillKey:
    """The bill of its own calendar that the plan is on, on `day`."""
    return BillKey(BillFrequency(plan.calendar.frequency), plan.calendar.interval, day, plan.grouping)

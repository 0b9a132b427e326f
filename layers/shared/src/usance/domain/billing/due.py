"""Which bills of an account a run makes (billing.md 6.3)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, tzinfo

from usance.domain.billing.attached import AttachedPlan, Attachment
from usance.domain.billing.bill_key import BillFrequency, BillKey
from usance.domain.billing.fee_schedule import FeePlan
from usance.domain.billing.served import in_advance
from usance.domain.billing.windows import ends_period_of, numbered_window, opening_day, window_at
from usance.domain.kernel.timezones import local_day


@dataclass(frozen=True, slots=True)
class DueBill:
    """A bill to calculate.

    `opens`: it is due only because service begins that day. `only_if_missing`: it belongs to an earlier run and is made
    here because that run may never have been. `only_again`: it charged in advance for a plan that has ended since, so that
    it is calculated again if it is there. `again`: that, beside the reasons for which it is due anyway.
    """

    key: BillKey
    opens: bool = False
    only_if_missing: bool = False
    only_again: bool = False
    again: bool = False

    @property
    def leaves_stored(self) -> bool:
        """Whether the bill is made if it is missing, and left as it is if it is there."""
        return self.only_if_missing and not self.again


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
    if one.only_again != other.only_again:
        return replace(other if one.only_again else one, again=True)
    opens, only_if_missing = one.opens and other.opens, one.only_if_missing and other.only_if_missing
    return DueBill(one.key, opens, only_if_missing, one.only_again, one.again or other.again)


def belongs(plan: Attachment, key: BillKey) -> bool:
    """Whether the bill `key` may charge for the plan; a consolidated bill may for every calendar."""
    if plan.grouping != key.grouping:
        return False
    return key.frequency is BillFrequency.MIXED or key == key_of(plan, key.day)


def charges_in_advance(plan: Attachment) -> bool:
    """Whether anything of the plan is billed when a period begins."""
    return any(True for _ in in_advance(plan))


def _of_plan(plan: Attachment, last_day: date, zone: tzinfo) -> Sequence[DueBill]:
    period = plan.calendar.period(max(plan.calendar.index_of(last_day), -1))
    first = opening_day(plan, zone)
    if last_day < min(first, period.start):  # long before an epoch that is still to come
        return ()
    due = []
    if window_at(plan, last_day, zone):
        due.append(DueBill(key_of(plan, period.end)))
    before_epoch = period.end == plan.calendar.epoch
    if charges_in_advance(plan) and first <= period.end and (first >= period.start or before_epoch):
        # A first day on the boundary that opens this period is the last bill of the run before.
        before = first == period.start and not before_epoch
        due.append(DueBill(key_of(plan, first), opens=first != period.end, only_if_missing=before))
    if plan.end is not None and ends_period_of(plan, plan.end, period.end, zone) and charges_in_advance(plan):
        # What was charged beyond the end is taken off, or given back where that bill is final.
        due.append(DueBill(key_of(plan, period.end)))
        due.extend(DueBill(key_of(plan, day), only_again=True) for day in _charged_on(plan, last_day, zone))
    return due


def _charged_on(plan: Attachment, last_day: date, zone: tzinfo) -> frozenset[date]:
    """The days before the period of `last_day` ends on which charges in advance reached beyond the plan's end."""
    endless = replace(plan, end=None)
    window = window_at(endless, last_day, zone)
    if window is None:
        return frozenset()
    standing = plan.standing
    turn = window.index - (window.index - standing.offset) % standing.interval
    group = numbered_window(endless, turn, zone) if standing.in_advance and turn >= 0 else None
    return frozenset(local_day(one.span.start, zone) for one in (window, group) if one)


def _of_fees(plan: FeePlan, last_day: date) -> Sequence[DueBill]:
    period = plan.calendar.period(max(plan.calendar.index_of(last_day), -1))
    if last_day < min(plan.start, period.start):  # long before an epoch that is still to come
        return ()
    due = [DueBill(plan.key(period.end))] if plan.is_on(period.end) else []
    if plan.in_advance and plan.is_first(period.start):
        due.append(DueBill(plan.key(period.start), only_if_missing=True))
    return due


def key_of(plan: Attachment, day: date) -> BillKey:
    """The bill of its own calendar that the plan is on, on `day`."""
    return BillKey(BillFrequency(plan.calendar.frequency), plan.calendar.interval, day, plan.grouping)

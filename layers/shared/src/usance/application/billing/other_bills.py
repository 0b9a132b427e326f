"""The other bills that may have time of an account's plans: whose, of which days, and which of them need not be read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo
from functools import partial
from typing import Final, Protocol, Self

from usance.application.billing.contract_terms import exclusive_grouping, shared_grouping
from usance.application.billing.corrections.standing import bills_that_correct
from usance.application.billing.families import children_of
from usance.application.billing.family_guards import Watch, parents_of
from usance.application.billing.gather import Agreement, bill_id
from usance.application.billing.records.record import RECORD
from usance.application.billing.states import key_of_stored, state_of
from usance.application.billing.stores import BillingStores
from usance.application.billing.whose_plan import (
    COVERS,
    TIMING,
    Charged,
    charged,
    is_pooled,
    opened_by,
    timing_digest,
)
from usance.application.ports.bills import DateRange, StoredBill
from usance.application.ports.blobs import BlobStore
from usance.domain.billing.attached import AttachedPlan, Attachment
from usance.domain.billing.bill_key import BillFrequency, BillKey
from usance.domain.billing.due import charged_on, charges_in_advance
from usance.domain.billing.inputs import BillingInputs
from usance.domain.billing.pool import ChildBilling
from usance.domain.billing.served import timing
from usance.domain.billing.standing_charge import is_its_turn
from usance.domain.billing.windows import closing_window, ends_period_of, numbered_window, opening_day, starting_window
from usance.domain.kernel.calendar import Calendar
from usance.domain.kernel.ids import day_of
from usance.domain.kernel.period import Instants, overlap
from usance.domain.kernel.timezones import local_day, midnight
from usance.resources import instants
from usance.resources.wire import Document

REACH: Final = timedelta(days=400)
"""How far other bills are looked for, beyond the time of the longest charge: a calendar's longest period is a year, and more."""
READ_AT_ONCE: Final = 100  # as many as one request reads
LENGTH_MAX_DAYS: Final = 36_525  # a century; 365 periods of 365 years, which may be asked for, are no dates


class Reading(Protocol):
    """What looking at other bills needs."""

    @property
    def stores(self) -> BillingStores: ...
    @property
    def blobs(self) -> BlobStore: ...


@dataclass(frozen=True, slots=True)
class Usual:
    """The bills that need not be read: what their time is follows from their ids, as things are.

    Nearly all bills of an account are of this kind and fall on a day on which every plan has one, or are of charges alone.
    """

    org_id: str
    key: BillKey
    zone: tzinfo
    attached: Sequence[Attachment]
    calendars: frozenset[Calendar]  # of the plans; asked for each id
    groupings: frozenset[str]

    @classmethod
    def of(cls, agreement: Agreement, inputs: BillingInputs) -> Self:
        """Those like the bill of `inputs`."""
        calendars = frozenset(one.calendar for one in inputs.attached)
        groupings = frozenset((inputs.key.grouping, *_groupings(agreement)))
        return cls(agreement.org_id, inputs.key, inputs.terms.zone, inputs.attached, calendars, groupings)

    def is_one(self, stored: StoredBill) -> bool:
        """Whether it is such a bill, and of a day of any of the plans: one that began later once left its first bill behind."""
        id_ = stored.header["id"]
        made = any(is_made_again(one, day_of(id_), self.zone) for one in self.attached)
        return made and self.has(id_, stored.header["accountId"])

    def has(self, id_: str, account_id: str) -> bool:
        """Whether it is the id of a bill of this kind, of another day or grouping."""
        day = day_of(id_)
        if day == self.key.day or not all(calendar.is_boundary(day) for calendar in self.calendars):
            return False
        return self._is(id_, account_id, replace(self.key, day=day))

    @property
    def reach(self) -> timedelta:
        """How far from a bill's own time others are looked for: as far as one charge of any of the plans reaches, and farther."""
        lengths = (one.standing.interval * one.calendar.period(0).days for one in self.attached)
        return REACH + timedelta(days=min(max(lengths, default=0), LENGTH_MAX_DAYS))

    def around(self, first: date, last: date) -> Iterator[date]:
        """The days of the bills whose periods `first` and `last` lie in."""
        for calendar in self.calendars:
            yield calendar.boundary(calendar.index_of(first))
            yield calendar.boundary(calendar.index_of(last - timedelta(days=1)) + 1)

    def is_of_charges(self, id_: str, account_id: str) -> bool:
        """Whether it is the id of a bill of charges alone."""
        return self._is(id_, account_id, BillKey(BillFrequency.AD_HOC, 1, day_of(id_)))

    def _is(self, id_: str, account_id: str, key: BillKey) -> bool:
        return any(id_ == bill_id(self.org_id, account_id, replace(key, grouping=one)) for one in self.groupings)


def other_bills(
    bench: Reading,
    agreement: Agreement,
    lock_date: date | None,
    inputs: BillingInputs,
    usual: Usual,
    span: Instants,
    watch: Watch,
) -> Sequence[StoredBill]:
    """The bills that may have time of `span`, as far as they say what they were made of."""
    org_id, zone = agreement.org_id, inputs.terms.zone
    first, last = local_day(span.start, zone), local_day(span.end, zone)
    since = first - usual.reach
    days = DateRange(since, last + usual.reach)
    near = {inputs.key.day, first, last, *usual.around(first, last)}
    near |= {one for plan in usual.attached for one in charged_on(plan, inputs.key.day - timedelta(days=1), zone)}
    wanted: list[str] = []
    family = _family(agreement, inputs)
    # A standing charge for several periods may have been on a bill of any day.
    several = any(one.standing.amount and one.standing.interval > 1 for one in usual.attached)
    far = several or _edited(agreement, usual.attached, since, bench.stores.clock.now())
    for account_id in family.accounts:
        for id_ in bench.stores.bills.ids_between(org_id, account_id, days):
            if id_ == inputs.bill_id or usual.is_of_charges(id_, account_id):
                continue
            if far or day_of(id_) in near or not usual.has(id_, account_id):
                wanted.append(id_)

    def read() -> list[StoredBill]:
        return [
            stored
            for at in range(0, len(wanted), READ_AT_ONCE)  # of a large family many are read, and hardly any is kept
            for stored in bench.stores.bills.get_many_stored(org_id, wanted[at : at + READ_AT_ONCE])
            if RECORD in stored.private
            and (_may_have(stored, span) or retimed_plans(stored, opened_plans(stored, inputs)))
        ]

    found = read()
    if all(is_final(bench, org_id, lock_date, stored.header) for stored in found):
        return found
    watch.over(family.watched)  # before they are read for good: what is open then stays so until the bill is stored
    return read()


def is_final(bench: Reading, org_id: str, lock_date: date | None, header: Document) -> bool:
    """Whether a stored bill is not calculated any more."""
    return state_of(header).is_locked(lock_date) or bool(bills_that_correct(bench.stores, org_id, header["id"]))


def concerned(attached: Sequence[Attachment], day: date, zone: tzinfo) -> Instants | None:
    """The time that a bill of `day` may charge for; None when it charges for no plan."""
    found: list[Instants] = []
    for one in attached:
        windows = [closing_window(one, day, zone), starting_window(one, day, zone)]
        spans = [window.span for window in windows if window]
        if one.end is not None and ends_period_of(one, one.end, day, zone):
            spans.append(Instants(one.end, midnight(day, zone)))
        every, offset = one.standing.interval, one.standing.offset
        # A charge for several periods reaches beyond the one that its bill ends or begins.
        carrying = [window.index for window in windows if window and is_its_turn(window.index, every, offset)]
        indices = [max(index + step, 0) for index in carrying for step in (1 - every, every - 1)]
        spans += [more.span for at in indices if (more := numbered_window(one, at, zone))]
        found += spans
    return Instants(min(one.start for one in found), max(one.end for one in found)) if found else None


def opened_plans(stored: StoredBill, inputs: BillingInputs, *, family: bool = False) -> Mapping[Charged, Attachment]:
    """The plans of `inputs` whose period ends with them and began with that bill, if it was of them; `family`: on any account."""
    own_id, opening = inputs.account.id, key_of_stored(stored).day
    mine = family or stored.header["accountId"] == own_id
    if not mine or TIMING not in stored.private or opening >= inputs.key.day:
        return {}
    found = opened_by(inputs.attached, opening, inputs.key.day, inputs.terms.zone)
    return {charged(one, own_id): one for one in found}


def retimed_plans(stored: StoredBill, opened: Mapping[Charged, Attachment]) -> Mapping[Charged, Attachment]:
    """The plans that a bill `opened`, if it lacks any, or any charge of theirs is in advance, or in arrears, since."""
    now = {what: timing(one) for what, one in opened.items()}
    return opened if opened and stored.private[TIMING] != timing_digest(now) else {}


def is_made_again(one: Attachment, day: date, zone: tzinfo) -> bool:
    """What opens service with a period is made only if it is missing."""
    opens = opening_day(one, zone) == day and not one.calendar.is_boundary(day)
    return closing_window(one, day, zone) is not None or (opens and charges_in_advance(one))


def _edited(agreement: Agreement, attached: Sequence[Attachment], since: date, now: datetime) -> bool:
    """Whether any of the plans may have had other terms on a bill of `since` or later, by when they were edited.

    Of bills that are made so far ahead that `since` has not come, each edit may count.
    """
    catalogue, zone = agreement.catalogue, agreement.terms.zone
    plans = catalogue.many("plan", (one.plan_id for one in attached if isinstance(one, AttachedPlan)))
    templates = catalogue.many("planTemplate", (plan["planTemplateId"] for plan in plans))
    ahead = since > local_day(now, zone)
    edited = (one["dtLastModified"] for one in (*plans, *templates) if one["version"] > 1)
    return any(ahead or local_day(instants.from_text(at), zone) >= since for at in edited)


def _may_have(stored: StoredBill, span: Instants) -> bool:
    text = stored.private.get(COVERS)
    if text is None:
        return True  # it was calculated before that was kept
    ends: list[datetime] = [instants.from_text(end) for end in text.split("/")] if text else []
    return bool(ends) and overlap(Instants(*ends), span)


def _groupings(agreement: Agreement) -> Sequence[str]:
    """Those that the account's plans may have now."""
    catalogue, account_id = agreement.catalogue, agreement.account["id"]

    def found(type_: str, **filters: Sequence[str]) -> Sequence[Document]:
        read = partial(catalogue.entities.list_all, agreement.org_id, type_, filters=filters)
        return catalogue.remember(("groupings", type_, account_id if filters else ""), read)

    if not any(one.contract_id for one in agreement.attached):
        return ("",)
    contracts = [exclusive_grouping(contract["id"]) for contract in found("contract", accountId=[account_id])]
    return ("", *contracts, *(shared_grouping(key["id"]) for key in found("billGroupingKey")))


@dataclass(frozen=True, slots=True)
class _Family:
    """Whose bills may have had an account's plans. `watched` are those whose guards tell that any of them was locked."""

    accounts: Sequence[str]
    watched: Sequence[str]


def _family(agreement: Agreement, inputs: BillingInputs) -> _Family:
    """The account, its parents, those of before too, and the children that it pays for, with the parents they had before."""
    account = agreement.account
    own = [account["id"], *parents_of(account)]
    children = dict.fromkeys(id_ for one in inputs.attached for id_ in _paid_for(one))
    known = {child["id"]: child for child in children_of(agreement.catalogue, account["id"])} if children else {}
    others = agreement.catalogue.many("account", children.keys() - known.keys())
    before = [
        id_ for child in (*(known[id_] for id_ in children if id_ in known), *others) for id_ in parents_of(child)
    ]
    return _Family(tuple(dict.fromkeys([*own, *children, *before])), tuple(dict.fromkeys([*own, *before])))


def _paid_for(one: Attachment) -> Iterator[str]:
    if one.child:
        yield one.child.id
    elif isinstance(one, AttachedPlan) and is_pooled(one):
        everyone = one.child_billing is not ChildBilling.CHILD
        yield from (member.account_id for member in one.members if member.child and (everyone or member.kept))

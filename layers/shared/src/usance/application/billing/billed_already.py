"""What other bills have of an account's plans, and keep.

Which bill a plan is on, and where its periods end, follow from settings that may change later: the grouping key of its
contract, who pays for a child, who its parent is, how often its template bills. A bill keeps what it was made of when it is
final, or when no run would make it so again; the bills that are made now are for the rest.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, tzinfo
from functools import partial
from typing import Final, Protocol, Self

from usance.application.billing.contract_terms import exclusive_grouping, shared_grouping
from usance.application.billing.corrections.standing import bills_that_correct
from usance.application.billing.families import children_of
from usance.application.billing.family_guards import Watch, parents_of
from usance.application.billing.gather import Agreement, bill_id, gather
from usance.application.billing.overrides import Overrides
from usance.application.billing.records.record import RECORD, read_record
from usance.application.billing.states import key_of_stored, state_of
from usance.application.billing.stores import BillingStores
from usance.application.billing.whose_plan import (
    COVERS,
    TIMING,
    Charged,
    begun,
    charged,
    is_pooled,
    is_served,
    opened_by,
    timing_digest,
)
from usance.application.ports.bills import DateRange, StoredBill
from usance.application.ports.blobs import BlobStore
from usance.domain.billing.attached import AttachedPlan, Attachment
from usance.domain.billing.bill_key import BillFrequency, BillKey
from usance.domain.billing.billed import SETTLED, Billed, left
from usance.domain.billing.due import belongs, charged_on, charges_in_advance
from usance.domain.billing.inputs import BillingInputs
from usance.domain.billing.pipeline import billed_by
from usance.domain.billing.pool import ChildBilling, Member, pieces
from usance.domain.billing.served import timing
from usance.domain.billing.standing_charge import is_its_turn
from usance.domain.billing.windows import (
    closing_window,
    ends_period_of,
    numbered_window,
    opening_day,
    starting_window,
)
from usance.domain.kernel.calendar import Calendar
from usance.domain.kernel.ids import day_of
from usance.domain.kernel.period import Instants, joined, overlap, without
from usance.domain.kernel.timezones import local_day, midnight
from usance.resources import instants
from usance.resources.wire import Document

REACH: Final = timedelta(days=400)
"""Beyond what any charge is for, so far other bills are looked for: the longest period of a calendar is a year."""
LENGTH_MAX_DAYS: Final = 36_525  # a century: what dates can be counted with, of 365 periods of 365 years


class Reading(Protocol):
    """What looking at other bills needs."""

    @property
    def stores(self) -> BillingStores: ...
    @property
    def blobs(self) -> BlobStore: ...


@dataclass(frozen=True, slots=True)
class _Kept:
    """What other bills keep: of whole plans, and of single accounts' parts of plans that rate a family as one."""

    whole: dict[Charged, list[Billed]] = field(default_factory=dict)
    parts: dict[Charged, list[Instants]] = field(default_factory=dict)
    late: dict[Charged, set[str]] = field(default_factory=dict)
    """What a bill that opened a period left to the one that closes it, though it is charged in advance now."""
    early: dict[Charged, set[str]] = field(default_factory=dict)
    """What a bill that opened the period charges in advance, as now: a plan that changed bills may have two of that day."""

    def __bool__(self) -> bool:
        return bool(self.whole or self.parts or self.late)

    def take(
        self, one: Attachment, owner_id: str, billed: Sequence[Billed], *, whole: bool, now: Attachment | None
    ) -> None:
        """What the bill of `owner_id` keeps of what it has of a plan or plan group: the `whole`, or what was in advance then.

        `now` is the plan as it is, where the bill opened a period of it that closes and its charges are timed otherwise since.
        """
        before, after = timing(one), timing(now) if now else {}
        kept = (
            billed if whole else [each for each in billed if before.get(each.what) and not after.get(each.what, True)]
        )
        if kept:
            self._add(one, owner_id, kept)

    def take_opened(self, opened: Mapping[Charged, Attachment]) -> None:
        """The plans whose period a bill opened as it would now."""
        for what, one in opened.items():
            self.early.setdefault(what, set()).update(_in_advance(timing(one)))

    def take_retimed(self, opened: Mapping[Charged, Attachment], there: BillingInputs, *, for_good: bool) -> None:
        """The plans whose period a bill opened otherwise; if it is as it is `for_good`, it left those that it lacks, too."""
        began = begun(there)
        for what, one in opened.items():
            if what in began or (for_good and belongs(one, there.key)):
                before = began.get(what, {})
                for kind in _in_advance(timing(one)):
                    found = self.early if before.get(kind) else self.late
                    found.setdefault(what, set()).add(kind)

    def _add(self, one: Attachment, owner_id: str, billed: Sequence[Billed]) -> None:
        what = charged(one, owner_id)
        if not isinstance(one, AttachedPlan) or not is_pooled(one):
            self.whole.setdefault(what, []).extend(billed)
            return
        settled = [each.span for each in billed if each.what == SETTLED]
        if one.child_billing is ChildBilling.CHILD:
            self.whole.setdefault(what, []).extend(each for each in billed if each.what != SETTLED)
            self.parts.setdefault(what, []).extend(settled)
            for member in one.members:
                kept = [span for span in member.kept if any(overlap(span, other) for other in settled)]
                self.parts.setdefault((*what[:2], member.account_id), []).extend(kept)
            return
        self.whole.setdefault(what, []).extend(billed)
        for member in one.members:
            mine = replace(member, away=joined([*member.away, *member.billed]))
            spans = [piece.span for span in settled for piece in pieces([mine], span)]
            self.parts.setdefault((*what[:2], member.account_id), []).extend(spans)

    def taken_off(self, one: Attachment, owner_id: str, day: date, zone: tzinfo) -> Attachment:
        """The plan or plan group with what others have of it, on the bill of `owner_id`."""
        what = charged(one, owner_id)
        billed = list(self.whole.get(what, ()))
        pool = isinstance(one, AttachedPlan) and is_pooled(one) and one.child_billing is not ChildBilling.CHILD
        if not pool:
            billed += (Billed(SETTLED, span) for span in self.parts.get(what, ()))
        late = tuple(sorted(self.late.get(what, set()) - self.early.get(what, set())))
        known = replace(one, billed=_after((*one.billed, *billed), one, day, zone), still_in_arrears=late)
        if isinstance(known, AttachedPlan):
            known = replace(known, members=tuple(self._still_kept(member, what) for member in known.members))
        if not pool or not isinstance(known, AttachedPlan):
            return known
        window = closing_window(one, day, zone)
        open_ = left(known.billed, SETTLED, window.span) if window else ()
        return replace(
            known,
            members=tuple(
                replace(member, billed=_inside(self.parts.get((*what[:2], member.account_id), ()), open_))
                for member in known.members
            ),
        )

    def _still_kept(self, member: Member, what: Charged) -> Member:
        """The member, whose own bill may have what this one would keep for it."""
        gone = joined(self.parts.get((*what[:2], member.account_id), ()))
        return replace(member, kept=tuple(part for span in member.kept for part in without(span, gone)))


def less_billed_already(
    bench: Reading,
    agreement: Agreement,
    lock_date: date | None,
    inputs: BillingInputs,
    watch: Watch,
    *,
    even_open: bool = False,
) -> BillingInputs:
    """`inputs` with what other bills have, and keep, of their plans and plan groups; `even_open`: with all that they have."""
    zone, day = inputs.terms.zone, inputs.key.day
    own_id = inputs.account.id
    span = _concerned(inputs.attached, day, zone)
    if span is None:
        return inputs
    kept, usual = _Kept(), _Usual.of(agreement, inputs)
    others = _others(bench, agreement, lock_date, inputs, usual, span, watch)
    finals = {one.header["id"] for one in others if is_final(bench, agreement.org_id, lock_date, one.header)}
    # What a final bill lacks of the period that it opened, another one of the family may have.
    family = any(one.header["id"] in finals and _retimed(one, _opened(one, inputs)) for one in others)
    for stored in others:
        final = stored.header["id"] in finals
        opened = _opened(stored, inputs, family=family)
        retimed = _retimed(stored, opened)
        if not retimed:
            kept.take_opened(opened)
        # Calculated again, it has what its own time has.
        again = not final and not even_open and usual.is_one(stored)
        if again and not retimed:
            continue
        there = read_record(bench.blobs, agreement.org_id, stored.header["id"], stored.private).inputs
        now = None if final or even_open else _agreement(agreement, stored)
        for one, billed in billed_by(there):
            what = charged(one, there.account.id)
            whole = not again and (now is None or not _is_made(now, stored, what, day))
            kept.take(one, there.account.id, billed, whole=whole, now=retimed.get(what))
        kept.take_retimed(retimed, there, for_good=final and there.account.id == own_id)
    if not kept:
        return inputs
    plans = tuple(kept.taken_off(one, own_id, day, zone) for one in inputs.plans)
    groups = tuple(kept.taken_off(one, own_id, day, zone) for one in inputs.groups)
    return replace(inputs, plans=plans, groups=groups)  # type: ignore[arg-type]


def _opened(stored: StoredBill, inputs: BillingInputs, *, family: bool = False) -> Mapping[Charged, Attachment]:
    """The plans of `inputs` whose period ends with them and began with that bill, if it was of them; `family`: on any account."""
    own_id, opening = inputs.account.id, key_of_stored(stored).day
    mine = family or stored.header["accountId"] == own_id
    if not mine or TIMING not in stored.private or opening >= inputs.key.day:
        return {}
    found = opened_by(inputs.attached, opening, inputs.key.day, inputs.terms.zone)
    return {charged(one, own_id): one for one in found}


def _retimed(stored: StoredBill, opened: Mapping[Charged, Attachment]) -> Mapping[Charged, Attachment]:
    """The plans that a bill `opened`, if it lacks any, or any charge of theirs is in advance, or in arrears, since."""
    now = {what: timing(one) for what, one in opened.items()}
    return opened if opened and stored.private[TIMING] != timing_digest(now) else {}


def _in_advance(timed: Mapping[str, bool]) -> Iterator[str]:
    return (kind for kind, early in timed.items() if early)


def _concerned(attached: Sequence[Attachment], day: date, zone: tzinfo) -> Instants | None:
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


@dataclass(frozen=True, slots=True)
class _Usual:
    """The bills that need not be read: what their time is follows from their ids, as things are.

    Nearly all bills of an account are of this kind and fall on a day on which every plan has one, or are of charges alone.
    """

    org_id: str
    key: BillKey
    zone: tzinfo
    attached: Sequence[Attachment]
    groupings: frozenset[str]

    @classmethod
    def of(cls, agreement: Agreement, inputs: BillingInputs) -> Self:
        """Those like the bill of `inputs`."""
        groupings = frozenset((inputs.key.grouping, *_groupings(agreement)))
        return cls(agreement.org_id, inputs.key, inputs.terms.zone, inputs.attached, groupings)

    @property
    def calendars(self) -> frozenset[Calendar]:
        """Those of the plans."""
        return frozenset(one.calendar for one in self.attached)

    def is_one(self, stored: StoredBill) -> bool:
        """Whether it is such a bill, and of a day of any of the plans: one that began later once left its first bill behind."""
        id_ = stored.header["id"]
        made = any(_is_made_again(one, day_of(id_), self.zone) for one in self.attached)
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


def _others(
    bench: Reading,
    agreement: Agreement,
    lock_date: date | None,
    inputs: BillingInputs,
    usual: _Usual,
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
    # Those of any day may have had a standing charge for several periods; of a thousand children they would be too many.
    standing = [one for one in usual.attached if one.standing.amount]
    several = any(one.standing.interval > 1 for one in standing)
    reaching = frozenset(
        (family.accounts if several else family.watched) if _edited(agreement, standing, since) else ()
    )
    for account_id in family.accounts:
        far = account_id in reaching
        for id_ in bench.stores.bills.ids_between(org_id, account_id, days):
            if id_ == inputs.bill_id or usual.is_of_charges(id_, account_id):
                continue
            if far or day_of(id_) in near or not usual.has(id_, account_id):
                wanted.append(id_)

    def read() -> list[StoredBill]:
        found = bench.stores.bills.get_many_stored(org_id, wanted) if wanted else ()
        return [
            stored
            for stored in found
            if RECORD in stored.private and (_may_have(stored, span) or _retimed(stored, _opened(stored, inputs)))
        ]

    found = read()
    if all(is_final(bench, org_id, lock_date, stored.header) for stored in found):
        return found
    watch.over(family.watched)  # before they are read for good: what is open then stays so until the bill is stored
    return read()


def _edited(agreement: Agreement, attached: Sequence[Attachment], since: date) -> bool:
    """Whether any of the plans may have had other terms on a bill of `since` or later: what it is made of was changed then."""
    catalogue, zone = agreement.catalogue, agreement.terms.zone
    plans = catalogue.many("plan", (one.plan_id for one in attached if isinstance(one, AttachedPlan)))
    templates = catalogue.many("planTemplate", (plan["planTemplateId"] for plan in plans))
    groups = catalogue.many("planGroup", (one.plan_group_id for one in attached))
    return any(
        one["version"] > 1 and local_day(instants.from_text(one["dtLastModified"]), zone) >= since
        for one in (*plans, *templates, *groups)
    )


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


def is_final(bench: Reading, org_id: str, lock_date: date | None, header: Document) -> bool:
    """Whether a stored bill is not calculated any more."""
    return state_of(header).is_locked(lock_date) or bool(bills_that_correct(bench.stores, org_id, header["id"]))


def _agreement(agreement: Agreement, stored: StoredBill) -> Agreement:
    """The agreement with the account of a bill."""
    owner_id = stored.header["accountId"]
    if owner_id == agreement.account["id"]:
        return agreement
    catalogue = agreement.catalogue
    return gather(catalogue, catalogue.one("account", owner_id), Overrides.from_text(stored.private.get("overrides")))


def _is_made(agreement: Agreement, stored: StoredBill, what: Charged, day: date) -> bool:
    """Whether the bill will be made without the plan, or with its own time of it alone.

    One of the same day is, when a run over the day makes it again; one of another day, when it is a bill of the plan.
    """
    key, zone, owner_id = key_of_stored(stored), agreement.terms.zone, stored.header["accountId"]
    mine = agreement.attached_to(key)
    if key.day != day:
        return any(charged(one, owner_id) == what and is_served(one, key.day, zone) for one in mine)
    again = any(_is_made_again(one, key.day, zone) for one in mine)
    return again or any(plan.key(key.day) == key for plan in agreement.fees.plans)


def _is_made_again(one: Attachment, day: date, zone: tzinfo) -> bool:
    """What opens service with a period is made only if it is missing."""
    opens = opening_day(one, zone) == day and not one.calendar.is_boundary(day)
    return closing_window(one, day, zone) is not None or (opens and charges_in_advance(one))


def _after(billed: Sequence[Billed], one: Attachment, day: date, zone: tzinfo) -> tuple[Billed, ...]:
    """Without what was over before the bill's time."""
    span = _concerned([one], day, zone)
    found = (each for each in billed if span and each.span.end > span.start)
    return tuple(sorted(found, key=lambda each: (each.span.start, each.what, each.span.end, each.amount)))


def _inside(spans: Sequence[Instants], open_: Sequence[Instants]) -> tuple[Instants, ...]:
    return joined([span for span in spans if any(overlap(span, other) for other in open_)])

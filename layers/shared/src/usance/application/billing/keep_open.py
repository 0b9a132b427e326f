"""What an open bill keeps although settings give it to another bill: time that the other one cannot take any more.

A bill gives time up when the bill on which it falls now can still be calculated. Where that one is final, nobody would be
billed for it: then the bill that has the time keeps it, through every calculation, for as long as that is so.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from usance.application.billing.billed_already import less_billed_already
from usance.application.billing.families import part_of
from usance.application.billing.family_guards import Watch
from usance.application.billing.gather import Agreement, bill_id, gather
from usance.application.billing.other_bills import Reading, is_final
from usance.application.billing.overrides import Overrides
from usance.application.billing.records.record import RECORD, read_record
from usance.application.billing.whose_plan import PLANS, Charged, charged, is_pooled, plans_digest
from usance.application.ports.bills import StoredBill
from usance.domain.billing.attached import AttachedGroup, AttachedPlan, Attachment
from usance.domain.billing.bill_key import BillFrequency
from usance.domain.billing.billed import SETTLED, Billed
from usance.domain.billing.due import key_of
from usance.domain.billing.inputs import BillingInputs
from usance.domain.billing.pipeline import billed_by
from usance.domain.billing.places import days_billed
from usance.domain.billing.pool import ChildBilling, Member
from usance.domain.billing.served import in_advance
from usance.domain.billing.windows import closing_window, starting_window
from usance.domain.kernel.period import Instants, joined, overlap, without
from usance.domain.kernel.quantity import ZERO
from usance.domain.kernel.timezones import local_day


def left_to_bill(
    bench: Reading,
    agreement: Agreement,
    lock_date: date | None,
    due: BillingInputs,
    stored: StoredBill | None,
    watch: Watch,
) -> BillingInputs:
    """What a bill is decided from that settings give `due`, and that is `stored` now: with what it keeps, less what others keep."""
    if stored is not None and RECORD in stored.private and stored.private.get(PLANS) != plans_digest(due):
        overrides = Overrides.from_text(stored.private.get("overrides"))
        due = _Places(bench, agreement, lock_date, due, overrides, watch).with_kept(stored)
    return less_billed_already(bench, agreement, lock_date, due, watch)


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the time that a bill has is billed as settings are now, and whether it still can be."""

    bench: Reading
    agreement: Agreement
    lock_date: date | None
    due: BillingInputs
    overrides: Overrides
    watch: Watch

    def with_kept(self, stored: StoredBill) -> BillingInputs:
        """What settings give the bill, with what it keeps."""
        due = self.due
        there = read_record(self.bench.blobs, self.agreement.org_id, due.bill_id, stored.private).inputs
        now = {charged(one, due.account.id): one for one in (*due.plans, *due.groups)}
        kept: list[Attachment] = []
        for one, billed in billed_by(there):
            what = charged(one, due.account.id)
            if what not in now:
                kept += self.kept(one, what, billed)
            elif isinstance(one, AttachedPlan) and is_pooled(one):
                now[what] = self.with_parts(now[what], one, what, billed)
        if not kept and list(now.values()) == [*due.plans, *due.groups]:
            return due
        attached = (*now.values(), *kept)
        return replace(
            due,
            plans=tuple(one for one in attached if isinstance(one, AttachedPlan)),
            groups=tuple(one for one in attached if isinstance(one, AttachedGroup)),
            products={**there.products, **due.products},
        )

    def kept(self, one: Attachment, what: Charged, billed: Sequence[Billed]) -> Iterator[Attachment]:
        """The plan as the bill keeps it; none when it keeps nothing of it."""
        found = self._found(what)
        if found is None:
            return
        there, now = found
        stuck = self._stuck(there, now, billed)
        if not stuck:
            return
        if isinstance(now, AttachedPlan) and isinstance(one, AttachedPlan):
            if is_pooled(now) and one.child_billing is ChildBilling.CHILD and what[2] != there.account["id"]:
                now = replace(part_of(now), child_billing=ChildBilling.CHILD)  # the part of a child that pays itself
            elif not is_pooled(now):
                now = replace(now, members=one.members, child_billing=one.child_billing)
        mine = replace(now, calendar=one.calendar, grouping=one.grouping, child=one.child)
        yield replace(mine, billed=self._elsewhere(mine, billed, stuck))

    def with_parts(self, now: Attachment, one: AttachedPlan, what: Charged, billed: Sequence[Billed]) -> Attachment:
        """The pool `now`, of which the bill keeps the parts of accounts that pay for themselves since, and cannot."""
        if not isinstance(now, AttachedPlan) or now.child_billing is not ChildBilling.CHILD:
            return now
        before = {member.account_id: member for member in one.members}
        members = [
            replace(member, kept=self._part(one, before[member.account_id], what, billed))
            if member.child and member.account_id in before
            else member
            for member in now.members
        ]
        return replace(now, members=tuple(members))

    def _part(self, one: AttachedPlan, member: Member, what: Charged, billed: Sequence[Billed]) -> tuple[Instants, ...]:
        """The time of a member's part that the bill has of the pool, and keeps."""
        spans = [each.span for each in billed if each.what == SETTLED]
        if one.child_billing is ChildBilling.CHILD:
            had = [span for span in member.kept if any(overlap(span, each) for each in spans)]
        else:
            away = joined([*member.away, *member.billed])
            had = [part for span in spans for part in without(span, away)]
        found = self._found((what[0], what[1], member.account_id)) if had else None
        if found is None:
            return ()
        stuck = self._stuck(*found, [Billed(SETTLED, span) for span in had])
        return joined([each.span for each in stuck])

    def _found(self, what: Charged) -> tuple[Agreement, Attachment] | None:
        """The plan as it is billed now, with the agreement of whoever pays for it; None when nobody has it any more."""
        catalogue = self.agreement.catalogue
        owners = catalogue.many("account", [what[2]])
        parents = catalogue.many("account", [owner.get("parentAccountId") for owner in owners])
        for account in (*owners, *parents):
            there = self._agreement(account)
            for one in there.attached:
                if charged(one, account["id"]) == what or _has_part(one, account["id"], what):
                    return there, one
        return None

    def _agreement(self, account: Mapping[str, str]) -> Agreement:
        if account["id"] == self.agreement.account["id"]:
            return self.agreement
        return gather(self.agreement.catalogue, dict(account), self.overrides)

    def _stuck(self, there: Agreement, now: Attachment, billed: Sequence[Billed]) -> Sequence[Billed]:
        """What of `billed` falls on bills that are final."""
        zone = there.terms.zone
        return [
            Billed(each.what, part)
            for each in billed
            if each.amount >= ZERO
            for part, day in days_billed(now, each.what, each.span, zone)
            if self._is_over(there, now, day) and not self._is_made_up_for(there, now, each.what, day)
        ]

    def _is_made_up_for(self, there: Agreement, now: Attachment, what: str, opening: date) -> bool:
        """Whether what this bill charges as a period ends, since that of `opening` did not, goes to another one that ends it."""
        day, zone = self.due.key.day, there.terms.zone
        closing = closing_window(now, day, zone) if what in in_advance(now) else None
        ends = closing is not None and local_day(closing.span.start, zone) == opening
        return ends and not self._is_over(there, now, day)

    def _is_over(self, there: Agreement, now: Attachment, day: date) -> bool:
        """Whether the bill that `now` is on, on `day`, is another one and cannot be calculated any more."""
        key = key_of(now, day)
        account_id, org_id = there.account["id"], there.org_id
        ids = [
            bill_id(org_id, account_id, one) for one in (key, replace(key, frequency=BillFrequency.MIXED, interval=1))
        ]
        if self.due.bill_id in ids:
            return False
        self.watch.over([account_id])
        found = self.bench.stores.bills.get_many(org_id, ids)
        if not found:
            return self.lock_date is not None and day - timedelta(days=1) <= self.lock_date
        return is_final(self.bench, org_id, self.lock_date, found[0])

    def _elsewhere(self, mine: Attachment, billed: Sequence[Billed], stuck: Sequence[Billed]) -> tuple[Billed, ...]:
        """What of the plan's time on this bill is not kept, as if other bills had it."""
        day, zone = self.due.key.day, self.due.terms.zone
        early = frozenset(in_advance(mine))
        kinds = {SETTLED, *(each.what for each in billed), *early}
        found: list[Billed] = []
        if opening := starting_window(mine, day, zone):
            found += (gone for what in early for gone in _rest(what, [opening.span], stuck))
        if closing := closing_window(mine, day, zone):
            found += (gone for what in kinds - early for gone in _rest(what, [closing.span], stuck))
            made_up = [each for each in billed if each.what in early and overlap(each.span, closing.span)]
            found += (gone for each in made_up for gone in _rest(each.what, [each.span], stuck))
        return tuple(found)


def _rest(what: str, spans: Sequence[Instants], stuck: Sequence[Billed]) -> Iterator[Billed]:
    gone = joined([each.span for each in stuck if each.what == what])
    return (Billed(what, part) for span in spans for part in without(span, gone))


def _has_part(one: Attachment, account_id: str, what: Charged) -> bool:
    """Whether it is the pool, paid for by `account_id`, in which `what` names the part of a child."""
    if not isinstance(one, AttachedPlan) or not is_pooled(one) or one.child_billing is ChildBilling.CHILD:
        return False
    return charged(one, account_id)[:2] == what[:2] and any(member.account_id == what[2] for member in one.members)

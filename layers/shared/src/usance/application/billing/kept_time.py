"""What other bills keep of plans: whole, by parts of accounts, and charged in advance or left to the end of a period."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, tzinfo

from usance.application.billing.other_bills import concerned
from usance.application.billing.whose_plan import Charged, begun, charged, is_pooled
from usance.domain.billing.attached import AttachedPlan, Attachment
from usance.domain.billing.billed import SETTLED, Billed, left
from usance.domain.billing.due import belongs
from usance.domain.billing.inputs import BillingInputs
from usance.domain.billing.pool import ChildBilling, Member, pieces
from usance.domain.billing.served import timing
from usance.domain.billing.windows import closing_window
from usance.domain.kernel.period import Instants, joined, overlap, without


@dataclass(frozen=True, slots=True)
class KeptTime:
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
            self.early.setdefault(what, set()).update(_early(timing(one)))

    def take_retimed(self, opened: Mapping[Charged, Attachment], there: BillingInputs, *, for_good: bool) -> None:
        """The plans whose period a bill opened otherwise; if it is as it is `for_good`, it left those that it lacks, too."""
        began = begun(there)
        for what, one in opened.items():
            if what in began or (for_good and belongs(one, there.key)):
                before = began.get(what, {})
                for kind in _early(timing(one)):
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


def _early(timed: Mapping[str, bool]) -> Iterator[str]:
    return (kind for kind, early in timed.items() if early)


def _after(billed: Sequence[Billed], one: Attachment, day: date, zone: tzinfo) -> tuple[Billed, ...]:
    """Without what was over before the bill's time."""
    span = concerned([one], day, zone)
    found = (each for each in billed if span and each.span.end > span.start)
    return tuple(sorted(found, key=lambda each: (each.span.start, each.what, each.span.end, each.amount)))


def _inside(spans: Sequence[Instants], open_: Sequence[Instants]) -> tuple[Instants, ...]:
    return joined([span for span in spans if any(overlap(span, other) for other in open_)])

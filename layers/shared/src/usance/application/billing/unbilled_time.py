"""Time of plans that belongs to a final bill and is on no bill at all, for a run to tell of (billing.md 12.7)."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from typing import Self

from usance.application.billing.billed_already import less_billed_already
from usance.application.billing.family_guards import Watch
from usance.application.billing.gather import Agreement
from usance.application.billing.other_bills import Reading
from usance.application.billing.records.record import RECORD, read_record
from usance.application.billing.whose_plan import Charged, begun, charged, covers
from usance.application.ports.bills import StoredBill
from usance.domain.billing.attached import Attachment
from usance.domain.billing.billed import SETTLED, Billed, left
from usance.domain.billing.inputs import BillingInputs
from usance.domain.billing.pipeline import billed_by
from usance.domain.billing.served import timing
from usance.domain.billing.windows import starting_window
from usance.domain.kernel.period import Instants, joined
from usance.domain.kernel.quantity import ZERO
from usance.domain.kernel.timezones import local_day


def unbilled_time(
    bench: Reading, agreement: Agreement, lock_date: date | None, due: BillingInputs, stored: StoredBill
) -> Sequence[str]:
    """A sentence for each account plan of which the bill would have more, were it not final, that no other bill has either.

    `due` is what the settings give the bill. Nothing is read where it is of the same plans and time as the bill.
    """
    usual = covers(due)
    if RECORD not in stored.private or all(stored.private.get(name) == text for name, text in usual.items()):
        return ()
    had = _Had.by(read_record(bench.blobs, agreement.org_id, due.bill_id, stored.private).inputs)
    watch = Watch(bench.stores.entities, agreement.org_id)
    others = less_billed_already(bench, agreement, lock_date, due, watch, even_open=True)
    zone, sentences = due.terms.zone, []
    for one, billed in billed_by(others):
        gone = [span for each in billed if each.amount >= ZERO for span in had.lacks(one, each, due)]
        spans = ", ".join(f"{local_day(span.start, zone)} to {local_day(span.end, zone)}" for span in joined(gone))
        if spans:
            sentences.append(
                f"the bill {due.bill_id} is final and lacks time of the account plan {one.account_plan_id} that is on no bill: "
                f"{spans}; bill it by a charge"
            )
    return sentences


@dataclass(frozen=True, slots=True)
class _Had:
    """What a bill was made of, by plan: what it has, the kinds of charge that there were, and which it left to the next bill."""

    billed: Mapping[Charged, Sequence[Billed]]
    kinds: Mapping[Charged, AbstractSet[str]]
    begun: Mapping[Charged, Mapping[str, bool]]

    @classmethod
    def by(cls, there: BillingInputs) -> Self:
        billed: dict[Charged, list[Billed]] = {}
        for one, spans in billed_by(there):
            billed.setdefault(charged(one, there.account.id), []).extend(spans)
        kinds = {charged(one, there.account.id): {SETTLED, *timing(one)} for one in there.attached}
        return cls(billed, kinds, begun(there))

    def lacks(self, one: Attachment, each: Billed, due: BillingInputs) -> Sequence[Instants]:
        """What it lacks of a charge that is due for the plan or plan group."""
        what = charged(one, due.account.id)
        if what in self.kinds and each.what not in self.kinds[what]:
            return ()  # there was no such charge then
        opening = starting_window(one, due.key.day, due.terms.zone)
        begins = opening is not None and each.what != SETTLED and each.span.start >= opening.span.start
        if begins and not self.begun.get(what, {}).get(each.what):
            return ()  # it left that to the bill which ends the period
        return left(self.billed.get(what, ()), each.what, each.span)

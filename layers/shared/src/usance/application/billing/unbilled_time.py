"""Time of plans that belongs to a final bill and is on no bill at all, for a run to tell of (billing.md 12.7)."""

from collections.abc import Sequence
from datetime import date

from usance.application.billing.billed_already import Reading, less_billed_already
from usance.application.billing.family_guards import Watch
from usance.application.billing.gather import Agreement
from usance.application.billing.records.record import RECORD, read_record
from usance.application.billing.whose_plan import begun, charged, covers
from usance.application.ports.bills import StoredBill
from usance.domain.billing.attached import Attachment
from usance.domain.billing.billed import SETTLED, Billed, left
from usance.domain.billing.inputs import BillingInputs
from usance.domain.billing.pipeline import billed_by
from usance.domain.billing.windows import starting_window
from usance.domain.kernel.period import joined
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
    there = read_record(bench.blobs, agreement.org_id, due.bill_id, stored.private).inputs
    mine: dict[object, list[Billed]] = {}
    for one, billed in billed_by(there):
        mine.setdefault(charged(one, due.account.id), []).extend(billed)
    watch = Watch(bench.stores.entities, agreement.org_id)
    others = less_billed_already(bench, agreement, lock_date, due, watch, even_open=True)
    zone, sentences = due.terms.zone, []
    began = begun(there)

    def is_made_up_for(one: Attachment, each: Billed) -> bool:
        """What the bill left of the period that begins with it, the one that ends the period charges."""
        opening = starting_window(one, due.key.day, zone)
        begins = opening is not None and each.what != SETTLED and each.span.start >= opening.span.start
        return begins and not began.get(charged(one, due.account.id), {}).get(each.what)

    for one, billed in billed_by(others):
        had = mine.get(charged(one, due.account.id), ())
        owed = [each for each in billed if each.amount >= ZERO and not is_made_up_for(one, each)]
        gone = [span for each in owed for span in left(had, each.what, each.span)]
        spans = ", ".join(f"{local_day(span.start, zone)} to {local_day(span.end, zone)}" for span in joined(gone))
        if spans:
            sentences.append(
                f"the bill {due.bill_id} is final and lacks time of the account plan {one.account_plan_id} that is on no bill: "
                f"{spans}; bill it by a charge"
            )
    return sentences

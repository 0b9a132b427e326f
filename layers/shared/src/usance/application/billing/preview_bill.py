"""A bill as it would be, without storing anything (billing.md 12.8)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from usance.application.access.authorize import require, require_some
from usance.application.billing.bill_reading import LINES_PER_ANSWER_MAX, TYPE
from usance.application.billing.billed_fees import with_late_fees
from usance.application.billing.catalogue import Catalogue
from usance.application.billing.consolidation import billed_inputs, consolidated
from usance.application.billing.credits.book import read_book
from usance.application.billing.credits.ledger import Drawn
from usance.application.billing.documents import header_of, line_items_of
from usance.application.billing.family_guards import Watch
from usance.application.billing.gather import Agreement, gather
from usance.application.billing.jobs import last_billed_day
from usance.application.billing.keep_open import left_to_bill
from usance.application.billing.lock_date import read_lock_date
from usance.application.billing.memos.lines import appended, as_shown, memos_of, total_of, under
from usance.application.billing.overrides import Overrides
from usance.application.billing.read_usage import read_usage
from usance.application.billing.stores import BillingStores
from usance.application.ports.blobs import BlobStore
from usance.application.ports.usage_log import UsageReader
from usance.domain.access import Action, Caller
from usance.domain.billing.bill_key import BillFrequency, BillKey
from usance.domain.billing.inputs import BillingInputs
from usance.domain.billing.lifecycle import BillStatus
from usance.domain.billing.memos import sum_of
from usance.domain.billing.pipeline import decide, plan_usage, serves
from usance.domain.billing.usage import UsageValues
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.quantity import PRECISION_DIGITS
from usance.resources.wire import Document


@dataclass(frozen=True, slots=True)
class Previewing:
    """What a preview reads."""

    stores: BillingStores
    usage: UsageReader
    blobs: BlobStore


def preview_bill(bench: Previewing, caller: Caller, request: Document) -> Document:
    """The bill that a job with this request would make for its one account.

    `request` is a validated `BillPreviewRequest`. Of several such bills it is the one that ends the period. Raises
    `InvalidInputError` when no such bill is due, when it cannot be made, and when an answer does not hold it.
    """
    require_some(caller, Action.CONFIG_RETRIEVE, TYPE)
    [account_id] = request["accountIds"]
    require(caller, Action.CONFIG_RETRIEVE, "account", account_id)
    account = bench.stores.entities.get(caller.org_id, "account", account_id)
    if account is None:
        raise InvalidInputError(f"accountIds: there is no account {account_id}")
    overrides = Overrides.of_job(request)
    agreement = with_late_fees(
        bench.stores.bills, gather(Catalogue(bench.stores.entities, caller.org_id), account, overrides)
    )
    key = _key(bench, agreement, request)
    inputs = _inputs(bench, agreement, key)
    require(caller, Action.CONFIG_RETRIEVE, TYPE, inputs.bill_id)
    try:
        usage = read_usage(bench.usage, caller.org_id, account_id, plan_usage(inputs))
        draft = decide(_with_credits(bench, agreement, inputs, usage), usage)
    except ArithmeticError as beyond:  # its own text names nothing that a biller knows
        raise InvalidInputError(f"a quantity or an amount has more than {PRECISION_DIGITS} digits") from beyond
    header = header_of(draft)
    memos = _memos(bench, agreement, header["id"])
    lines = appended(line_items_of(draft), memos)
    if len(lines) > LINES_PER_ANSWER_MAX:
        raise InvalidInputError(
            f"the bill would have {len(lines)} line items, more than one answer holds; make it with a bill job"
        )
    return {
        "orgId": caller.org_id,
        **header,
        "billTotal": sum_of([header["billTotal"], total_of(memos) if memos else Decimal(0)]),
        "status": BillStatus.PENDING.value,
        "locked": False,
        "lineItems": [as_shown(line) for line in lines],
    }


def _key(bench: Previewing, agreement: Agreement, request: Document) -> BillKey:
    """The bill of the period that holds lastDateInBillingPeriod, or the day before billDate or today."""
    zone = agreement.terms.zone
    last_day = last_billed_day(request, bench.stores.clock.now(), zone)
    if request["billingFrequency"] == BillFrequency.AD_HOC:
        own = BillKey(BillFrequency.AD_HOC, 1, last_day + timedelta(days=1))
        alone = agreement.inputs(own)
        if alone.charges or alone.fees:
            return own
        raise InvalidInputError(
            f"billingFrequency: the account {agreement.account['id']} has no charge or fee for a bill of its own on {own.day}"
        )
    wanted = (request["billingFrequency"], int(request["billFrequencyInterval"]))
    due = [
        one
        for one in agreement.due(last_day)
        if (one.key.frequency, one.key.interval) == wanted and not one.only_if_there
    ]
    if not due:
        raise InvalidInputError(
            f"billingFrequency: the account {agreement.account['id']} has no bill every {wanted[1]} {wanted[0]} on {last_day}"
        )
    due = [*consolidated(bench.stores.bills, agreement, due)]
    return max(due, key=lambda one: (not one.opens, one.key.day, not one.key.grouping)).key


def _inputs(bench: Previewing, agreement: Agreement, key: BillKey) -> BillingInputs:
    """What a job would decide the bill from: without what other bills have, and keep."""
    due = billed_inputs(bench.stores.bills, agreement, key).inputs
    stored = bench.stores.bills.get_stored(agreement.org_id, due.bill_id)
    lock_date = read_lock_date(bench.stores.entities, agreement.org_id)
    watch = Watch(bench.stores.entities, agreement.org_id)
    left = left_to_bill(bench, agreement, lock_date, due, stored, watch)
    if due.plans and not serves(left):
        raise InvalidInputError(f"lastDateInBillingPeriod: other bills of {key.day} have all that is due, and keep it")
    return left


def _with_credits(bench: Previewing, agreement: Agreement, inputs: BillingInputs, usage: UsageValues) -> BillingInputs:
    """`inputs` with what the account's credits have left; a preview says what it would draw, and draws nothing."""
    stored = bench.stores.bills.get_stored(agreement.org_id, inputs.bill_id)
    drawn = Drawn.of(stored.private) if stored else Drawn()
    return read_book(agreement.catalogue, agreement.account, drawn, inputs, usage).given_to(inputs)


def _memos(bench: Previewing, agreement: Agreement, bill_id: str) -> Sequence[Document]:
    """What people added to the bill as it is stored: it stays through every calculation."""
    items = bench.stores.bills.line_items(agreement.org_id, bill_id)
    return [under(agreement.terms, memo) for memo in memos_of(items)]

"""What usage the line items of a bill price: counted how, and whose where accounts have parents or children (billing.md 5.2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from usance.application.billing.records.record import RECORD, read_record
from usance.application.ports.bills import BillRepository, StoredBill
from usance.application.ports.blobs import BlobStore
from usance.application.statements.usage import Priced, Source
from usance.domain.billing.attached import AttachedPlan
from usance.domain.billing.pipeline import plan_usage
from usance.domain.billing.pool import Member, Piece
from usance.domain.billing.pricings import Aggregation, Pricing
from usance.domain.billing.usage import UsageQuery, usage_queries
from usance.domain.kernel.errors import InvalidInputError, NotFoundError, VersionConflictError
from usance.domain.kernel.period import Instants
from usance.resources.wire import Document

_Attached = tuple[AttachedPlan, Pricing]


@dataclass(frozen=True, slots=True)
class PricedUsage:
    """The pricings of a bill as it was calculated, by id, and what was asked of usage for it; neither without a record."""

    pricings: Mapping[str, Sequence[_Attached]] = field(default_factory=dict)
    asked: frozenset[UsageQuery] = frozenset()

    def __call__(self, item: Document, account_id: str, span: Instants) -> Priced | None:
        """The usage of `span` that a line item prices, which names an account or stands on the bill of `account_id`.

        That is the account's, or that of every account that plans rate together for it. None where the record does not tell.
        """
        found = [
            (plan, pricing, query)
            for plan, pricing in self.pricings.get(item.get("pricingId", ""), ())
            if _may_charge(plan, item, account_id)
            for query in usage_queries(plan, pricing, span, _member(plan, account_id))
            if query in self.asked
        ]
        pieces = dict.fromkeys(piece for _, _, query in found for piece in query.pieces or (Piece(account_id, span),))
        for plan, pricing, query in found:
            if isinstance(pricing.aggregation, Aggregation):
                return Priced(pricing.aggregation, query.segment or (), Source(tuple(pieces), plan.filters))
        return None


def priced_usage(bills: BillRepository, blobs: BlobStore, org_id: str, bill: StoredBill) -> PricedUsage:
    """Of the lines of a bill, from the record of its calculation.

    `VersionConflictError` when the bill was calculated again since it was read, which removes its record.
    """
    if RECORD not in bill.private:
        return PricedUsage()
    bill_id = bill.header["id"]
    try:
        inputs = read_record(blobs, org_id, bill_id, bill.private).inputs
    except NotFoundError as gone:
        now = bills.get_stored(org_id, bill_id)
        if now is None:
            raise NotFoundError(f"there is no bill {bill_id}") from gone
        if now.private.get(RECORD) != bill.private[RECORD]:
            raise VersionConflictError(f"the bill {bill_id} is being calculated again; repeat the request") from gone
        raise InvalidInputError(f"the record of the bill {bill_id} is gone; calculate it again") from gone
    pricings: dict[str, list[_Attached]] = {}
    for plan in inputs.plans:
        for pricing in plan.pricings:
            pricings.setdefault(pricing.id, []).append((plan, pricing))
    return PricedUsage(pricings, frozenset(plan_usage(inputs)))


def _may_charge(plan: AttachedPlan, item: Document, account_id: str) -> bool:
    """A child's own plan charges for that child, unless a summary puts all together."""
    child = plan.origin.child
    return plan.contract_id == item.get("contractId") and (child is None or child.id == account_id)


def _member(plan: AttachedPlan, account_id: str) -> Member | None:
    return next((one for one in plan.members if plan.is_split and one.account_id == account_id), None)

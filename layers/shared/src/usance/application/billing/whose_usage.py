"""Whose usage the line items of a bill are about, where accounts have parents or children (billing.md 5.2)."""

from collections.abc import Sequence
from dataclasses import dataclass

from usance.application.billing.records.record import RECORD, read_record
from usance.application.ports.bills import StoredBill
from usance.application.ports.blobs import BlobStore
from usance.application.ports.entities import EntityRepository
from usance.domain.billing.attached import AttachedPlan
from usance.domain.billing.pipeline import plan_usage
from usance.domain.billing.pool import Member, Piece
from usance.domain.billing.usage import UsageQuery, usage_queries
from usance.domain.kernel.period import Instants
from usance.resources.wire import Document


@dataclass(frozen=True, slots=True)
class WhoseUsage:
    """The plans of a bill as it was calculated, and what was asked of usage for it; neither where accounts stand alone."""

    plans: Sequence[AttachedPlan] = ()
    asked: frozenset[UsageQuery] = frozenset()

    def __call__(self, item: Document, account_id: str, span: Instants) -> tuple[Piece, ...]:
        """The usage of `span` that a line item prices, which names an account or stands on the bill of `account_id`.

        That is the account's, or that of every account that plans rate together for it.
        """
        found = [
            piece
            for plan in self.plans
            if _may_charge(plan, item, account_id)
            for pricing in plan.pricings
            if pricing.id == item.get("pricingId")
            for query in usage_queries(plan, pricing, span, _member(plan, account_id))
            if query in self.asked
            for piece in query.pieces or ()
        ]
        return tuple(dict.fromkeys(found)) or (Piece(account_id, span),)


def whose_usage(entities: EntityRepository, blobs: BlobStore, org_id: str, bill: StoredBill) -> WhoseUsage:
    """Of the lines of a bill, from the record of its calculation; without one they are about the accounts they name."""
    if RECORD not in bill.private or not _has_family(entities, org_id, bill.header["accountId"]):
        return WhoseUsage()
    inputs = read_record(blobs, org_id, bill.header["id"], bill.private).inputs
    return WhoseUsage(inputs.plans, frozenset(plan_usage(inputs)))


def _has_family(entities: EntityRepository, org_id: str, account_id: str) -> bool:
    account = entities.get(org_id, "account", account_id) or {}
    children = {"parentAccountId": [account_id]}
    return bool(
        account.get("parentAccountId") or entities.list_page(org_id, "account", filters=children, page_size=1).data
    )


def _may_charge(plan: AttachedPlan, item: Document, account_id: str) -> bool:
    """A child's own plan charges for that child, unless a summary puts all together."""
    child = plan.origin.child
    return plan.contract_id == item.get("contractId") and (child is None or child.id == account_id)


def _member(plan: AttachedPlan, account_id: str) -> Member | None:
    return next((one for one in plan.members if plan.is_split and one.account_id == account_id), None)

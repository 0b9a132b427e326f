"""From commitments and balances as they are stored to credits that a bill may draw on (billing.md 8.1, 9.1)."""

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from decimal import Decimal
from typing import Final

from usance.application.billing.values import instant
from usance.domain.billing.credit import Credit, CreditKind, Rollover
from usance.domain.kernel.period import Instants
from usance.domain.kernel.quantity import EXACT, ZERO
from usance.resources.wire import Document

_TYPES: Final = frozenset(
    {"STANDING_CHARGE", "USAGE", "MINIMUM_SPEND", "COUNTER_RUNNING_TOTAL_CHARGE", "COUNTER_ADJUSTMENT_DEBIT"}
)
DRAWABLE: Final[Mapping[CreditKind, frozenset[str]]] = {
    CreditKind.PREPAYMENT: _TYPES,
    CreditKind.BALANCE: _TYPES | {"AD_HOC"},
}
"""What a credit pays for when its lineItemTypes are empty."""


def commitment_of(document: Document, drawn: Decimal, zone: tzinfo) -> Credit:
    """A commitment; `drawn` is what the bill to decide took off it before."""
    spent = EXACT.subtract(document.get("amountSpent", ZERO), drawn)
    return Credit(
        kind=CreditKind.PREPAYMENT,
        id=document["id"],
        currency=document["currency"],
        span=Instants(instant(document["startDate"], zone), instant(document["endDate"], zone)),
        left=EXACT.subtract(document["amount"], spent),
        line_item_types=_types(document, CreditKind.PREPAYMENT),
        product_ids=frozenset(document.get("productIds") or ()),
        contract_id=document.get("contractId"),
        surcharge_percent=Decimal(document.get("overageSurchargePercent") or 0),
        separate_overage=bool(document.get("separateOverageUsage")),
        summary=document.get("childBillingMode") == "PARENT_SUMMARY",
        draw_description=document.get("commitmentUsageDescription"),
        overage_description=document.get("overageDescription"),
        accounting_product_ids=(document.get("drawdownsAccountingProductId"), document.get("accountingProductId")),
    )


def balance_of(
    document: Document, drawn: Decimal, later: Sequence[Document], zone: tzinfo, *, negative_allowed: bool
) -> Credit:
    """A balance; `drawn` is what the bill to decide took off it before.

    `later` are its transactions from its end on, but for those of that bill; they matter when part of it rolls over.
    """
    rollover = None
    if rolls_until := document.get("rolloverEndDate"):
        amount = document.get("rolloverAmount")
        moved = sum((transaction["amount"] for transaction in later), ZERO)
        rollover = Rollover(instant(rolls_until, zone), None if amount is None else EXACT.add(amount, moved))
    return Credit(
        kind=CreditKind.BALANCE,
        id=document["id"],
        currency=document["currency"],
        span=Instants(instant(document["startDate"], zone), instant(document["endDate"], zone)),
        left=EXACT.add(document["amount"], drawn),
        line_item_types=_types(document, CreditKind.BALANCE),
        product_ids=frozenset(document.get("productIds") or ()),
        contract_id=document.get("contractId"),
        rollover=rollover,
        overdraft=negative_allowed or bool(document.get("allowOverdraft")),
        surcharge_percent=Decimal(document.get("overageSurchargePercent") or 0),
        draw_description=document.get("balanceDrawDownDescription"),
        overage_description=document.get("overageDescription"),
        accounting_product_ids=(document.get("consumptionsAccountingProductId"),),
    )


def _types(document: Document, kind: CreditKind) -> frozenset[str]:
    return frozenset(document.get("lineItemTypes") or DRAWABLE[kind])

"""The nouns that exports of entities name (metering.md 8.2, 8.3)."""

from collections.abc import Mapping
from typing import Final

BANDS: Final = "pricingBand"
BILL: Final = "bill"
LINES: Final = "billLineItem"
_TYPES: Final[Mapping[str, str]] = {
    "BILLS": BILL,
    "COMMITMENTS": "commitment",
    "ACCOUNTS": "account",
    "BALANCES": "balance",
    "CONTRACTS": "contract",
    "ACCOUNT_PLANS": "accountPlan",
    "AGGREGATIONS": "aggregation",
    "PLANS": "plan",
    "PRICING": "pricing",
    "PRICING_BANDS": BANDS,
    "BILL_LINE_ITEMS": LINES,
    "METERS": "meter",
    "PRODUCTS": "product",
    "COMPOUND_AGGREGATIONS": "compoundAggregation",
    "PLAN_GROUPS": "planGroup",
    "PLAN_GROUP_LINKS": "planGroupLink",
    "PLAN_TEMPLATES": "planTemplate",
    "BALANCE_TRANSACTIONS": "balanceTransaction",
    "TRANSACTION_TYPES": "transactionType",
    "CHARGES": "charge",
}
_HOLDERS: Final[Mapping[str, str]] = {LINES: BILL, BANDS: "pricing", "balanceTransaction": "balance"}


def type_of(name: str) -> str:
    """The noun of an `operationalDataTypes` name, such as `account` of `ACCOUNTS`."""
    return _TYPES[name]


def holder_of(type_: str) -> str | None:
    """The noun that those of a type lie in, so that whoever exports these shows some of that too; None for most."""
    return _HOLDERS.get(type_)

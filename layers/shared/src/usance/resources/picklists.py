"""Picklists of the organization: reasons of credits and debits, types of transactions, keys that group bills."""

from typing import Final

from usance.resources.fields import Identifier, Name, Noun
from usance.resources.resource import IDS, Dependant, Filter, Index, Model, Resource


class PicklistItem(Noun):
    """An item of a picklist. An archived one is kept for what names it already."""

    name: Name
    code: Identifier | None = None
    archived: bool = False


class CreditReason(PicklistItem):
    """Why a credit line item was added to a bill."""


class DebitReason(PicklistItem):
    """Why a debit line item was added to a bill."""


class TransactionType(PicklistItem):
    """What a transaction on a balance is, such as a purchase or a refund."""


class BillGroupingKey(PicklistItem):
    """What makes bills of contracts: an exclusive key one for each contract, another one for all that share it."""

    exclusive: bool


def _picklist(type_: str, path: str, model: Model, title: str, *dependants: Dependant) -> Resource:
    plural = path.removeprefix("picklists/")
    return Resource(
        type=type_,
        path=path,
        model=model,
        title=title,
        unique=("code",),
        indexes=(Index("code"), Index("archived")),
        filters=(
            IDS,
            Filter("codes", "code", f"Only the {plural} with these codes.", many=True),
            Filter("archived", "archived", "Only the archived ones, or only those that are not.", boolean=True),
        ),
        dependants=dependants,
    )


CREDIT_REASON: Final = _picklist("creditReason", "picklists/creditreasons", CreditReason, "Credit reason")
DEBIT_REASON: Final = _picklist("debitReason", "picklists/debitreasons", DebitReason, "Debit reason")
TRANSACTION_TYPE: Final = _picklist(
    "transactionType",
    "picklists/transactiontypes",
    TransactionType,
    "Transaction type",
    Dependant("balanceTransaction", "transactionTypeId"),
    Dependant("balanceTransactionSchedule", "transactionTypeId"),
)
BILL_GROUPING_KEY: Final = _picklist(
    "billGroupingKey",
    "picklists/billgroupingkeys",
    BillGroupingKey,
    "Bill grouping key",
    Dependant("contract", "billGroupingKeyId"),
)

"""The credits that a bill may draw on, as of now."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Final

from usance.application.billing.catalogue import Catalogue
from usance.application.billing.convert import product_of
from usance.application.billing.credits.convert import balance_of, commitment_of
from usance.application.billing.credits.ledger import Drawn
from usance.application.billing.credits.on_record import Standing, read_standing
from usance.application.billing.families import children_of
from usance.application.billing.values import instant
from usance.application.ports.entities import EntityRepository
from usance.domain.billing.credit import Credit, CreditKind
from usance.domain.billing.inputs import BillingInputs
from usance.domain.billing.pipeline import charged_time
from usance.domain.billing.usage import UsageValues
from usance.domain.catalog.balances import DRAW_DOWN
from usance.resources.balance import BALANCE
from usance.resources.balance_transaction import BALANCE_TRANSACTION
from usance.resources.commitment import COMMITMENT
from usance.resources.wire import Document

DEFAULT_ORDER: Final = (CreditKind.PREPAYMENT, CreditKind.BALANCE)
"""Without a setting (Q21), and always in a family (billing.md 1.1)."""


@dataclass(frozen=True, slots=True)
class Book:
    """What an account's bill may draw on, and what it has drawn already: None when it can draw on nothing, and never has."""

    catalogue: Catalogue
    credits: tuple[Credit, ...]
    order: tuple[CreditKind, ...]
    standing: Standing | None

    def given_to(self, inputs: BillingInputs) -> BillingInputs:
        """`inputs` with the credits, and with the products that these are accounted to."""
        ids = [id_ for credit in self.credits for id_ in credit.accounting_product_ids]
        products = {one["id"]: product_of(one) for one in self.catalogue.many("product", ids)}
        more = {**inputs.products, **products}
        return replace(inputs, products=more, credits=self.credits, credit_order=self.order)


def read_book(
    catalogue: Catalogue, account: Document, billed: Drawn, inputs: BillingInputs, usage: UsageValues
) -> Book:
    """The credits of the account for the bill of `inputs`, which as it is stored has drawn `billed`, as if it had drawn nothing.

    They are read anew each time, since other bills draw on them.
    """
    bill_id, zone = inputs.bill_id, inputs.terms.zone
    entities, org_id = catalogue.entities, catalogue.org_id
    commitments = [*_of_account(entities, org_id, COMMITMENT.type, account["id"]), *_of_parent(catalogue, account)]
    balances = _of_account(entities, org_id, BALANCE.type, account["id"])
    known = {one["id"]: one for one in (*commitments, *balances)}
    standing = read_standing(entities, org_id, bill_id, billed, known) if known or billed.draws else None
    drawn = standing.drawn if standing else billed
    rolling = _rolling(balances, inputs, usage)
    negative = bool(catalogue.config().get("allowNegativeBalances"))
    found = [
        *(commitment_of(one, drawn.taken(CreditKind.PREPAYMENT, one["id"]), zone) for one in commitments),
        *(
            balance_of(
                one,
                drawn.taken(CreditKind.BALANCE, one["id"]),
                _later(entities, org_id, one, bill_id, zone) if one["id"] in rolling else (),
                zone,
                negative_allowed=negative,
            )
            for one in balances
        ),
    ]
    return Book(catalogue, tuple(found), _order(catalogue, account), standing)


def _of_account(entities: EntityRepository, org_id: str, type_: str, account_id: str) -> Sequence[Document]:
    return entities.list_all(org_id, type_, filters={"accountId": [account_id]})


def _of_parent(catalogue: Catalogue, account: Document) -> Sequence[Document]:
    """The parent's commitments that pay for what is on its children's own bills."""
    parent_id = account.get("parentAccountId")
    if not parent_id:
        return ()
    found = _of_account(catalogue.entities, catalogue.org_id, COMMITMENT.type, parent_id)
    return [one for one in found if one.get("childBillingMode") == "CHILD"]


def _rolling(balances: Sequence[Document], inputs: BillingInputs, usage: UsageValues) -> frozenset[str]:
    """The balances of which a limited part rolls over into the time that the bill charges for.

    Of those alone the ledger is read, which grows with every bill: of a balance that has not ended, or whose rollover
    has, it changes nothing.
    """
    limited = [one for one in balances if one.get("rolloverAmount") is not None]
    time = charged_time(inputs, usage) if limited else None
    if time is None:
        return frozenset()
    zone = inputs.terms.zone
    return frozenset(
        one["id"]
        for one in limited
        if instant(one["endDate"], zone) < time.end and time.start < instant(one["rolloverEndDate"], zone)
    )


def _later(
    entities: EntityRepository, org_id: str, balance: Document, bill_id: str, zone: tzinfo
) -> Sequence[Document]:
    """The transactions that take effect from the balance's end on.

    Whoever writes one moves the balance's version, too, which was read before: nothing can change unseen in between.
    """
    end = instant(balance["endDate"], zone)
    made = entities.list_all(org_id, BALANCE_TRANSACTION.type, filters={"balanceId": [balance["id"]]})
    return [
        one
        for one in made
        if instant(one.get("appliedDate") or one["dtCreated"], zone) >= end
        and (one["entityType"], one["entityId"]) != (DRAW_DOWN, bill_id)
    ]


def _order(catalogue: Catalogue, account: Document) -> tuple[CreditKind, ...]:
    if account.get("parentAccountId") or children_of(catalogue, account["id"]):
        return DEFAULT_ORDER
    chosen = account.get("creditApplicationOrder") or catalogue.config().get("creditApplicationOrder")
    return tuple(CreditKind(kind) for kind in chosen) if chosen else DEFAULT_ORDER

"""Read everything a bill follows from, but for usage."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from usance.application.billing.attach import attached_by
from usance.application.billing.catalogue import Catalogue
from usance.application.billing.charges import Unbilled, charges_of
from usance.application.billing.convert import account_of, conversions_of, currency_of, product_of
from usance.application.billing.families import billed_on
from usance.application.billing.fees import Fees, fees_of
from usance.application.billing.overrides import EPOCHS, Overrides
from usance.application.billing.values import optional_day
from usance.domain.billing.attached import AttachedGroup, AttachedPlan, Attachment
from usance.domain.billing.bill_key import BillKey
from usance.domain.billing.due import DueBill, belongs, due_bills, due_fees, key_of, merged
from usance.domain.billing.inputs import BillingInputs
from usance.domain.billing.terms import DateOverrides, InvoiceDateRule, Terms
from usance.domain.kernel.ids import dated_id
from usance.domain.kernel.timezones import time_zone
from usance.resources.wire import Document


@dataclass(frozen=True, slots=True)
class Agreement:
    """An account, its plans and the settings they are billed under."""

    org_id: str
    account: Document
    plans: tuple[AttachedPlan, ...]
    terms: Terms
    catalogue: Catalogue
    unbilled: Unbilled
    groups: tuple[AttachedGroup, ...] = ()
    fees: Fees = field(default_factory=Fees)
    strays: frozenset[str] = frozenset()
    """Ids of charges that go onto the AD_HOC bill of their day because another bill of it cannot take them."""

    @property
    def attached(self) -> tuple[Attachment, ...]:
        """Everything that periods end for."""
        return (*self.plans, *self.groups)

    def bill_id(self, key: BillKey) -> str:
        """The id of the account's bill `key`, whether there is one or not."""
        return bill_id(self.org_id, self.account["id"], key)

    def due(self, last_day: date) -> tuple[DueBill, ...]:
        """The bills of the periods that hold `last_day`, but for those of dates of their own."""
        periods = due_bills(self.attached, last_day, self.terms.zone)
        return merged((*periods, *due_fees(self.fees.plans, last_day)))

    def attached_to(self, key: BillKey) -> tuple[Attachment, ...]:
        """What the bill `key` may charge for."""
        return tuple(one for one in self.attached if belongs(one, key))

    def inputs(self, key: BillKey, apart: frozenset[BillKey] = frozenset()) -> BillingInputs:
        """What the bill `key` is decided from; it leaves charges to the bills `apart`."""
        mine = [one for one in self.attached_to(key) if key_of(one, key.day) not in apart]
        plans = tuple(one for one in mine if isinstance(one, AttachedPlan))
        groups = tuple(one for one in mine if isinstance(one, AttachedGroup))
        own_id = self.bill_id(key)
        charges = charges_of(self.catalogue, self.unbilled, (own_id, key), self.attached, self.terms.zone, self.strays)
        fees = self.fees.of(key, self.attached, self.terms, apart)
        accounted = [
            *(id_ for fee in fees for id_ in fee.accounting_product_ids),
            *_accounting_product_ids(plans, groups),
            *(charge.accounting_product_id for charge in charges),
        ]
        products = self.catalogue.many("product", accounted)
        return BillingInputs(
            bill_id=own_id,
            key=key,
            account=account_of(self.account),
            plans=plans,
            products={product["id"]: product_of(product) for product in products},
            terms=self.terms,
            groups=groups,
            charges=charges,
            fees=fees,
        )


def bill_id(org_id: str, account_id: str, key: BillKey) -> str:
    """The id of an account's bill: the same each time it is calculated, later bills sorting after earlier ones."""
    grouping = (key.grouping,) if key.grouping else ()
    return dated_id(key.day, org_id, account_id, key.frequency, str(key.interval), *grouping)


def gather(catalogue: Catalogue, account: Document, overrides: Overrides) -> Agreement:
    """The agreement with an account.

    Raises `InvalidInputError` when something that it refers to is gone or cannot be billed.
    """
    config, chosen = catalogue.config(), overrides.values
    zone_name = chosen.get("timezone") or config["timezone"]
    zone = time_zone(zone_name)
    epochs = {name: chosen.get(name) or config[name] for name in EPOCHS}
    settings = (zone_name, *epochs.values())
    found = billed_on(catalogue, account, lambda one: attached_by(catalogue, one, epochs, zone), settings)
    return Agreement(
        org_id=catalogue.org_id,
        fees=fees_of(catalogue, account, found, epochs, zone),
        account=account,
        plans=tuple(one for one in found if isinstance(one, AttachedPlan)),
        groups=tuple(one for one in found if isinstance(one, AttachedGroup)),
        terms=Terms(
            zone_name=zone_name,
            zone=zone,
            billing_currency=chosen.get("targetCurrency") or account.get("currency") or config["currency"],
            # No amount can be in a currency without a code, which the API lets clients make.
            currencies={item["code"]: currency_of(item) for item in catalogue.currencies() if "code" in item},
            conversions=(
                *conversions_of(chosen.get("currencyConversions") or ()),
                *conversions_of(config.get("currencyConversions") or ()),
            ),
            days_before_due=int(account.get("daysBeforeBillDue") or config["daysBeforeBillDue"]),
            invoice_date_rule=InvoiceDateRule(config.get("externalInvoiceDate") or "FIRST_DAY_OF_NEXT_PERIOD"),
            dates=DateOverrides(
                optional_day(chosen.get("billDate")),
                optional_day(chosen.get("dueDate")),
                optional_day(chosen.get("externalInvoiceDate")),
            ),
        ),
        catalogue=catalogue,
        unbilled=Unbilled(catalogue.entities, catalogue.org_id, account["id"]),
    )


def _accounting_product_ids(plans: Sequence[AttachedPlan], groups: Sequence[AttachedGroup]) -> Sequence[str | None]:
    ids: list[str | None] = [plan.product.id for plan in plans]
    for one in (*plans, *groups):
        ids += [one.standing.accounting_product_id, one.minimum.accounting_product_id]
    for plan in plans:
        for pricing in plan.pricings:
            ids += [pricing.accounting_product_id, pricing.aggregation.accounting_product_id]
        ids += [counted.accounting_product_id for counted in plan.counter_pricings]
    return ids

"""Everything a bill is decided from, but for usage: what the account agreed to, and the settings in force."""

from collections.abc import Mapping
from dataclasses import dataclass

from usance.domain.billing.attached import AttachedGroup, AttachedPlan, Attachment, Product
from usance.domain.billing.bill_key import BillKey
from usance.domain.billing.credit import Credit, CreditKind
from usance.domain.billing.dated import Charge, Fee
from usance.domain.billing.terms import Terms


@dataclass(frozen=True, slots=True)
class Account:
    """Whom the bill is for."""

    id: str
    code: str
    name: str
    purchase_order_number: str | None = None


@dataclass(frozen=True, slots=True)
class BillingInputs:
    """One bill to decide. `plans` and `groups` are those that `key` may charge for, in a fixed order."""

    bill_id: str
    key: BillKey
    account: Account
    plans: tuple[AttachedPlan, ...]
    products: Mapping[str, Product]
    terms: Terms
    groups: tuple[AttachedGroup, ...] = ()
    charges: tuple[Charge, ...] = ()
    fees: tuple[Fee, ...] = ()
    credits: tuple[Credit, ...] = ()
    credit_order: tuple[CreditKind, ...] = ()

    @property
    def attached(self) -> tuple[Attachment, ...]:
        """The plans, and then the plan groups."""
        return (*self.plans, *self.groups)

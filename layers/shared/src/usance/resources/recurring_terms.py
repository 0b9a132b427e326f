"""What plans and plan groups both may fix: a standing charge and a minimum spend (billing.md 3)."""

from usance.resources.fields import Description, Id, NotNegative, Noun


class RecurringTerms(Noun):
    """A standing charge and a minimum spend; what is left out comes from further up the chain of billing.md 1.1."""

    standing_charge: NotNegative | None = None
    standing_charge_description: Description | None = None
    standing_charge_bill_in_advance: bool | None = None
    standing_charge_accounting_product_id: Id | None = None
    minimum_spend: NotNegative | None = None
    minimum_spend_description: Description | None = None
    minimum_spend_bill_in_advance: bool | None = None
    minimum_spend_accounting_product_id: Id | None = None

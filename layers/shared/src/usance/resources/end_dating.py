"""What a client sends to end what an account or a contract has (billing.md 5.4)."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from usance.resources.fields import DateTime, Noun, unique_items

BillingEntity = Literal["CONTRACT", "ACCOUNTPLAN", "PREPAYMENT", "PRICINGS", "COUNTER_PRICINGS"]


class EndDating(Noun):
    """The date to end at, which is exclusive, and the kinds of entity to end."""

    end_date: DateTime
    billing_entities: Annotated[list[BillingEntity], AfterValidator(unique_items), Field(min_length=1)]
    apply_to_children: bool = False

"""Plan templates: what plans of one product share, and the rhythm they are billed in (billing.md 1.1, 1.2)."""

from typing import Annotated, Final, Literal

from pydantic import Field

from usance.domain.catalog.plans import check_template, priced_when_moved
from usance.resources.fields import (
    Code,
    CustomFields,
    Description,
    Id,
    Integral,
    Name,
    NotNegative,
    Noun,
    PricingCurrency,
    Whole,
)
from usance.resources.resource import IDS, Dependant, Filter, Index, Ref, Related, Resource, Serial

Interval = Annotated[int, Field(ge=1, le=365), Integral]


class PlanTemplate(Noun):
    """A plan template."""

    name: Name
    code: Code | None = None
    product_id: Id
    currency: PricingCurrency
    bill_frequency: Literal["DAILY", "WEEKLY", "MONTHLY", "ANNUALLY", "AD_HOC", "MIXED"]
    bill_frequency_interval: Interval | None = None
    standing_charge: NotNegative
    standing_charge_description: Description | None = None
    standing_charge_interval: Interval | None = None
    standing_charge_offset: Annotated[int, Field(ge=0, le=364), Integral] | None = None
    standing_charge_bill_in_advance: bool | None = None
    minimum_spend: NotNegative | None = None
    minimum_spend_description: Description | None = None
    minimum_spend_bill_in_advance: bool | None = None
    ordinal: Whole | None = None
    custom_fields: CustomFields | None = None


PLAN_TEMPLATE: Final = Resource(
    type="planTemplate",
    path="plantemplates",
    model=PlanTemplate,
    title="Plan template",
    unique=("code",),
    indexes=(Index("productId"), Index("currency")),
    filters=(IDS, Filter("productId", "productId", "Only the plan templates of this product.")),
    references=(Ref("productId", "product"),),
    related=(
        Related("plans", "plan", where={"planTemplateId": "id"}),
        Related("pricings", "pricing", find=priced_when_moved("productId", "planTemplateId")),
        Related("counter_pricings", "counterPricing", find=priced_when_moved("productId", "planTemplateId")),
    ),
    rules=(check_template,),
    serial=(Serial("product of template", "id"),),
    dependants=(
        Dependant("plan", "planTemplateId"),
        Dependant("pricing", "planTemplateId"),
        Dependant("counterPricing", "planTemplateId"),
    ),
)

"""Counter pricings: the price of a counter, on a plan or for all plans of a template (billing.md 4)."""

from typing import Annotated, Final

from pydantic import Field

from usance.domain.catalog.pricings import check_bands, check_dates, check_owner, check_product, in_force
from usance.resources.fields import Code, DateTime, Description, Id, Noun
from usance.resources.pricing import BANDS_MAX, PricingBand
from usance.resources.resource import IDS, Filter, Index, Ref, Related, Resource, Selection, Serial


class CounterPricing(Noun):
    """A counter pricing. It has one of `planId` and `planTemplateId`."""

    code: Code | None = None
    description: Description | None = None
    plan_id: Id | None = None
    plan_template_id: Id | None = None
    counter_id: Id
    accounting_product_id: Id | None = None
    cumulative: bool = False
    pricing_bands: Annotated[list[PricingBand], Field(min_length=1, max_length=BANDS_MAX)]
    running_total_bill_in_advance: bool = True
    pro_rate_running_total: bool = True
    pro_rate_adjustment_debit: bool = True
    pro_rate_adjustment_credit: bool = True
    start_date: DateTime
    end_date: DateTime | None = None


COUNTER_PRICING: Final = Resource(
    type="counterPricing",
    path="counterpricings",
    model=CounterPricing,
    title="Counter pricing",
    unique=("code",),
    indexes=(Index("planId"), Index("planTemplateId"), Index("counterId"), Index("accountingProductId")),
    filters=(
        IDS,
        Filter("planId", "planId", "Only the counter pricings of this plan."),
        Filter("planTemplateId", "planTemplateId", "Only the counter pricings of this plan template."),
    ),
    selection=Selection(
        {"date": {"type": "string", "description": "Only those in force at this date or date-time."}}, in_force
    ),
    references=(
        Ref("planId", "plan"),
        Ref("planTemplateId", "planTemplate"),
        Ref("counterId", "counter"),
        Ref("accountingProductId", "product"),
    ),
    related=(
        Related("plan", "plan", id_at="planId"),
        Related("template", "planTemplate", id_at="planTemplateId"),
        Related("counter", "counter", id_at="counterId"),
    ),
    rules=(check_owner, check_dates, check_bands, check_product),
    serial=(
        Serial("product of counter", "counterId"),
        Serial("product of plan", "planId", holds=True),
        Serial("product of template", "planTemplateId", holds=True),
    ),
    page_size_max=200,
)

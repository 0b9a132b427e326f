"""Plans: a plan template with prices of its own (billing.md 1)."""

from typing import Final

from usance.domain.catalog.plans import check_plan, priced_when_moved
from usance.resources.fields import Code, CustomFields, Id, Name, Whole
from usance.resources.recurring_terms import RecurringTerms
from usance.resources.resource import IDS, Dependant, Filter, Index, Ref, Related, Resource, Serial, values_at


class Plan(RecurringTerms):
    """A plan. With `accountId` it is bespoke: no other account can be put on it."""

    name: Name
    code: Code
    plan_template_id: Id
    account_id: Id | None = None
    bespoke: bool = False
    ordinal: Whole | None = None
    custom_fields: CustomFields | None = None


PLAN: Final = Resource(
    type="plan",
    path="plans",
    model=Plan,
    title="Plan",
    unique=("code",),
    indexes=(
        Index("productId"),
        Index("accountId"),
        Index("planTemplateId"),
        Index(
            "accountingProductId",
            compute=lambda plan: (
                *values_at(plan.new, "standingChargeAccountingProductId"),
                *values_at(plan.new, "minimumSpendAccountingProductId"),
            ),
        ),
    ),
    filters=(
        IDS,
        Filter("productId", "productId", "Only the plans of this product."),
        Filter("accountId", "accountId", "Only the bespoke plans of these accounts.", many=True),
    ),
    references=(
        Ref("planTemplateId", "planTemplate"),
        Ref("accountId", "account"),
        Ref("standingChargeAccountingProductId", "product"),
        Ref("minimumSpendAccountingProductId", "product"),
    ),
    related=(
        Related("template", "planTemplate", id_at="planTemplateId"),
        Related("account_plans", "accountPlan", where={"planId": "id"}),
        Related("links", "planGroupLink", where={"planId": "id"}),
        Related("pricings", "pricing", find=priced_when_moved("planTemplateId", "planId")),
        Related("counter_pricings", "counterPricing", find=priced_when_moved("planTemplateId", "planId")),
    ),
    rules=(check_plan,),
    serial=(Serial("product of plan", "id"), Serial("product of template", "planTemplateId", holds=True)),
    dependants=(
        Dependant("accountPlan", "planId"),
        Dependant("pricing", "planId"),
        Dependant("counterPricing", "planId"),
        Dependant("planGroupLink", "planId"),
        Dependant("commitment", "billingPlanId"),
    ),
    answers={"productId": {"type": "string", "description": "The product of the plan template."}},
)

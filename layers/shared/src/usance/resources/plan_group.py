"""Plan groups: one minimum spend or standing charge over several plans; and their links to plans (billing.md 3.3)."""

from typing import Final

from usance.domain.catalog.joining_groups import (
    attachments,
    check_joining,
    groups_beside,
    links_of_product,
    plans_beside,
    plans_of_product,
)
from usance.domain.catalog.plan_groups import check_group, check_link, linked_plans, links_when_moved, plans_of_moved
from usance.resources.fields import Code, CustomFields, Id, Name, Noun, PricingCurrency
from usance.resources.recurring_terms import RecurringTerms
from usance.resources.resource import (
    IDS,
    ORGANIZATION,
    Dependant,
    Filter,
    Index,
    Ref,
    Related,
    Resource,
    Serial,
    values_at,
)


class PlanGroup(RecurringTerms):
    """A plan group. With `accountId` it is bespoke: no other account can be put on it."""

    name: Name
    code: Code | None = None
    currency: PricingCurrency
    account_id: Id | None = None
    custom_fields: CustomFields | None = None


class PlanGroupLink(Noun):
    """A plan in a plan group."""

    plan_group_id: Id
    plan_id: Id


PLAN_GROUP: Final = Resource(
    type="planGroup",
    path="plangroups",
    model=PlanGroup,
    title="Plan group",
    unique=("code",),
    indexes=(
        Index("accountId"),
        Index("currency"),
        Index(
            "accountingProductId",
            compute=lambda group: (
                *values_at(group.new, "standingChargeAccountingProductId"),
                *values_at(group.new, "minimumSpendAccountingProductId"),
            ),
        ),
    ),
    filters=(IDS, Filter("accountId", "accountId", "Only the bespoke plan groups of these accounts.", many=True)),
    references=(
        Ref("accountId", "account"),
        Ref("standingChargeAccountingProductId", "product"),
        Ref("minimumSpendAccountingProductId", "product"),
    ),
    related=(
        Related("account_plans", "accountPlan", where={"planGroupId": "id"}),
        Related("links", "planGroupLink", find=links_when_moved),
        Related("plans", "plan", find=plans_of_moved),
    ),
    rules=(check_group,),
    serial=(Serial("plans of group", "id"),),
    dependants=(Dependant("planGroupLink", "planGroupId"), Dependant("accountPlan", "planGroupId")),
    page_size_max=200,
)

PLAN_GROUP_LINK: Final = Resource(
    type="planGroupLink",
    path="plangrouplinks",
    model=PlanGroupLink,
    title="Plan group link",
    indexes=(Index("planGroupId"), Index("planId")),
    filters=(
        IDS,
        Filter("plan", "planId", "Only the links of this plan."),
        Filter("planGroup", "planGroupId", "Only the links of this plan group."),
    ),
    references=(Ref("planGroupId", "planGroup"), Ref("planId", "plan")),
    related=(
        Related("group", "planGroup", id_at="planGroupId"),
        Related("plan", "plan", id_at="planId"),
        Related("links", "planGroupLink", where={"planGroupId": "planGroupId"}),
        Related("plans", "plan", find=linked_plans),
        Related("config", "organizationConfig", id_at=ORGANIZATION),
        Related("attached", "accountPlan", find=attachments),
        Related("plans_of_product", "plan", find=plans_of_product),
        Related("links_of_product", "planGroupLink", find=links_of_product),
        Related("plans_beside", "accountPlan", find=plans_beside),
        Related("groups_beside", "accountPlan", find=groups_beside),
    ),
    rules=(check_link, check_joining),
    serial=(Serial("plans of group", "planGroupId"), Serial("product of plan", "planId", holds=True)),
)

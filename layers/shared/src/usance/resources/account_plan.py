"""Account plans: which plan an account is on, and when (billing.md 5.3)."""

from typing import Final, Literal

from usance.domain.catalog.accounts import (
    active_or_asked,
    check_account_plan,
    check_account_plan_list,
    check_overlap,
    links_of_groups,
    plans_of_links,
)
from usance.domain.catalog.windows import check_contract
from usance.resources.fields import Code, CustomFields, DateTime, Day, Id, Noun
from usance.resources.resource import IDS, ORGANIZATION, Filter, Index, Ref, Related, Resource, Selection, Serial


class AccountPlan(Noun):
    """A plan, or a plan group, on an account from `startDate` up to but not including `endDate`."""

    account_id: Id
    plan_id: Id | None = None
    plan_group_id: Id | None = None
    code: Code | None = None
    start_date: DateTime
    end_date: DateTime | None = None
    bill_epoch: Day | None = None
    child_billing_mode: Literal["PARENT_SUMMARY", "PARENT_BREAKDOWN", "CHILD"] = "PARENT_BREAKDOWN"
    contract_id: Id | None = None
    custom_fields: CustomFields | None = None


class AccountPlansReplaced(Noun):
    """What a replacement leaves: the old account plan, which ends where the new one starts."""

    original_account_plan: AccountPlan
    new_account_plan: AccountPlan


ACCOUNT_PLAN: Final = Resource(
    type="accountPlan",
    path="accountplans",
    model=AccountPlan,
    title="Account plan",
    unique=("code",),
    indexes=(
        Index("accountId"),
        Index("planId"),
        Index("planGroupId"),
        Index("productId"),
        Index("contractId"),
    ),
    filters=(
        IDS,
        Filter("account", "accountId", "Only the account plans of this account."),
        Filter("plan", "planId", "Only the account plans with this plan."),
        Filter("product", "productId", "Only the account plans for this product."),
        Filter("contract", "contractId", "Only the account plans under this contract."),
    ),
    selection=Selection(
        {
            "date": {"type": "string", "description": "Only the account plans active at this date or date-time."},
            "includeall": {
                "type": "boolean",
                "description": "Also those that are not active now; false when left out.",
            },
        },
        active_or_asked,
    ),
    check_list=check_account_plan_list,
    references=(
        Ref("accountId", "account"),
        Ref("planId", "plan"),
        Ref("planGroupId", "planGroup"),
        Ref("contractId", "contract"),
    ),
    related=(
        Related("plan", "plan", id_at="planId"),
        Related("group", "planGroup", id_at="planGroupId"),
        Related("contract", "contract", id_at="contractId"),
        Related("account_plans", "accountPlan", where={"accountId": "accountId"}),
        Related("links", "planGroupLink", find=links_of_groups),
        Related("group_plans", "plan", find=plans_of_links),
        Related("config", "organizationConfig", id_at=ORGANIZATION),
    ),
    rules=(check_account_plan, check_contract, check_overlap),
    serial=(
        Serial("plans of account", "accountId"),
        Serial("account of contract", "contractId"),
        Serial("plans of group", "planGroupId"),
        Serial("product of plan", "planId", holds=True),
    ),
    answers={"productId": {"type": "string", "description": "The product of the plan."}},
)

"""What the account plans of an account put on it: plans, and groups of plans."""

from collections.abc import Sequence
from datetime import tzinfo

from usance.application.billing.catalogue import Catalogue
from usance.application.billing.contract_terms import under_contract
from usance.application.billing.convert import product_of
from usance.application.billing.convert_plans import attached_group_of, attached_plan_of, calendar_of, has_calendar
from usance.application.billing.counters import counter_pricings, counter_values
from usance.application.billing.pricings import custom_fields, pricings_of
from usance.domain.billing.attached import AttachedGroup, AttachedPlan
from usance.resources.wire import Document


def attached_by(
    catalogue: Catalogue, account: Document, epochs: Document, zone: tzinfo
) -> Sequence[AttachedPlan | AttachedGroup]:
    """What the account plans of an account put on it."""
    account_plans = catalogue.entities.list_all(catalogue.org_id, "accountPlan", filters={"accountId": [account["id"]]})
    return [
        limited
        for account_plan in sorted(account_plans, key=lambda account_plan: account_plan["id"])
        for one in _attached(catalogue, account_plan, account, epochs, zone)
        if (limited := under_contract(catalogue, one, zone))
    ]


def _attached(
    catalogue: Catalogue, account_plan: Document, account: Document, epochs: Document, zone: tzinfo
) -> Sequence[AttachedPlan | AttachedGroup]:
    """What the account plan puts on the account: a plan, or each plan of a group and then the group itself.

    The group bills by its plans' calendar, of several by the one with the longest period.
    """
    group_id = account_plan.get("planGroupId")
    if not group_id:
        plan = catalogue.one("plan", account_plan["planId"])
        single = _attached_plan(catalogue, account_plan, plan, account, epochs, zone)
        return [single] if single else []
    documents = catalogue.plans_of_group(group_id)
    found = (_attached_plan(catalogue, account_plan, plan, account, epochs, zone) for plan in documents)
    plans = [plan for plan in found if plan]
    if not plans:
        return []
    calendar = max((plan.calendar for plan in plans), key=lambda one: one.period(0).days)
    group = catalogue.one("planGroup", group_id)
    return [*plans, attached_group_of(account_plan, group, catalogue.config(), calendar=calendar, zone=zone)]


def _attached_plan(
    catalogue: Catalogue, account_plan: Document, plan: Document, account: Document, epochs: Document, zone: tzinfo
) -> AttachedPlan | None:
    template = catalogue.one("planTemplate", plan["planTemplateId"])
    if not has_calendar(template):
        return None
    pricings = catalogue.remember(("terms", plan["id"], str(zone)), lambda: pricings_of(catalogue, plan, zone))
    product = catalogue.one("product", template["productId"])
    counted = catalogue.remember(("counters", plan["id"], str(zone)), lambda: counter_pricings(catalogue, plan, zone))
    return attached_plan_of(
        account_plan,
        plan,
        template,
        catalogue.config(),
        product=product_of(product),
        calendar=calendar_of(template, account_plan, account, epochs),
        pricings=pricings,
        custom_fields=custom_fields(catalogue, pricings, account, product),
        counter_pricings=counted,
        counter_values=counter_values(catalogue, account["id"], counted),
        zone=zone,
    )

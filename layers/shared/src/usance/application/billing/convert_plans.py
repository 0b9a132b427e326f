"""From wire documents of plans and plan groups to what they put on an account."""

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Final

from usance.application.billing.values import day, first, instant, number_of, optional_instant
from usance.domain.billing.attached import AttachedGroup, AttachedPlan, Product, Standing
from usance.domain.billing.counters import CounterPricing, CounterValue
from usance.domain.billing.pool import ChildBilling
from usance.domain.billing.pricings import FieldValue, Minimum, Pricing
from usance.domain.kernel.calendar import Calendar, Frequency
from usance.resources.wire import Document


def calendar_of(template: Document, account_plan: Document, account: Document, epochs: Mapping[str, str]) -> Calendar:
    """The calendar of an account plan. Epochs: the account plan's, the account's, the organization's (billing.md 1.1)."""
    frequency = Frequency(template["billFrequency"])
    epoch = first("billEpoch", account_plan, account) or epochs[EPOCH_FIELDS[frequency]]
    return Calendar(frequency, int(template.get("billFrequencyInterval") or 1), day(epoch))


EPOCH_FIELDS: Final[Mapping[Frequency, str]] = {
    Frequency.DAILY: "dayEpoch",
    Frequency.WEEKLY: "weekEpoch",
    Frequency.MONTHLY: "monthEpoch",
    Frequency.ANNUALLY: "yearEpoch",
}


def attached_plan_of(
    account_plan: Document,
    plan: Document,
    template: Document,
    config: Document,
    *,
    product: Product,
    calendar: Calendar,
    pricings: tuple[Pricing, ...],
    custom_fields: Mapping[str, FieldValue],
    counter_pricings: tuple[CounterPricing, ...],
    counter_values: Mapping[str, tuple[CounterValue, ...]],
    zone: tzinfo,
) -> AttachedPlan:
    """A plan on an account, with everything it inherits resolved (billing.md 1.1)."""
    return AttachedPlan(
        account_plan_id=account_plan["id"],
        plan_id=plan["id"],
        product=product,
        currency=template["currency"],
        calendar=calendar,
        start=instant(account_plan["startDate"], zone),
        end=optional_instant(account_plan.get("endDate"), zone),
        standing=_standing((plan, template), config),
        minimum=_minimum((plan, template), config),
        pricings=pricings,
        custom_fields=custom_fields,
        counter_pricings=counter_pricings,
        counter_values=counter_values,
        contract_id=account_plan.get("contractId"),
        plan_group_id=account_plan.get("planGroupId"),
        child_billing=_child_billing(account_plan),
    )


def attached_group_of(
    account_plan: Document, group: Document, config: Document, *, calendar: Calendar, zone: tzinfo
) -> AttachedGroup:
    """A plan group on an account: its own standing charge and minimum spend, which plans do not inherit."""
    return AttachedGroup(
        account_plan_id=account_plan["id"],
        plan_group_id=group["id"],
        name=group["name"],
        currency=group["currency"],
        calendar=calendar,
        start=instant(account_plan["startDate"], zone),
        end=optional_instant(account_plan.get("endDate"), zone),
        standing=_standing((group,), config),
        minimum=_minimum((group,), config),
        contract_id=account_plan.get("contractId"),
        child_billing=_child_billing(account_plan),
    )


def has_calendar(template: Document) -> bool:
    """Whether the template bills by periods. AD_HOC and MIXED templates bill on dates of their own."""
    return template["billFrequency"] in set(Frequency)


def _standing(owners: Sequence[Document], config: Document) -> Standing:
    """The standing charge of the first of `owners` that says; how often it falls is the last one's to say."""
    return Standing(
        amount=number_of(first("standingCharge", *owners) or 0),
        in_advance=bool(first("standingChargeBillInAdvance", *owners, config)),
        interval=int(owners[-1].get("standingChargeInterval") or 1),
        offset=int(owners[-1].get("standingChargeOffset") or 0),
        description=first("standingChargeDescription", *owners),
        accounting_product_id=owners[0].get("standingChargeAccountingProductId"),
    )


def _minimum(owners: Sequence[Document], config: Document) -> Minimum:
    """The minimum spend of the first of `owners` that says."""
    return Minimum(
        amount=number_of(first("minimumSpend", *owners) or 0),
        in_advance=bool(first("minimumSpendBillInAdvance", *owners, config)),
        description=first("minimumSpendDescription", *owners),
        accounting_product_id=owners[0].get("minimumSpendAccountingProductId"),
    )


def _child_billing(account_plan: Document) -> ChildBilling:
    return ChildBilling(account_plan.get("childBillingMode") or ChildBilling.PARENT_BREAKDOWN)

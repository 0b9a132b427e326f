"""What counters stand at is measured, as usage is: a correction takes it as it is now, not as the bill's record has it."""

from dataclasses import replace

from usance.application.billing.catalogue import Catalogue
from usance.application.billing.counters import counter_values
from usance.application.ports.entities import EntityRepository
from usance.domain.billing.attached import AttachedPlan
from usance.domain.billing.inputs import BillingInputs


def with_counters_as_now(entities: EntityRepository, org_id: str, inputs: BillingInputs) -> BillingInputs:
    """`inputs` with the values of the counters that its plans price as they are now."""
    catalogue = Catalogue(entities, org_id)

    def now(plan: AttachedPlan) -> AttachedPlan:
        if not plan.counter_pricings:
            return plan
        owner = plan.child.id if plan.child else inputs.account.id
        return replace(plan, counter_values=counter_values(catalogue, owner, plan.counter_pricings))

    return replace(inputs, plans=tuple(now(plan) for plan in inputs.plans))

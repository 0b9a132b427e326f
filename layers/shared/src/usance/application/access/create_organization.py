"""A new organization, with what every organization has from the start (billing.md 13, platform.md 4.4)."""

from collections.abc import Mapping
from typing import Any, Final

from usance.application.access.credentials import ROOT
from usance.application.audit import created
from usance.application.ports.clock import Clock, IdFactory
from usance.application.ports.entities import EntityRepository, Put
from usance.domain.access import MANAGED_POLICIES
from usance.domain.kernel.errors import InvalidInputError
from usance.resources import instants

NAME_MAX_CHARS: Final = 200
AUDIT_NAME: Final = "ADMIN"

_CONFIG: Final[Mapping[str, Any]] = {
    "timezone": "UTC",
    "yearEpoch": "2022-01-01",
    "monthEpoch": "2022-01-01",
    "weekEpoch": "2022-01-04",
    "dayEpoch": "2022-01-01",
    "currency": "USD",
    "daysBeforeBillDue": 1,
    "currencyConversions": [],
    "scheduledBillInterval": 0,
    "standingChargeBillInAdvance": False,
    "commitmentFeeBillInAdvance": False,
    "minimumSpendBillInAdvance": False,
    "externalInvoiceDate": "FIRST_DAY_OF_NEXT_PERIOD",
    "suppressedEmptyBills": False,
    "consolidateBills": False,
    "autoGenerateStatementMode": "NONE",
    "allowNegativeBalances": False,
    "allowOverlappingPlans": False,
}
_CURRENCY: Final[Mapping[str, Any]] = {
    "name": "US Dollar",
    "code": "USD",
    "archived": False,
    "maxDecimalPlaces": 2,
    "roundingMode": "HALF_UP",
}
CUSTOM_FIELD_AREAS: Final = (
    "organization",
    "account",
    "accountPlan",
    "aggregation",
    "compoundAggregation",
    "contract",
    "meter",
    "plan",
    "planTemplate",
    "product",
)


def create_organization(entities: EntityRepository, clock: Clock, ids: IdFactory, *, name: str) -> str:
    """Make the organization and answer its id. It exists once its own row does, which is written last."""
    if not 1 <= len(name.strip()) <= NAME_MAX_CHARS:
        raise InvalidInputError(f"name must have 1 to {NAME_MAX_CHARS} characters")
    now, org_id = clock.now(), ids.new()
    currency = created(dict(_CURRENCY), ids.new(), AUDIT_NAME, now)
    seeds = [
        Put("organizationConfig", created(dict(_CONFIG), org_id, AUDIT_NAME, now), indexed={"currency": ["USD"]}),
        Put("customField", created({area: {} for area in CUSTOM_FIELD_AREAS}, org_id, AUDIT_NAME, now)),
        Put("support", created({"dtEndSupportUsersAccess": instants.to_text(now)}, org_id, AUDIT_NAME, now)),
        Put("currency", currency, unique={"code": "USD"}, indexed={"code": ["USD"], "archived": ["false"]}),
    ]
    for policy, statement in MANAGED_POLICIES.items():
        body = {
            "name": policy,
            "managedPolicy": True,
            "permissionPolicy": [
                {
                    "effect": statement.effect,
                    "action": list(statement.actions),
                    "resource": list(statement.resources),
                }
            ],
        }
        seeds.append(Put("permissionPolicy", created(body, ids.new(), AUDIT_NAME, now), indexed={"name": [policy]}))
    entities.commit(org_id, seeds)
    organization = {"orgId": org_id, "organizationName": name, "type": "PRODUCTION", "status": "ACTIVE"}
    entities.commit(ROOT, [Put("organization", created(organization, org_id, AUDIT_NAME, now))])
    return org_id

"""Which entities make events, and the names of all events: the published ones (platform.md 6.2) and two of ours."""

from collections.abc import Mapping
from typing import Final

KINDS: Final = ("created", "updated", "deleted")

# Entity types as the store names them. What is not here makes no event: currencies, notification configurations,
# webhooks, integration configurations and runs, statement definitions, service users, access keys, policies.
ENTITIES: Final[Mapping[str, str]] = {
    "balance": "billing.balance",
    "balanceTransaction": "billing.balanceamount",
    "bill": "billing.bill",
    "billConfig": "billing.billconfig",
    "billJob": "billing.billjob",
    "charge": "billing.charge",
    "counterAdjustment": "billing.counteradjustment",
    "balanceChargeSchedule": "billing.scheduledbalancecharge",
    "balanceTransactionSchedule": "billing.scheduledbalancetransaction",
    "statementJob": "billing.statementjob",
    "account": "configuration.account",
    "accountPlan": "configuration.accountplan",
    "aggregation": "configuration.aggregation",
    "alert": "configuration.alert",
    "commitment": "configuration.commitment",
    "compoundAggregation": "configuration.compoundaggregation",
    "contract": "configuration.contract",
    "counter": "configuration.counter",
    "counterPricing": "configuration.counterpricing",
    "creditReason": "configuration.creditreason",
    "customField": "configuration.customfield",
    "meter": "configuration.meter",
    "meterGroup": "configuration.metergroup",
    "organization": "configuration.organization",
    "organizationConfig": "configuration.organizationconfig",
    "plan": "configuration.plan",
    "planGroup": "configuration.plangroup",
    "planGroupLink": "configuration.plangrouplink",
    "planTemplate": "configuration.plantemplate",
    "pricing": "configuration.pricing",
    "pricingBand": "configuration.pricingband",
    "product": "configuration.product",
    "transactionType": "configuration.transactiontype",
}

BILLING_JOB_FAILURE: Final = "billing.job.failure"  # ours: jobs have no status for an account that gets no bill
INTEGRATION_AUTHENTICATION_ERROR: Final = "integration.authentication.error"
INTEGRATION_ENABLED: Final = "integration.enabled"  # ours: the API tells only that one was disabled
INTEGRATION_DISABLED_ERROR: Final = "integration.disabled.error"
INTEGRATION_MISSING_ACCOUNT_MAPPING_ERROR: Final = "integration.missingaccountmapping.error"
INTEGRATION_PERFORM_ERROR: Final = "integration.perform.error"
INTEGRATION_VALIDATION_ERROR: Final = "integration.validation.error"
INGEST_VALIDATION_FAILURE: Final = "ingest.validation.failure"

FAILURES: Final = (
    BILLING_JOB_FAILURE,
    "dataexport.job.failure",
    INGEST_VALIDATION_FAILURE,
    INTEGRATION_AUTHENTICATION_ERROR,
    INTEGRATION_DISABLED_ERROR,
    INTEGRATION_ENABLED,
    INTEGRATION_MISSING_ACCOUNT_MAPPING_ERROR,
    INTEGRATION_PERFORM_ERROR,
    INTEGRATION_VALIDATION_ERROR,
)

EVENT_NAMES: Final = (*(f"{entity}.{kind}" for entity in ENTITIES.values() for kind in KINDS), *FAILURES)


SCHEDULED_PREFIX: Final = "scheduled."
_TYPES: Final[Mapping[str, str]] = {name: type_ for type_, name in ENTITIES.items()}
_TYPES_BY_ENTITY: Final[Mapping[str, str]] = {
    called: type_ for name, type_ in _TYPES.items() for called in (type_.lower(), name.rpartition(".")[2])
}


def type_of_entity(entity: str) -> str:
    """The type of what events or the rest of the API call so, in any case: of `BalanceTransaction` and of `balanceamount`."""
    return _TYPES_BY_ENTITY[entity.lower()]


def entity_in_events(entity: str) -> str:
    """What events call an entity, such as `balanceamount` for `BalanceTransaction`; itself, in lower case, for an unknown one."""
    type_ = _TYPES_BY_ENTITY.get(entity.lower())
    return ENTITIES[type_].rpartition(".")[2] if type_ else entity.lower()


def type_of_event(name: str) -> str | None:
    """The type of the entity that an event shows; None when it shows none, as a failure does."""
    if name.startswith(SCHEDULED_PREFIX):
        return type_of_entity(name.split(".")[1])  # a name of another was refused
    return _TYPES.get(name.rpartition(".")[0])


def name_of_change(type_: str, kind: str) -> str | None:
    """The event of a change of an entity, such as `configuration.account.created`; None when the type makes none."""
    entity = ENTITIES.get(type_)
    return f"{entity}.{kind}" if entity else None

"""The fields that calculations of notification rules may use, by entity and type (platform.md 6.4).

They are the business fields of the entity's representation: its version and audit fields are left out.
"""

from collections.abc import Mapping
from typing import Final

from usance.resources.event_names import SCHEDULED_PREFIX, entity_in_events

_FIELDS: Final[Mapping[str, Mapping[str, str]]] = {
    "account": {
        "string": (
            "autoGenerateStatementMode billEpoch code currency emailAddress id name parentAccountId "
            "purchaseOrderNumber statementDefinitionId"
        ),
        "int": "daysBeforeBillDue",
        "map": "address customFields",
        "array": "creditApplicationOrder formerParentAccountIds",
    },
    "accountplan": {
        "string": (
            "accountId billEpoch childBillingMode code contractId endDate id planGroupId planId productId startDate"
        ),
        "map": "customFields",
    },
    "aggregation": {
        "string": "accountingProductId aggregation code customSql id meterId name rounding targetField unit",
        "double": "defaultValue quantityPerUnit",
        "map": "customFields",
        "array": "segmentedFields segments",
    },
    "alert": {
        "string": "id name",
    },
    "balance": {
        "string": (
            "accountId balanceDrawDownDescription code consumptionsAccountingProductId contractId currency "
            "description endDate feesAccountingProductId id name overageDescription rolloverEndDate "
            "startDate"
        ),
        "double": "amount overageSurchargePercent rolloverAmount",
        "boolean": "allowOverdraft",
        "map": "customFields",
        "array": "lineItemTypes productIds",
    },
    "balanceamount": {
        "string": "appliedDate balanceId currencyPaid description entityId entityType id transactionDate transactionTypeId",
        "double": "amount paid",
    },
    "bill": {
        "string": (
            "accountCode accountId approvedBy billDate billJobId billingFrequency createdDate currency "
            "dtApproved dtLocked dueDate endDate endDateTimeUTC externalInvoiceDate externalInvoiceReference "
            "id lastCalculatedDate lockedBy purchaseOrderNumber sequentialInvoiceNumber startDate "
            "startDateTimeUTC status timezone"
        ),
        "double": "billTotal",
        "int": "billFrequencyInterval",
        "boolean": "csvStatementGenerated jsonStatementGenerated locked statementStale",
        "array": "currencyConversions lineItems",
    },
    "billconfig": {
        "string": "billLockDate id",
    },
    "billjob": {
        "string": (
            "billDate billingFrequency dayEpoch dueDate externalInvoiceDate id lastDateInBillingPeriod "
            "monthEpoch status targetCurrency timezone type weekEpoch yearEpoch"
        ),
        "int": "billFrequencyInterval pending total",
        "array": "accountIds billIds currencyConversions",
    },
    "charge": {
        "string": (
            "accountId accountingProductId billDate billId code contractId currency description entityId "
            "entityType id lineItemType name notes scheduleId servicePeriodEndDate servicePeriodStartDate"
        ),
        "double": "amount unitPrice units",
    },
    "commitment": {
        "string": (
            "accountId accountingProductId billEpoch billingPlanId changedWhenBilledTo childBillingMode "
            "commitmentFeeDescription commitmentUsageDescription contractId currency drawdownsAccountingProductId endDate "
            "feesAccountingProductId id overageDescription startDate"
        ),
        "double": "amount amountFirstBill amountPrePaid amountSpent overageSurchargePercent",
        "int": "billingInterval billingOffset",
        "boolean": "commitmentFeeBillInAdvance separateOverageUsage",
        "map": "customFields",
        "array": "feeDates lineItemTypes productIds",
    },
    "compoundaggregation": {
        "string": "accountingProductId calculation code id name productId rounding unit",
        "double": "quantityPerUnit",
        "boolean": "evaluateNullAggregations",
        "map": "customFields",
        "array": "segments",
    },
    "contract": {
        "string": "accountId billGroupingKeyId code description endDate id name purchaseOrderNumber startDate",
        "boolean": "applyContractPeriodLimits",
        "map": "customFields",
        "array": "usageFilters",
    },
    "counter": {
        "string": "code id name productId unit",
    },
    "counteradjustment": {
        "string": "accountId counterId date id purchaseOrderNumber",
        "int": "value",
    },
    "counterpricing": {
        "string": "accountingProductId code counterId description endDate id planId planTemplateId startDate",
        "boolean": (
            "cumulative proRateAdjustmentCredit proRateAdjustmentDebit proRateRunningTotal runningTotalBillInAdvance"
        ),
        "array": "pricingBands",
    },
    "creditreason": {
        "string": "code id name",
        "boolean": "archived",
    },
    "customfield": {
        "string": "id",
        "map": (
            "account accountPlan aggregation compoundAggregation contract meter organization plan planTemplate product"
        ),
    },
    "meter": {
        "string": "code groupId id name productId",
        "map": "customFields",
        "array": "dataFields derivedFields",
    },
    "metergroup": {
        "string": "code id name",
    },
    "organization": {
        "string": "id organizationName status type",
    },
    "organizationconfig": {
        "string": (
            "autoApproveBillsGracePeriodUnit autoGenerateStatementMode billPrefix currency dayEpoch "
            "defaultStatementDefinitionId externalInvoiceDate id monthEpoch timezone weekEpoch yearEpoch"
        ),
        "double": "scheduledBillInterval",
        "int": "autoApproveBillsGracePeriod daysBeforeBillDue scheduledBillOffset sequenceStartNumber",
        "boolean": (
            "allowNegativeBalances allowOverlappingPlans commitmentFeeBillInAdvance consolidateBills "
            "minimumSpendBillInAdvance standingChargeBillInAdvance suppressedEmptyBills"
        ),
        "array": "creditApplicationOrder currencyConversions",
    },
    "plan": {
        "string": (
            "accountId code id minimumSpendAccountingProductId minimumSpendDescription name planTemplateId "
            "productId standingChargeAccountingProductId standingChargeDescription"
        ),
        "double": "minimumSpend standingCharge",
        "int": "ordinal",
        "boolean": "bespoke minimumSpendBillInAdvance standingChargeBillInAdvance",
        "map": "customFields",
    },
    "plangroup": {
        "string": (
            "accountId code currency id minimumSpendAccountingProductId minimumSpendDescription name "
            "standingChargeAccountingProductId standingChargeDescription"
        ),
        "double": "minimumSpend standingCharge",
        "boolean": "minimumSpendBillInAdvance standingChargeBillInAdvance",
        "map": "customFields",
    },
    "plangrouplink": {
        "string": "id planGroupId planId",
    },
    "plantemplate": {
        "string": "billFrequency code currency id minimumSpendDescription name productId standingChargeDescription",
        "double": "minimumSpend standingCharge",
        "int": "billFrequencyInterval ordinal standingChargeInterval standingChargeOffset",
        "boolean": "minimumSpendBillInAdvance standingChargeBillInAdvance",
        "map": "customFields",
    },
    "pricing": {
        "string": (
            "accountingProductId aggregationId aggregationType code compoundAggregationId description "
            "endDate id minimumSpendDescription planId planTemplateId segmentString startDate type"
        ),
        "double": "minimumSpend",
        "boolean": "cumulative minimumSpendBillInAdvance tiersSpanPlan",
        "map": "segment",
        "array": "overagePricingBands pricingBands",
    },
    "pricingband": {
        "string": "counterPricingId creditTypeId id pricingId",
        "double": "fixedPrice lowerLimit unitPrice",
    },
    "product": {
        "string": "code id name",
        "map": "customFields",
    },
    "scheduledbalancecharge": {
        "string": (
            "balanceId billEpoch billFrequency chargeDescription code currency id name nextRun previousRun "
            "servicePeriodEndDate servicePeriodStartDate"
        ),
        "double": "amount unitPrice units",
        "int": "billFrequencyInterval",
        "boolean": "billInAdvance",
        "map": "customFields",
    },
    "scheduledbalancetransaction": {
        "string": (
            "balanceId code currencyPaid endDate frequency id name nextRun previousRun startDate "
            "transactionDescription transactionTypeId"
        ),
        "double": "amount paid",
        "int": "frequencyInterval",
        "map": "customFields",
    },
    "statementjob": {
        "string": (
            "billId csvStatementStatus id jsonStatementStatus orgId presignedCsvStatementUrl "
            "presignedJsonStatementUrl statementJobStatus"
        ),
        "boolean": "includeCsvFormat",
        "map": "filters",
    },
    "transactiontype": {
        "string": "code id name",
        "boolean": "archived",
    },
}


def fields_of(event_name: str) -> Mapping[str, str]:
    """The fields of an event with their types, such as `new.amount`: `double`; none for an unknown event.

    A created entity has `new.*`, a deleted one `old.*`, an updated one both; a scheduled event has `new.*`, and may
    spell its entity in any case.
    """
    _, _, rest = event_name.partition(".")
    entity, _, kind = rest.partition(".")
    prefixes = ("new",) if event_name.startswith(SCHEDULED_PREFIX) else _PREFIXES.get(kind, ())
    return {
        f"{prefix}.{name}": type_
        for prefix in prefixes
        for type_, names in _FIELDS.get(entity_in_events(entity), {}).items()
        for name in names.split()
    }


def dates_of(entity: str) -> tuple[str, ...]:
    """The dates and date-times of an entity such as `bill`, by the names of its fields.

    None for an unknown one, nor for one that an organization has no list of.
    """
    called = entity_in_events(entity)
    if called in _UNLISTED:
        return ()
    names = _FIELDS.get(called, {}).get("string", "").split()
    dates = [name for name in names if name.endswith(_DATES) or name.startswith("dt") or name == "date"]
    return (*dates, "dtCreated", "dtLastModified") if names else ()


_UNLISTED: Final = frozenset({"alert", "metergroup", "organization", "pricingband"})
_DATES: Final = ("Date", "DateTimeUTC", "Epoch", "Run")
_PREFIXES: Final[Mapping[str, tuple[str, ...]]] = {"created": ("new",), "updated": ("new", "old"), "deleted": ("old",)}

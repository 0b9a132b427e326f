"""What clients that keep a declared state rely on: every answer repeats what was written, so that nothing is left to change.

Such a client writes every property that it manages, null for one it no longer declares, or all that it has read; it
compares what it reads to what it declares (platform.md 14).
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest

from tests.fakes.organization import Organization
from usance.resources import wire
from usance.resources.registry import BY_TYPE, REGISTRY
from usance.resources.resource import Resource, Verb

Body = dict[str, Any]
Properties = Callable[[Organization], Body]

CUSTOM: Body = {"Cost centre": "0042", "weight": Decimal("1.500"), "tiny": Decimal("0.00000000000000000001")}
PRECISE = Decimal("10.1000000000000000000000001")
FEE = {
    "date": "2026-03-01",
    "amount": Decimal("12.50"),
    "servicePeriodStartDate": "2026-03-01T00:00:00.000Z",
    "servicePeriodEndDate": "2026-04-01T00:00:00+02:00",
}
BAND = {"lowerLimit": Decimal("0.0"), "fixedPrice": Decimal("1.10"), "unitPrice": PRECISE}
BANDS = [BAND, {**BAND, "lowerLimit": Decimal("1000.50")}]


def product(org: Organization) -> str:
    return str(org.shared("product")["id"])


def terms(org: Organization) -> Body:
    return {
        "standingCharge": Decimal("5.00"),
        "standingChargeDescription": "Base fee",
        "standingChargeBillInAdvance": False,
        "standingChargeAccountingProductId": product(org),
        "minimumSpend": PRECISE,
        "minimumSpendDescription": "At least",
        "minimumSpendBillInAdvance": True,
        "minimumSpendAccountingProductId": product(org),
    }


def on_contract(org: Organization) -> Body:
    contract = org.make("contract")
    return {"accountId": contract["accountId"], "contractId": contract["id"]}


def addressed_child(org: Organization) -> Body:
    return {
        "address": {
            **{f"addressLine{n}": f"Line {n}" for n in range(1, 5)},
            "locality": "Berlin",
            "region": "",
            "postCode": "01234",
            "country": "DE",
        },
        "parentAccountId": org.make("account")["id"],
        "currency": "USD",
        "daysBeforeBillDue": 14,
        "billEpoch": "2026-01-31",
        "purchaseOrderNumber": "PO 7",
        "creditApplicationOrder": ["BALANCE", "PREPAYMENT"],
        "statementDefinitionId": org.make("statementDefinition")["id"],
        "autoGenerateStatementMode": "JSON_AND_CSV",
        "customFields": CUSTOM,
    }


def fees(_: Organization) -> Body:
    return {"feeDates": [FEE]}


def billed_by_plan(org: Organization) -> Body:
    attached = org.make("accountPlan")
    return {
        **on_contract(org),
        "amount": Decimal("100.10"),
        "amountPrePaid": Decimal("0.0"),
        "amountFirstBill": Decimal("50.5"),
        "accountId": attached["accountId"],
        "contractId": org.make("contract", accountId=attached["accountId"])["id"],
        "billingPlanId": attached["planId"],
        "billingInterval": 2,
        "billingOffset": 1,
        "billEpoch": "2026-01-15",
        "commitmentFeeBillInAdvance": False,
        "commitmentFeeDescription": "Fee",
        "commitmentUsageDescription": "Use",
        "overageDescription": "Over",
        "overageSurchargePercent": Decimal("0.0"),
        "separateOverageUsage": True,
        "childBillingMode": "CHILD",
        "lineItemTypes": ["USAGE", "STANDING_CHARGE"],
        "productIds": [product(org)],
        "accountingProductId": product(org),
        "feesAccountingProductId": product(org),
        "drawdownsAccountingProductId": product(org),
    }


def of_balance(org: Organization) -> Body:
    balance = org.make("balance")
    about = {"accountId": balance["accountId"], "entityId": balance["id"]}
    return {**about, "entityType": "BALANCE", "lineItemType": "BALANCE_FEE"}


def segmented(org: Organization) -> Body:
    aggregation = org.make("aggregation", segmentedFields=["region"], segments=[{"region": "EU"}, {"region": "*"}])
    return {
        "aggregationId": aggregation["id"],
        "description": "Tokens",
        "accountingProductId": product(org),
        "type": "DEBIT",
        "cumulative": True,
        "tiersSpanPlan": False,
        "pricingBands": BANDS,
        "overagePricingBands": BANDS,
        "segment": {"region": "EU"},
        "minimumSpend": Decimal("3.30"),
        "minimumSpendDescription": "At least",
        "minimumSpendBillInAdvance": False,
        "endDate": "2027-01-01T00:00:00.123456+05:30",
    }


def usage_exported(org: Organization) -> Body:
    meter = org.make("meter")["id"]
    return {
        "sourceType": "USAGE",
        "operationalDataTypes": None,
        "meterIds": [meter],
        "accountIds": [org.make("account")["id"]],
        "dimensionFilters": [{"fieldCode": "region", "meterId": meter, "values": ["EU", ""]}],
        "aggregations": [{"fieldCode": "tokens", "fieldType": "MEASURE", "function": "SUM", "meterId": meter}],
        "groups": [{"groupType": "ACCOUNT"}],
        "scheduleType": None,
        "period": None,
        "cronExpression": "0  5 * * 1-5",
        "timePeriod": "YESTERDAY",
    }


# Beyond the bodies of `Organization`; where properties exclude each other there are several.
MORE: Mapping[str, tuple[Properties, ...]] = {
    "meter": (lambda org: {"productId": product(org), "groupId": org.make("meter")["id"], "customFields": CUSTOM},),
    "aggregation": (
        lambda org: {
            "segmentedFields": ["region"],
            "segments": [{"region": "EU"}, {"region": "*"}],
            "defaultValue": Decimal("0.50"),
            "accountingProductId": product(org),
            "customFields": CUSTOM,
        },
        lambda _: {"aggregation": "CUSTOM_SQL", "customSql": "SELECT  sum(tokens)\nFROM measurements"},
    ),
    "planTemplate": (
        lambda _: {
            "billFrequencyInterval": 3,
            "standingCharge": Decimal("20.00"),
            "standingChargeDescription": "",
            "standingChargeInterval": 2,
            "standingChargeOffset": 0,
            "standingChargeBillInAdvance": False,
            "minimumSpend": Decimal("0.00"),
            "minimumSpendDescription": "At least",
            "minimumSpendBillInAdvance": True,
            "ordinal": 0,
            "customFields": CUSTOM,
        },
    ),
    "plan": (
        lambda org: {
            **terms(org),
            "accountId": org.make("account")["id"],
            "bespoke": True,
            "ordinal": 2,
            "customFields": {},
        },
    ),
    "pricing": (
        segmented,
        lambda org: {"planId": None, "planTemplateId": org.make("planTemplate")["id"]},
        lambda org: {"aggregationId": None, "compoundAggregationId": org.make("compoundAggregation")["id"]},
    ),
    "account": (addressed_child,),
    "accountPlan": (
        lambda org: {
            **on_contract(org),
            "endDate": "2027-01-01T00:00:00",
            "billEpoch": "2026-02-01",
            "childBillingMode": "CHILD",
            "customFields": CUSTOM,
        },
        lambda org: {"planId": None, "planGroupId": org.make("planGroup")["id"]},
    ),
    "currency": (lambda _: {"archived": True, "maxDecimalPlaces": 0, "roundingMode": "HALF_EVEN"},),
    "notificationConfiguration": (lambda _: {"active": False, "alwaysFireEvent": True},),
    "webhook": (lambda _: {"active": False, "ordered": True},),
    "integrationConfiguration": (
        lambda _: {"configData": {"deep": [{"a": Decimal("1.50"), "none": None}], "empty": {}}},
    ),
    "statementDefinition": (lambda _: {"generateSlimStatements": True, "dimensions": [], "measures": []},),
    "creditReason": (lambda _: {"archived": True},),
    "debitReason": (lambda _: {"archived": True},),
    "transactionType": (lambda _: {"archived": True},),
    "billGroupingKey": (lambda _: {"archived": True},),
    "compoundAggregation": (
        lambda org: {
            "productId": product(org),
            "evaluateNullAggregations": True,
            "accountingProductId": product(org),
            "customFields": CUSTOM,
        },
    ),
    "counter": (lambda org: {"productId": product(org)},),
    "counterPricing": (
        lambda org: {
            "description": "Seats",
            "accountingProductId": product(org),
            "cumulative": True,
            "pricingBands": BANDS,
            "runningTotalBillInAdvance": False,
            "proRateRunningTotal": False,
            "proRateAdjustmentDebit": False,
            "proRateAdjustmentCredit": False,
            "endDate": "2027-01-01T00:00:00.000Z",
        },
        lambda org: {"planId": None, "planTemplateId": org.make("planTemplate")["id"]},
    ),
    "counterAdjustment": (lambda _: {"purchaseOrderNumber": "PO 7"},),
    "planGroup": (lambda org: {**terms(org), "accountId": org.make("account")["id"], "customFields": CUSTOM},),
    "contract": (
        lambda org: {
            "description": "",
            "purchaseOrderNumber": "PO 7",
            "applyContractPeriodLimits": True,
            "billGroupingKeyId": org.make("billGroupingKey")["id"],
            "usageFilters": [],
            "customFields": CUSTOM,
        },
    ),
    "commitment": (billed_by_plan, fees, lambda _: {"overageSurchargePercent": Decimal("2.50")}),
    "charge": (
        lambda org: {
            **on_contract(org),
            "amount": None,
            "units": Decimal("2.50"),
            "unitPrice": Decimal("-3.0"),
            "billDate": "2026-02-01",
            "accountingProductId": product(org),
            "description": "Set-up",
            "notes": "",
        },
        of_balance,
    ),
    "balance": (
        lambda org: {
            **on_contract(org),
            "description": "Credit",
            "balanceDrawDownDescription": "Drawn",
            "overageDescription": "Over",
            "overageSurchargePercent": Decimal("2.50"),
            "rolloverAmount": Decimal("10.00"),
            "rolloverEndDate": "2027-02-01T00:00:00.5Z",
            "lineItemTypes": ["USAGE"],
            "productIds": [product(org)],
            "consumptionsAccountingProductId": product(org),
            "feesAccountingProductId": product(org),
            "customFields": CUSTOM,
        },
        lambda _: {"allowOverdraft": True},
    ),
    "balanceTransactionSchedule": (lambda _: {"paid": Decimal("1.0"), "currencyPaid": "USD", "customFields": CUSTOM},),
    "balanceChargeSchedule": (
        lambda _: {"amount": None, "units": Decimal("2.0"), "unitPrice": PRECISE, "customFields": CUSTOM},
        lambda _: {"amount": Decimal("300.00")},
    ),
    "externalMapping": (lambda org: {"integrationConfigId": org.make("integrationConfiguration")["id"]},),
    "dataExportDestination": (
        lambda _: {"destinationType": "S3", "partitionOrder": "TYPE_FIRST"},
        lambda _: {
            "destinationType": "GCS",
            "iamRoleArn": None,
            "projectNumber": "0123",
            "poolId": "pool",
            "providerId": "provider",
            "serviceAccountEmail": "exports@example.iam.gserviceaccount.com",
        },
    ),
    "dataExportSchedule": (
        usage_exported,
        lambda org: {
            "destinationIds": [org.make("dataExportDestination")["id"]],
            "exportFileFormat": "JSONL",
            "offset": 2,
        },
    ),
    "lookupTable": (lambda _: {"customFields": CUSTOM},),
    "lookupTableRevision": (lambda _: {"customFields": CUSTOM},),
}
EDITABLE = [row for row in REGISTRY if {Verb.CREATE, Verb.UPDATE} <= row.verbs]
CASES = [
    pytest.param(row, more, id=f"{row.type} {number}")
    for row in EDITABLE
    for number, more in enumerate(MORE.get(row.type, (lambda _: {},)))
]
SERVED = {"id", "version", "dtCreated", "dtLastModified", "createdBy", "lastModifiedBy", "formerParentAccountIds"}
NEVER_ANSWERED = {"integrationConfiguration": {"credentials", "integrationCredentialsId"}}  # an id stands for secrets
FOLLOWS = {  # without a value of its own it has one that follows from others
    ("charge", "billDate"),
    ("dataExportDestination", "destinationType"),
}

every_case = pytest.mark.parametrize(("row", "more"), CASES)


@pytest.fixture
def org() -> Organization:
    return Organization()


def repeated(answered: Any, declared: Any) -> bool:
    """Whether an answer has all that was declared, to the digit; it may have more, such as ids of parts."""
    if isinstance(declared, Mapping):
        return isinstance(answered, Mapping) and all(
            name in answered and repeated(answered[name], value) for name, value in declared.items()
        )
    if isinstance(declared, list):
        return (
            isinstance(answered, list)
            and len(answered) == len(declared)
            and all(repeated(*pair) for pair in zip(answered, declared, strict=True))
        )
    return wire.dumps(answered) == wire.dumps(declared)


def own(document: Any) -> Any:
    """Without what the server alone sets."""
    if isinstance(document, Mapping):
        return {name: own(value) for name, value in document.items() if name not in SERVED}
    return [own(item) for item in document] if isinstance(document, list) else document


def properties(row: Resource) -> dict[str, Any]:
    """The optional properties of a resource, each with its default."""
    fields = {str(field.alias): field for field in row.model.model_fields.values() if not field.is_required()}
    return {name: field.get_default(call_default_factory=True) for name, field in fields.items()}


def test_every_property_is_declared_somewhere() -> None:
    org = Organization()
    for row in EDITABLE:
        bodies = [org.body(row.type, **more(org)) for more in MORE.get(row.type, (lambda _: {},))]
        assert properties(row).keys() - {name for body in bodies for name in body} == NEVER_ANSWERED.get(
            row.type, set()
        )


SETTINGS: Mapping[str, Body] = {
    "organizationConfig": {
        "currencyConversions": [{"from": "USD", "to": "USD", "multiplier": Decimal("1.10")}],
        "scheduledBillInterval": Decimal("24.0"),
        "scheduledBillOffset": 0,
        "standingChargeBillInAdvance": False,
        "autoApproveBillsGracePeriod": 3,
        "autoApproveBillsGracePeriodUnit": "HOURS",
        "externalInvoiceDate": "FIRST_DAY_OF_NEXT_PERIOD",
        "suppressedEmptyBills": False,
        "creditApplicationOrder": [],
        "billPrefix": "",
        "sequenceStartNumber": 0,
    },
    "customField": {"organization": CUSTOM, "product": {}},
    "support": {
        "dtEndSupportUsersAccess": "2027-01-01T00:00:00+01:00",
        "supportUsersPermissionPolicy": [{"effect": "Allow", "action": ["config:retrieve"], "resource": ["*"]}],
    },
}

REPLACED_KIND_BY_KIND = {"customField"}  # what an update leaves out stays (platform.md 1.7)


@pytest.mark.parametrize("type_", SETTINGS)
def test_settings_are_read_as_written_and_may_be_written_back(org: Organization, type_: str) -> None:
    row = BY_TYPE[type_]
    body = org.body(type_, **SETTINGS[type_])
    written = org.client.put(f"/{row.path}", {**body, "version": 1})
    assert written.status == 200, written.text
    assert repeated(written.json, body), written.text
    assert org.client.get(f"/{row.path}").json == written.json
    again = org.client.put(f"/{row.path}", written.json)
    assert own(again.json) == own(written.json)
    assert repeated(again.json, own(written.json)), again.text
    bare = org.client.put(
        f"/{row.path}",
        {**org.body(type_), **dict.fromkeys(SETTINGS[type_].keys() - org.body(type_).keys()), "version": 3},
    )
    assert bare.status == 200, bare.text
    for name in SETTINGS[type_].keys() - org.body(type_).keys():
        left = written.json[name] if type_ in REPLACED_KIND_BY_KIND else properties(row)[name]
        assert bare.json.get(name) == left, name


def test_a_group_is_read_as_written_and_may_be_written_back(org: Organization) -> None:
    made = org.client.post("/resourcegroups/meter", {"name": "Meters", "version": None}).json
    path = f"/resourcegroups/meter/{made['id']}"
    assert org.client.get(path).json == made
    again = org.client.put(path, made)
    assert own(again.json) == own(made)


@every_case
def test_what_was_written_is_read_and_may_be_written_back(org: Organization, row: Resource, more: Properties) -> None:
    body = org.body(row.type, **more(org))
    made = org.client.post(f"/{org.path(row)}", body)
    assert made.status == 200, made.text
    assert repeated(made.json, body), made.text
    path = f"/{org.path(row)}/{made.json['id']}"
    read = org.client.get(path)
    assert read.json == made.json
    again = org.client.put(path, read.json)
    assert again.status == 200, again.text
    assert own(again.json) == own(read.json)
    assert repeated(again.json, own(read.json)), again.text
    assert org.client.get(path).json == again.json


@every_case
def test_what_is_no_longer_declared_goes_and_nothing_else_does(
    org: Organization, row: Resource, more: Properties
) -> None:
    """A property that others need is refused by its name; one with a default gets it."""
    body = org.body(row.type, **more(org))
    made = org.client.post(f"/{org.path(row)}", body).json
    path, version = f"/{org.path(row)}/{made['id']}", 1
    for name, default in properties(row).items():
        if name not in body:
            continue
        left = {other: value for other, value in body.items() if other != name}
        answer = org.client.put(path, {**left, name: None, "version": version})
        if answer.status == 400:
            assert name in answer.message
            continue
        assert answer.status == 200, answer.text
        version += 1
        assert repeated(answer.json, left), (name, answer.text)
        assert answer.json.get(name) == default or (row.type, name) in FOLLOWS, name
    restored = org.client.put(path, {**body, "version": version}).json
    assert own(restored) == own(made)
    assert repeated(restored, own(made))

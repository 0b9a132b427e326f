"""A valid body of what accounts agree to and prepay, of counters, compounds, picklists and mappings."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Protocol


class Maker(Protocol):
    """What a body may need made before it."""

    count: int

    def make(self, type_: str, **more: Any) -> dict[str, Any]: ...

    def shared(self, type_: str) -> dict[str, Any]: ...


def _id(org: Maker, more: Mapping[str, Any], field: str, type_: str) -> Any:
    return more[field] if field in more else org.make(type_)["id"]


def _item(org: Maker, _: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": "Goodwill", "code": f"item_{org.count}"}


def _grouping_key(org: Maker, _: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": "Shared", "code": f"key_{org.count}", "exclusive": False}


def _compound(org: Maker, more: Mapping[str, Any]) -> dict[str, Any]:
    code = "" if "calculation" in more else org.make("aggregation")["code"]
    return {
        "name": "Minutes",
        "code": f"minutes_{org.count}",
        "calculation": f"aggregation.{code} / 60",
        "quantityPerUnit": Decimal("1.0"),
        "rounding": "UP",
        "unit": "minutes",
    }


def _counter(org: Maker, _: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": "Seats", "code": f"counter {org.count}", "unit": "seats"}


def _counter_pricing(org: Maker, more: Mapping[str, Any]) -> dict[str, Any]:
    parent = {} if {"planId", "planTemplateId"} & more.keys() else {"planId": org.make("plan")["id"]}
    return {
        **parent,
        "code": f"counter pricing {org.count}",
        "counterId": _id(org, more, "counterId", "counter"),
        "pricingBands": [{"lowerLimit": 0, "fixedPrice": 0, "unitPrice": 2}],
        "startDate": "2026-01-01T00:00:00Z",
    }


def _adjustment(org: Maker, more: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "counterId": more["counterId"] if "counterId" in more else org.shared("counter")["id"],
        "accountId": _id(org, more, "accountId", "account"),
        "date": "2026-01-01",
        "value": 15,
    }


def _plan_group(org: Maker, _: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": "Bundle", "code": f"group {org.count}", "currency": "USD", "minimumSpend": Decimal("100.00")}


def _link(org: Maker, more: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "planGroupId": _id(org, more, "planGroupId", "planGroup"),
        "planId": _id(org, more, "planId", "plan"),
    }


def _contract(org: Maker, more: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "accountId": _id(org, more, "accountId", "account"),
        "name": "Three years",
        "code": f"contract {org.count}",
        "startDate": "2026-01-01",
        "endDate": "2029-01-01",
        "usageFilters": [{"dimensionCode": "region", "mode": "INCLUDE", "value": "EU"}],
    }


def _commitment(org: Maker, more: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "accountId": _id(org, more, "accountId", "account"),
        "amount": Decimal("1200.00"),
        "currency": "USD",
        "startDate": "2026-01-01",
        "endDate": "2027-01-01",
    }


def _charge(org: Maker, more: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "accountId": _id(org, more, "accountId", "account"),
        "name": "Onboarding",
        "code": f"charge {org.count}",
        "currency": "USD",
        "entityType": "AD_HOC",
        "lineItemType": "AD_HOC",
        "amount": Decimal("99.90"),
        "servicePeriodStartDate": "2026-01-01T00:00:00Z",
        "servicePeriodEndDate": "2026-02-01T00:00:00Z",
    }


def _balance(org: Maker, more: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "accountId": _id(org, more, "accountId", "account"),
        "name": "Credit",
        "code": f"balance {org.count}",
        "currency": "USD",
        "startDate": "2026-01-01T00:00:00Z",
        "endDate": "2027-01-01T00:00:00Z",
    }


def _transaction(_: Maker, __: Mapping[str, Any]) -> dict[str, Any]:
    return {"amount": Decimal("10.50"), "description": "Top-up"}


def _transaction_schedule(org: Maker, more: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": "Monthly grant",
        "code": f"grant {org.count}",
        "amount": 50,
        "startDate": "2026-01-31T00:00:00Z",
        "endDate": "2026-07-01T00:00:00Z",
        "frequency": "MONTHLY",
        "frequencyInterval": 1,
        "transactionTypeId": _id(org, more, "transactionTypeId", "transactionType"),
        "transactionDescription": "Grant",
    }


def _charge_schedule(org: Maker, _: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": "Quarterly fee",
        "code": f"fee {org.count}",
        "currency": "USD",
        "amount": 300,
        "billFrequency": "MONTHLY",
        "billFrequencyInterval": 3,
        "billInAdvance": True,
        "billEpoch": "2026-01-01",
        "chargeDescription": "Fee",
        "servicePeriodStartDate": "2026-01-01T00:00:00Z",
        "servicePeriodEndDate": "2027-01-01T00:00:00Z",
    }


def _mapping(org: Maker, _: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "m3terEntity": "Account",
        "m3terId": f"00000000-0000-7000-8000-{org.count:012}",
        "externalSystem": "Stripe",
        "externalTable": "Customer",
        "externalId": f"cus_{org.count}",
    }


def _scheduled_event(org: Maker, _: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": f"scheduled.bill.overdue{org.count}", "entity": "Bill", "field": "dueDate", "offset": 3}


def _lookup_table(org: Maker, _: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": "Rates", "code": f"rates {org.count}", "customFields": {"source": "treasury"}}


def _lookup_revision(_: Maker, __: Mapping[str, Any]) -> dict[str, Any]:
    fields = [
        {"name": "country", "type": "STRING"},
        {"name": "level", "type": "NUMBER"},
        {"name": "rate", "type": "NUMBER"},
    ]
    return {"name": "First", "fields": fields, "keys": ["country", "level"], "startDate": "2026-01-01T00:00:00Z"}


CREDIT_BODIES: Mapping[str, Callable[[Any, Mapping[str, Any]], dict[str, Any]]] = {
    "creditReason": _item,
    "debitReason": _item,
    "transactionType": _item,
    "billGroupingKey": _grouping_key,
    "compoundAggregation": _compound,
    "counter": _counter,
    "counterPricing": _counter_pricing,
    "counterAdjustment": _adjustment,
    "planGroup": _plan_group,
    "planGroupLink": _link,
    "contract": _contract,
    "commitment": _commitment,
    "charge": _charge,
    "balance": _balance,
    "balanceTransaction": _transaction,
    "balanceTransactionSchedule": _transaction_schedule,
    "balanceChargeSchedule": _charge_schedule,
    "externalMapping": _mapping,
    "scheduledEventConfiguration": _scheduled_event,
    "lookupTable": _lookup_table,
    "lookupTableRevision": _lookup_revision,
}

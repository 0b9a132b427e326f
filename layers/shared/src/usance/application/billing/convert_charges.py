"""From wire documents to what the domain computes with: counters and charges."""

from datetime import tzinfo

from usance.application.billing.convert_pricings import band_of
from usance.application.billing.values import day, instant, number_of, optional_instant
from usance.domain.billing.counters import Counter, CounterPricing, CounterValue
from usance.domain.billing.dated import Charge
from usance.domain.kernel.period import Instants
from usance.domain.kernel.quantity import ONE
from usance.resources.wire import Document


def counter_of(document: Document) -> Counter:
    """A counter."""
    return Counter(document["id"], document["name"], document["unit"])


def counter_pricing_of(document: Document, counter: Counter, zone: tzinfo) -> CounterPricing:
    """A counter pricing; its flags are on where it says nothing (billing.md 4)."""
    return CounterPricing(
        id=document["id"],
        counter=counter,
        bands=tuple(band_of(band) for band in document["pricingBands"]),
        start=instant(document["startDate"], zone),
        end=optional_instant(document.get("endDate"), zone),
        cumulative=bool(document.get("cumulative")),
        in_advance=document.get("runningTotalBillInAdvance") is not False,
        prorate_running_total=document.get("proRateRunningTotal") is not False,
        prorate_debit=document.get("proRateAdjustmentDebit") is not False,
        prorate_credit=document.get("proRateAdjustmentCredit") is not False,
        description=document.get("description"),
        accounting_product_id=document.get("accountingProductId"),
        of_template=bool(document.get("planTemplateId")),
    )


def counter_value_of(document: Document) -> CounterValue:
    """What a counter adjustment sets."""
    return CounterValue(day(document["date"]), number_of(document["value"]))


def charge_of(document: Document, balance: Document | None, zone: tzinfo) -> Charge:
    """A charge. The name goes onto the line item, and so does the description. A fee is accounted as its balance says."""
    told = document.get("description")
    amount = document.get("amount")
    return Charge(
        id=document["id"],
        description=f"{document['name']}: {told}" if told else document["name"],
        currency=document["currency"],
        units=number_of(document["units"]) if amount is None else ONE,
        unit_price=number_of(document["unitPrice"]) if amount is None else number_of(amount),
        span=Instants(
            instant(document["servicePeriodStartDate"], zone), instant(document["servicePeriodEndDate"], zone)
        ),
        bill_id=document.get("billId"),
        contract_id=document.get("contractId"),
        balance_id=document.get("entityId") if document["entityType"] == "BALANCE" else None,
        accounting_product_id=document.get("accountingProductId") or (balance or {}).get("feesAccountingProductId"),
    )

"""From wire documents to what the domain computes with; the one place that knows both."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Any, Final

from usance.domain.billing.inputs import (
    Account,
    Aggregation,
    AttachedGroup,
    AttachedPlan,
    Compound,
    Conversion,
    CounterPricing,
    CounterValue,
    FieldValue,
    Minimum,
    Pricing,
    PricingType,
    Product,
    Segment,
    Standing,
)
from usance.domain.billing.pool import ChildBilling
from usance.domain.kernel.calendar import Calendar, Frequency
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.money import Currency, RoundingMode
from usance.domain.kernel.quantity import Rounding
from usance.domain.kernel.timezones import midnight
from usance.domain.metering.custom_sql import custom_sql_of
from usance.domain.rating.bands import Band
from usance.resources import instants
from usance.resources.wire import Document

DATE_LENGTH: Final = 10  # YYYY-MM-DD


def day(text: str) -> date:
    """The date that is written, of a date or a date-time."""
    return date.fromisoformat(text[:DATE_LENGTH])


def optional_day(text: str | None) -> date | None:
    """`day`, of a value that may be absent."""
    return day(text) if text else None


def instant(text: str, zone: tzinfo) -> datetime:
    """An instant in UTC: a date alone is its local midnight in `zone`; a date-time without an offset is UTC."""
    return midnight(day(text), zone) if len(text) == DATE_LENGTH else instants.from_text(text)


def optional_instant(text: str | None, zone: tzinfo) -> datetime | None:
    """`instant`, of a value that may be absent."""
    return instant(text, zone) if text else None


def account_of(document: Document) -> Account:
    """An account."""
    return Account(document["id"], document["code"], document["name"], document.get("purchaseOrderNumber"))


def product_of(document: Document) -> Product:
    """A product."""
    return Product(document["id"], document["name"], document["code"])


def currency_of(document: Document) -> Currency:
    """A currency, with our defaults where the document is silent (Q13)."""
    places, mode = document.get("maxDecimalPlaces"), document.get("roundingMode")
    return Currency(
        document["code"],
        2 if places is None else int(places),
        RoundingMode(mode) if mode else RoundingMode.HALF_UP,
    )


def conversions_of(documents: Sequence[Document]) -> tuple[Conversion, ...]:
    """Conversion rates."""
    return tuple(Conversion(item["from"], item["to"], number_of(item["multiplier"])) for item in documents)


def aggregation_of(document: Document, meter: Document | None) -> Aggregation:
    """A simple aggregation. `meter` is asked for when it has a query of its own, which may name the meter's fields."""
    default = document.get("defaultValue")
    return Aggregation(
        id=document["id"],
        name=document["name"],
        meter_id=document["meterId"],
        method=document["aggregation"],
        target_field=document["targetField"],
        unit=document["unit"],
        quantity_per_unit=number_of(document["quantityPerUnit"]),
        rounding=Rounding(document["rounding"]),
        default_value=None if default is None else number_of(default),
        accounting_product_id=document.get("accountingProductId"),
        segmented_fields=tuple(document.get("segmentedFields") or ()),
        segments=tuple(_segment(segment) for segment in document.get("segments") or ()),
        custom_sql=custom_sql_of(document, meter or {}),
    )


def compound_of(document: Document, parts: tuple[tuple[str, Aggregation], ...]) -> Compound:
    """A compound aggregation that is calculated from `parts`, by code."""
    return Compound(
        id=document["id"],
        name=document["name"],
        calculation=document["calculation"],
        parts=parts,
        unit=document["unit"],
        quantity_per_unit=number_of(document["quantityPerUnit"]),
        rounding=Rounding(document["rounding"]),
        evaluate_nulls=bool(document.get("evaluateNullAggregations")),
        accounting_product_id=document.get("accountingProductId"),
    )


def pricing_of(document: Document, aggregation: Aggregation | Compound, config: Document, zone: tzinfo) -> Pricing:
    """A pricing; its minimum spend is billed in advance as it says, else as the organization says (billing.md 1.1)."""
    return Pricing(
        id=document["id"],
        aggregation=aggregation,
        bands=tuple(band_of(band) for band in document["pricingBands"]),
        start=instant(document["startDate"], zone),
        end=optional_instant(document.get("endDate"), zone),
        cumulative=bool(document.get("cumulative")),
        type=PricingType(document.get("type") or "DEBIT"),
        segment=_segment(document.get("segment") or {}),
        tiers_span_plan=bool(document.get("tiersSpanPlan")),
        minimum=Minimum(
            amount=number_of(document.get("minimumSpend") or 0),
            in_advance=bool(first("minimumSpendBillInAdvance", document, config)),
            description=document.get("minimumSpendDescription"),
            accounting_product_id=document.get("accountingProductId"),
        ),
        description=document.get("description"),
        accounting_product_id=document.get("accountingProductId"),
        of_template=bool(document.get("planTemplateId")),
        overage_bands=tuple(band_of(band) for band in document.get("overagePricingBands") or ()),
        version=int(document.get("version") or 1),
    )


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


def _segment(values: Mapping[str, str]) -> Segment:
    return tuple(sorted(values.items()))


def band_of(document: Document) -> Band:
    """A pricing band."""
    return Band(
        id=document["id"],
        lower_limit=number_of(document["lowerLimit"]),
        fixed_price=number_of(document["fixedPrice"]),
        unit_price=number_of(document["unitPrice"]),
    )


def first(name: str, *documents: Document) -> Any:
    """The first value that is defined: the override chains of billing.md 1.1."""
    return next((document[name] for document in documents if document.get(name) is not None), None)


def number_of(value: Decimal | int) -> Decimal:
    """A number of a document, exact. `InvalidInputError` when it is none."""
    if not isinstance(value, Decimal | int):
        raise InvalidInputError(f"{value!r} is not a number")
    return Decimal(value)

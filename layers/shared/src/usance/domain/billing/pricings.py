"""Prices of aggregations, simple and compound, and minimum spends."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from usance.domain.kernel.quantity import ZERO, Rounding
from usance.domain.metering.custom_sql import CustomSql
from usance.domain.rating.bands import Band

Segment = tuple[tuple[str, str], ...]
"""Values by field, sorted by field. A value of `*` stands for any that no more specific segment names."""


class PricingType(StrEnum):
    """Whether a pricing charges or credits (billing.md 2.1, 2.6)."""

    DEBIT = "DEBIT"
    PRODUCT_CREDIT = "PRODUCT_CREDIT"
    GLOBAL_CREDIT = "GLOBAL_CREDIT"


@dataclass(frozen=True, slots=True)
class Aggregation:
    """How measurements become a quantity, and a quantity units."""

    id: str
    name: str
    meter_id: str
    method: str
    target_field: str
    unit: str
    quantity_per_unit: Decimal
    rounding: Rounding
    default_value: Decimal | None = None
    accounting_product_id: str | None = None
    segmented_fields: tuple[str, ...] = ()
    segments: tuple[Segment, ...] = ()
    custom_sql: CustomSql | None = None


FieldValue = Decimal | str
"""A custom field."""


@dataclass(frozen=True, slots=True)
class Compound:
    """How a quantity follows from those of `parts`, simple aggregations by code, and a quantity becomes units."""

    id: str
    name: str
    calculation: str
    parts: tuple[tuple[str, Aggregation], ...]
    unit: str
    quantity_per_unit: Decimal
    rounding: Rounding
    evaluate_nulls: bool = False
    accounting_product_id: str | None = None


@dataclass(frozen=True, slots=True)
class Minimum:
    """A minimum spend. An amount of 0 asks for nothing."""

    amount: Decimal
    in_advance: bool = False
    description: str | None = None
    accounting_product_id: str | None = None


@dataclass(frozen=True, slots=True)
class Pricing:
    """A price for one aggregation, simple or compound (and segment), from `start` to `end` (None: for ever)."""

    id: str
    aggregation: Aggregation | Compound
    bands: tuple[Band, ...]
    start: datetime
    end: datetime | None = None
    cumulative: bool = False
    type: PricingType = PricingType.DEBIT
    segment: Segment = ()
    tiers_span_plan: bool = False
    minimum: Minimum = field(default_factory=lambda: Minimum(ZERO))
    description: str | None = None
    accounting_product_id: str | None = None
    of_template: bool = False
    overage_bands: tuple[Band, ...] = ()
    version: int = 1

"""Line items before they are converted, and the makers that keep them uniform (billing.md 12.2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from usance.domain.billing.attached import Origin, Product
from usance.domain.kernel.period import Instants
from usance.domain.rating.bands import BandCharge


class LineItemType(StrEnum):
    """What a line item is for (billing.md 12.3). The API knows more; these are the ones that the steps here make."""

    STANDING_CHARGE = "STANDING_CHARGE"
    USAGE = "USAGE"
    USAGE_CREDIT = "USAGE_CREDIT"
    COUNTER_RUNNING_TOTAL_CHARGE = "COUNTER_RUNNING_TOTAL_CHARGE"
    COUNTER_ADJUSTMENT_DEBIT = "COUNTER_ADJUSTMENT_DEBIT"
    COUNTER_ADJUSTMENT_CREDIT = "COUNTER_ADJUSTMENT_CREDIT"
    AD_HOC = "AD_HOC"
    MINIMUM_SPEND = "MINIMUM_SPEND"
    MINIMUM_SPEND_REFUND = "MINIMUM_SPEND_REFUND"
    COMMITMENT_CONSUMED = "COMMITMENT_CONSUMED"
    BALANCE_CONSUMED = "BALANCE_CONSUMED"
    OVERAGE_SURCHARGE = "OVERAGE_SURCHARGE"
    OVERAGE_USAGE = "OVERAGE_USAGE"
    COMMITMENT_FEE = "COMMITMENT_FEE"
    BALANCE_FEE = "BALANCE_FEE"


DRAW_DOWNS: Final = frozenset({LineItemType.COMMITMENT_CONSUMED, LineItemType.BALANCE_CONSUMED})


@dataclass(frozen=True, slots=True)
class Working:
    """A step by which an amount came about: what went in, by name, and what came out. Explains a line; charges nothing."""

    step: str
    given: tuple[tuple[str, Decimal], ...]
    result: Decimal


@dataclass(frozen=True, slots=True)
class Item:
    """A line item in the pricing currency.

    `subtotal` is rounded to that currency; band details and the average price are exact. `band_quantities` holds the
    part of `quantity` in each band. `elsewhere` is the account that pays it on a bill of its own: then it counts here, and is no line.
    `pays_for` is the id of the line item that a credit pays, or that lies beyond one. `apart` tells line items apart that
    agree in everything else.
    """

    type: LineItemType
    description: str
    origin: Origin
    accounting_product: Product | None
    span: Instants
    subtotal: Decimal
    quantity: Decimal
    units: Decimal
    unit: str
    average_unit_price: Decimal
    bands: tuple[BandCharge, ...] = ()
    quantity_per_unit: Decimal = Decimal(1)
    pricing_id: str | None = None
    aggregation_id: str | None = None
    compound_aggregation_id: str | None = None
    meter_id: str | None = None
    counter_id: str | None = None
    charge_id: str | None = None
    balance_id: str | None = None
    commitment_id: str | None = None
    pays_for: str | None = None
    apart: str = ""
    segment: Mapping[str, str] | None = None
    elsewhere: str = ""
    workings: tuple[Working, ...] = ()

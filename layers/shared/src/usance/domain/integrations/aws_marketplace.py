"""Bills as metering records of AWS Marketplace (platform.md 10.6; docs/integrations.md).

Every dimension is priced at $0.01 a unit, so that a record's quantity is an amount in cents. AWS adds records up and takes
none back, keeps one record per customer, dimension and hour, and takes no record that is older than six hours. So a bill is
a set of amounts per dimension, what was metered of it before is subtracted, and each rest gets an hour of its own.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from usance.domain.integrations.amounts import places_of, whole_units
from usance.domain.integrations.external_ids import ExternalIds
from usance.domain.integrations.faults import ConnectorError
from usance.domain.integrations.invoice import Invoice, InvoiceLine
from usance.domain.integrations.system import Setting, System
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.quantity import ZERO
from usance.domain.notifications.delivery import Fault

CURRENCY: Final = "USD"  # what a unit's cent is of
QUANTITY_MAX: Final = 2_147_483_647  # UsageRecord.Quantity
RECORDS_MAX: Final = 25  # UsageRecords of one BatchMeterUsage
HOURS_BACK: Final = 4  # with the present hour, always younger than the six hours that AWS takes
CUSTOMER_TABLE: Final = "Customer"
LICENSE_TABLE: Final = "License"
DIMENSION_TABLE: Final = "Dimension"
_HOUR: Final = timedelta(hours=1)
_REGION: Final = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d")
_DIMENSION: Final = re.compile(r"[^-]+-.+")


@dataclass(frozen=True, slots=True, order=True)
class Dimension:
    """A dimension of a product that is listed in AWS Marketplace."""

    product_code: str
    key: str

    @classmethod
    def parse(cls, text: str) -> "Dimension":
        """From `productCode-dimensionKey`; product codes have no hyphen, keys may. A `ConnectorError` for other texts."""
        product_code, _, key = text.partition("-")
        if not product_code or not key:
            raise _refused(f"the external mapping {text!r} must be productCode-dimensionKey")
        return cls(product_code, key)

    def __str__(self) -> str:
        """As external mappings write it."""
        return f"{self.product_code}-{self.key}"


@dataclass(frozen=True, slots=True)
class Amount:
    """What a line adds to a bill, in US dollars. Without a `dimension` it is a credit, below 0, for any of them."""

    amount: Decimal
    dimension: Dimension | None


def cents(amounts: Iterable[Amount]) -> Mapping[Dimension, int]:
    """Whole cents per dimension, above zero, that together are the sum of `amounts`, rounded (`amounts.whole_units`).

    Credits lessen the dimensions of their own product first, the largest first, then those of others. A `ConnectorError`
    when the credits are more than what there is to meter: AWS takes no negative quantity.
    """
    exact = _without_credits(amounts)
    dimensions = sorted(exact)
    units = whole_units([exact[dimension] for dimension in dimensions], places_of(CURRENCY))
    whole = {dimension: quantity for dimension, quantity in zip(dimensions, units, strict=True) if quantity}
    for dimension, quantity in whole.items():
        if quantity > QUANTITY_MAX:
            raise _refused(f"{dimension}: {quantity} cents are more than a metering record can hold")
    return whole


def _without_credits(amounts: Iterable[Amount]) -> dict[Dimension, Decimal]:
    sums: dict[Dimension, Decimal] = {}
    free = ZERO
    for each in amounts:
        if each.dimension is None:
            free += each.amount
        else:
            sums[each.dimension] = sums.get(each.dimension, ZERO) + each.amount
    charged = {dimension: amount for dimension, amount in sums.items() if amount > 0}
    credits_ = [(dimension.product_code, -amount) for dimension, amount in sorted(sums.items()) if amount < 0]
    for product_code, credit in [*credits_, ("", -free)]:
        if _deduct(charged, product_code, credit):
            raise _refused(
                "the bill's credits are more than its charges, and AWS Marketplace takes no negative quantities; "
                "refund the customer there"
            )
    return charged


def _deduct(charged: dict[Dimension, Decimal], product_code: str, credit: Decimal) -> Decimal:
    """Take `credit` out of `charged`, and answer what could not be taken."""
    own_and_largest_first = sorted(charged, key=lambda each: (each.product_code != product_code, -charged[each], each))
    for dimension in own_and_largest_first:
        taken = min(credit, charged[dimension])
        charged[dimension] -= taken
        credit -= taken
    return credit


def still_to_meter(
    wanted: Mapping[Dimension, int], metered: Iterable[tuple[Dimension, int]]
) -> Mapping[Dimension, int]:
    """What is left of `wanted` after what was `metered` of the same bill before.

    A `ConnectorError` when the bill has become smaller in a dimension: what was metered cannot be taken back.
    """
    left = dict(wanted)
    for dimension, quantity in metered:
        left[dimension] = left.get(dimension, 0) - quantity
    smaller = min((dimension for dimension, quantity in left.items() if quantity < 0), default=None)
    if smaller is not None:
        raise _refused(
            f"{smaller}: {-left[smaller]} cents more than the bill now says were metered, and AWS Marketplace takes "
            "nothing back; refund the customer there"
        )
    return {dimension: quantity for dimension, quantity in left.items() if quantity}


def hours(now: datetime) -> Sequence[datetime]:
    """The hours that records of `now` (aware, UTC) may bear: this one, then those before it in the same month."""
    present = now.replace(minute=0, second=0, microsecond=0)
    candidates = (present - _HOUR * back for back in range(HOURS_BACK + 1))
    return tuple(hour for hour in candidates if hour.month == present.month)


def may_still_be_sent(hour: datetime, now: datetime) -> bool:
    """Whether AWS still takes a record of `hour`."""
    return now - hour < _HOUR * (HOURS_BACK + 2)


def amounts_of(invoice: Invoice, known: ExternalIds, usual: str | None) -> Sequence[Amount]:
    """What each line of a bill adds to which dimension: that of its product, else the `usual` one.

    A `ConnectorError` for a currency other than US dollars and for a charge that has no dimension.
    """
    if invoice.currency != CURRENCY:
        raise _refused(f"AWS Marketplace meters in {CURRENCY}, and the bill is in {invoice.currency}")
    return [_amount(line, known, usual) for line in invoice.lines]


def _amount(line: InvoiceLine, known: ExternalIds, usual: str | None) -> Amount:
    product_id = line.product.id if line.product else None
    dimension = known.of("Product", product_id, DIMENSION_TABLE) or usual
    if dimension is None and line.amount > 0:
        wanted = f"map the product {product_id}" if product_id else "set the option defaultDimension"
        raise _refused(f"the line {line.description!r} has no dimension: {wanted}")
    return Amount(line.amount, Dimension.parse(dimension) if dimension else None)


def _refused(text: str) -> ConnectorError:
    return ConnectorError(Fault.PAYLOAD_REFUSED, text)


def check_options(options: Mapping[str, Any]) -> None:
    """`InvalidInputError` for options that nothing can be metered with."""
    for name, pattern, example in (
        ("region", _REGION, "us-east-1"),
        ("defaultDimension", _DIMENSION, "productCode-dimensionKey"),
    ):
        given = options.get(name)
        if given and not pattern.fullmatch(given):
            raise InvalidInputError(f"configData.{name} must be such as {example}")


SYSTEM: Final = System(
    identifier="AWS",
    display_name="AWS Marketplace",
    destinations=("AWS", "AWSMarketplace"),
    category="Marketplace",
    credentials={"AWS_INTEGRATION": (Setting("roleArn", "Role to assume in the seller's account"),)},
    options=(
        Setting("region", "Region of the metering service"),
        Setting("defaultDimension", "Dimension of what no product is mapped for, as productCode-dimensionKey"),
    ),
    tables={
        "Bill": ("MeteringRecord",),
        "Account": (CUSTOMER_TABLE, LICENSE_TABLE),
        "Product": (DIMENSION_TABLE,),
    },
    check=check_options,
)

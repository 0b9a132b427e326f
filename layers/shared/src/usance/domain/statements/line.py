"""A bill's line item, as a statement needs it."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from usance.domain.billing.pricings import Segment
from usance.domain.billing.segments import Segmentation
from usance.domain.kernel.period import Instants


@dataclass(frozen=True, slots=True)
class Metered:
    """Where a usage line's quantity comes from: `method` of `target_field` on a meter, maybe of one segment.

    `number_fields` and `string_fields` are the codes of all data and derived fields of the meter. `segment` is the one that
    this line prices, of those of the aggregation over `segmented_fields` (empty, without any segmentation: all usage).
    `default_value` is the quantity where there is no usage.
    """

    meter_id: str
    meter_code: str
    target_field: str
    method: str
    number_fields: Sequence[str]
    string_fields: Sequence[str]
    segment: Segment = ()
    segmentation: Segmentation | None = None
    segmented_fields: Sequence[str] = ()
    default_value: Decimal | None = None


@dataclass(frozen=True, slots=True)
class BilledLine:
    """One line item. `metered` is None for lines without usage, and for those whose usage another line shows: `shown_with`.

    `subtotal` and `average_unit_price` (per unit as rated) are in `currency`, the pricing's; `converted_subtotal` is in
    the bill's.
    """

    id: str
    line_item_type: str
    description: str
    product_name: str
    account_id: str
    unit: str
    quantity: Decimal
    currency: str
    subtotal: Decimal
    converted_subtotal: Decimal
    average_unit_price: Decimal
    service: Instants
    metered: Metered | None = None
    shown_with: str | None = None

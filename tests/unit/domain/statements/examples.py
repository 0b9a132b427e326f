"""Lines, meters and values that the tests of statements share."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from usance.domain.billing.segments import Segmentation
from usance.domain.kernel.period import Instants
from usance.domain.statements.line import BilledLine, Metered
from usance.domain.statements.statement import BillHeader, Value

NOVEMBER = Instants(datetime(2023, 11, 1, tzinfo=UTC), datetime(2023, 12, 1, tzinfo=UTC))

TOKENS = Metered(
    meter_id="meter-1",
    meter_code="llm_requests",
    target_field="context_tokens",
    method="SUM",
    number_fields=("context_tokens", "generated_tokens"),
    string_fields=("region", "model"),
)

LINE = BilledLine(
    id="line-1",
    line_item_type="USAGE",
    description="Context tokens",
    product_name="LLM API",
    account_id="account-1",
    unit="token",
    quantity=Decimal("300.0"),
    currency="USD",
    subtotal=Decimal("0.90"),
    converted_subtotal=Decimal("0.90"),
    average_unit_price=Decimal("0.003"),
    service=NOVEMBER,
    metered=TOKENS,
)

STANDING = replace(
    LINE,
    id="line-2",
    line_item_type="STANDING_CHARGE",
    description="Standing Charge",
    unit="",
    quantity=Decimal(1),
    subtotal=Decimal(20),
    converted_subtotal=Decimal(20),
    average_unit_price=Decimal(20),
    metered=None,
)

BILL = BillHeader(
    bill_id="bill-1",
    account_id="account-1",
    account_code="acme",
    account_name="Acme Ltd",
    bill_date=date(2023, 12, 1),
    start=date(2023, 11, 1),
    end=date(2023, 12, 1),
    currency="USD",
    zone=ZoneInfo("UTC"),
    time_zone_name="UTC",
)


def on(day: int, value: str | None, **group: str) -> Value:
    """A value of one day of November."""
    return Value(group, datetime(2023, 11, day, tzinfo=UTC), None if value is None else Decimal(value))


def segmented(segment: Mapping[str, str], *segments: Mapping[str, str]) -> Metered:
    """The line of one of several segments."""
    all_of_them = Segmentation.of([tuple(sorted(one.items())) for one in segments])
    return replace(
        TOKENS, segment=tuple(sorted(segment.items())), segmentation=all_of_them, segmented_fields=tuple(segment)
    )

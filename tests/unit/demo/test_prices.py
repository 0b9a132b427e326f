"""The plain arithmetic that the demo holds its bill against."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from demo.billing import differences
from demo.catalog import Catalog
from demo.prices import Expected, expected
from demo.trace import LlmRequest

CATALOG = Catalog("account", "context", "generated", "largest")


def request(context: int, generated: int, day: int = 16) -> LlmRequest:
    return LlmRequest(1, datetime(2023, 11, day, tzinfo=UTC), Decimal(context), Decimal(generated))


def november(*requests: LlmRequest) -> Expected:
    return expected(requests, 2023, 11)


def test_a_month_of_some_millions_of_tokens() -> None:
    month = november(request(7_437, 245_896), request(18_052_537, 0))
    assert month.context_charge == Decimal("42.09")
    assert month.generated_charge == Decimal("3.69")


@pytest.mark.parametrize(("largest", "charge"), [(0, 0), (4_000, 0), (4_001, 5), (7_437, 5), (8_000, 5), (8_001, 12)])
def test_the_largest_context_is_charged_by_steps(largest: int, charge: int) -> None:
    assert november(request(largest, 1)).largest_charge == charge


def test_each_started_thousand_of_generated_tokens_counts() -> None:
    assert november(request(1, 1_000)).generated_charge == Decimal("0.02")  # 0.015, rounded half up
    assert november(request(1, 1_001)).generated_charge == Decimal("0.03")


def test_a_month_without_requests_costs_the_standing_charge() -> None:
    assert expected([request(1, 1)], 2023, 12).total == Decimal("20.00")


def bill(**lines: tuple[str, str]) -> dict[str, object]:
    items = [
        {"aggregationId": name, "quantity": Decimal(quantity), "convertedSubtotal": Decimal(charge)}
        for name, (quantity, charge) in lines.items()
    ]
    items.append({"quantity": Decimal(1), "convertedSubtotal": Decimal("20.00")})
    return {"lineItems": items, "billTotal": sum(item["convertedSubtotal"] for item in items)}  # type: ignore[misc]


def test_a_right_bill_has_no_differences() -> None:
    month = november(request(5_000, 1_001))
    assert (
        differences(bill(context=("5000", "0.02"), generated=("1001", "0.03"), largest=("5000", "5")), month, CATALOG)
        == []
    )


def test_a_wrong_quantity_charge_or_missing_line_is_named() -> None:
    month = november(request(5_000, 1_001))
    found = differences(bill(context=("5001", "0.02"), generated=("1001", "0.04")), month, CATALOG)
    assert "context tokens: 5001 instead of 5000" in found
    assert "the charge for generated tokens: 0.04 instead of 0.03" in found
    assert "the largest context: None instead of 5000" in found
    assert any(line.startswith("the total") for line in found)

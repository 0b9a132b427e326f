"""Agreements that charge for usage, through the official SDK."""

from datetime import UTC, date, datetime
from typing import Any

from m3ter import M3ter

from tests.conformance.subscribed import NOVEMBER


def priced(client: M3ter, code: str, unit_price: float = 1) -> str:
    """A monthly plan of a new product, priced per match of the meter `code`."""
    product = client.products.create(code=code, name=code)
    template = client.plan_templates.create(
        name=code, product_id=product.id, currency="USD", bill_frequency="MONTHLY", standing_charge=0
    )
    plan = client.plans.create(code=code, name=code, plan_template_id=template.id)
    price(client, plan.id, code, unit_price=unit_price)
    return plan.id


def price(client: M3ter, plan_id: str, code: str, unit_price: float = 1, **more: Any) -> None:
    """A pricing per match of a new meter `code`."""
    meter = client.meters.create(
        code=code,
        name=code,
        data_fields=[
            {"category": "MEASURE", "code": "matches", "name": "Matches", "unit": "matches"},
            {"category": "WHERE", "code": "region", "name": "Region"},
        ],
        derived_fields=[],
    )
    aggregation = client.aggregations.create(
        code=code,
        name=code,
        meter_id=meter.id,
        target_field="matches",
        aggregation="SUM",
        quantity_per_unit=1,
        rounding="NONE",
        unit="matches",
    )
    client.pricings.create(
        plan_id=plan_id,
        aggregation_id=aggregation.id,
        start_date="2023-01-01T00:00:00Z",
        pricing_bands=[{"lower_limit": 0, "fixed_price": 0, "unit_price": unit_price}],
        **more,
    )


def account(client: M3ter, code: str, **more: str) -> str:
    return client.accounts.create(code=code, name=code, email_address="billing@example.com", **more).id  # type: ignore[arg-type]


def use(
    client: M3ter, meter: str, account_code: str, matches: float, region: str = "eu", month: date = NOVEMBER
) -> None:
    """Usage on the fifth of `month`."""
    client.usage.submit(
        measurements=[
            {
                "uid": f"{meter}/{account_code}/{matches}/{region}/{month}",
                "meter": meter,
                "account": account_code,
                "ts": datetime(month.year, month.month, 5, tzinfo=UTC),
                "measure": {"matches": matches},
                "where": {"region": region},
            }
        ]
    )

"""What the provider sells and to whom, created through the API."""

from dataclasses import dataclass
from typing import Final

from m3ter import M3ter

from demo import prices
from demo.receiver import Receiver

METER: Final = "llm_requests"
ACCOUNT: Final = "acme"
EVENT: Final = "billing.bill.updated"
# Once per bill: when it becomes approved, and holds more than the standing charge.
RULE: Final = 'new.status == "APPROVED" AND old.status != "APPROVED" AND new.billTotal > 20'


@dataclass(frozen=True, slots=True)
class Catalog:
    """Ids of what later steps refer to."""

    account_id: str
    context_id: str
    generated_id: str
    largest_id: str


def create(client: M3ter, start: str) -> Catalog:
    """Product, meter, aggregations, plan with prices, account and its plan from the date `start` on."""
    product = client.products.create(code="llm_api", name="LLM API")
    fields = (("context_tokens", "Context tokens"), ("generated_tokens", "Generated tokens"))
    meter = client.meters.create(
        code=METER,
        name="LLM requests",
        product_id=product.id,
        data_fields=[{"category": "MEASURE", "code": code, "name": name, "unit": "1"} for code, name in fields],
        derived_fields=[],
    )
    context = client.aggregations.create(
        code="context_tokens",
        name="Context tokens",
        meter_id=meter.id,
        target_field="context_tokens",
        aggregation="SUM",
        quantity_per_unit=1,
        rounding="NONE",
        unit="token",
    )
    generated = client.aggregations.create(
        code="generated_tokens",
        name="Generated tokens",
        meter_id=meter.id,
        target_field="generated_tokens",
        aggregation="SUM",
        quantity_per_unit=int(prices.GENERATED_PER_UNIT),
        rounding="UP",
        unit="1,000 tokens",
    )
    largest = client.aggregations.create(
        code="largest_context",
        name="Largest context",
        meter_id=meter.id,
        target_field="context_tokens",
        aggregation="MAX",
        quantity_per_unit=1,
        rounding="NONE",
        unit="token",
    )
    template = client.plan_templates.create(
        code="llm_monthly",
        name="LLM API, monthly",
        product_id=product.id,
        currency=prices.CURRENCY,
        bill_frequency="MONTHLY",
        bill_frequency_interval=1,
        standing_charge=float(prices.STANDING_CHARGE),
    )
    plan = client.plans.create(code="llm_standard", name="LLM API, standard", plan_template_id=template.id)
    _price(
        client,
        plan.id,
        context.id,
        start,
        tiers=((0, prices.CONTEXT_PRICE), (prices.CONTEXT_LIMIT, prices.CONTEXT_PRICE_ABOVE)),
    )
    _price(client, plan.id, generated.id, start, tiers=((0, prices.GENERATED_PRICE),))
    client.pricings.create(
        plan_id=plan.id,
        aggregation_id=largest.id,
        start_date=start,
        cumulative=False,
        pricing_bands=[
            {"lower_limit": float(above), "fixed_price": float(price), "unit_price": 0}
            for above, price in prices.LARGEST_STEPS
        ],
    )
    definition = client.statements.statement_definitions.create(
        name="Daily usage", aggregation_frequency="DAY", include_price_per_unit=True
    )
    account = client.accounts.create(
        code=ACCOUNT,
        name="Acme Ltd",
        email_address="billing@example.com",
        currency=prices.CURRENCY,
        statement_definition_id=definition.id,
    )
    client.account_plans.create(account_id=account.id, plan_id=plan.id, start_date=start)
    return Catalog(account.id, context.id, generated.id, largest.id)


def _price(
    client: M3ter, plan_id: str, aggregation_id: str, start: str, tiers: tuple[tuple[object, object], ...]
) -> None:
    client.pricings.create(
        plan_id=plan_id,
        aggregation_id=aggregation_id,
        start_date=start,
        cumulative=True,
        pricing_bands=[
            {"lower_limit": float(str(limit)), "fixed_price": 0, "unit_price": float(str(price))}
            for limit, price in tiers
        ],
    )


def notify(client: M3ter, receiver: Receiver) -> None:
    """A rule on the bill's total whose firing calls the receiver."""
    rule = client.notification_configurations.create(
        code="bill_approved",
        name="Bill approved",
        description="A bill with usage on it was approved",
        event_name=EVENT,
        active=True,
        always_fire_event=False,
        calculation=RULE,
    )
    webhook = client.webhooks.create(
        name="Finance",
        description="The finance system of the provider",
        url=receiver.url,
        active=True,
        credentials={"type": "M3TER_SIGNED_REQUEST", "api_key": receiver.api_key, "secret": receiver.secret},
    )
    client.integration_configurations.create(
        name="Bill approved to finance",
        entity_type="Notification",
        entity_id=rule.id,
        destination="Webhook",
        destination_id=webhook.id,
        config_data={},
    )

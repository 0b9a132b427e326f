"""Counters, compound aggregations, charges and schedules of balances, billed through the official SDK (W6, W20, W21)."""

from datetime import UTC, datetime
from typing import Any

from m3ter import M3ter
from m3ter.types import BillResponse

from local.testing import RunningStack
from tests.conformance.subscribed import billed

FROM = "2023-11-01T00:00:00Z"
TO = "2023-12-01T00:00:00Z"


def monthly(client: M3ter, code: str) -> str:
    """A monthly plan without charges of its own."""
    product = client.products.create(code=code, name=code)
    template = client.plan_templates.create(
        name=code, product_id=product.id, currency="USD", bill_frequency="MONTHLY", standing_charge=0
    )
    return client.plans.create(code=code, name=code, plan_template_id=template.id).id


def account(client: M3ter, code: str, plan_id: str | None = None) -> str:
    id_ = client.accounts.create(code=code, name=code, email_address="billing@example.com").id
    if plan_id:
        client.account_plans.create(account_id=id_, plan_id=plan_id, start_date=FROM)
    return id_


def rows(bill: BillResponse) -> list[tuple[str, float, float]]:
    return [(line.line_item_type, line.units, line.converted_subtotal) for line in bill.line_items]


def test_w6_a_counter_is_billed_by_its_value_and_its_changes(strict: M3ter) -> None:
    plan = monthly(strict, "seats")
    customer = account(strict, "seated", plan)
    counter = strict.counters.create(name="Seats", unit="seats", code="seats")
    strict.counter_pricings.create(
        counter_id=counter.id,
        plan_id=plan,
        start_date="2023-01-01T00:00:00Z",
        cumulative=True,
        running_total_bill_in_advance=False,
        pro_rate_running_total=False,
        pro_rate_adjustment_debit=False,
        pro_rate_adjustment_credit=False,
        pricing_bands=[
            {"lower_limit": 0, "fixed_price": 0, "unit_price": 2},
            {"lower_limit": 20, "fixed_price": 0, "unit_price": 3},
        ],
    )
    for day, value in (("2023-11-01", 15), ("2023-11-15", 18)):
        strict.counter_adjustments.create(counter_id=counter.id, account_id=customer, date=day, value=value)
    [bill] = billed(strict, customer)
    assert rows(bill) == [("COUNTER_RUNNING_TOTAL_CHARGE", 15, 30), ("COUNTER_ADJUSTMENT_DEBIT", 3, 6)]
    assert bill.bill_total == 36
    assert {line.counter_id for line in bill.line_items} == {counter.id}


def test_w20_a_compound_aggregation_gives_free_requests_for_each_app(strict: M3ter) -> None:
    meter = strict.meters.create(
        code="hosting",
        name="Hosting",
        data_fields=[
            {"category": "MEASURE", "code": "requests", "name": "Requests", "unit": "requests"},
            {"category": "MEASURE", "code": "apps", "name": "Apps", "unit": "apps"},
        ],
        derived_fields=[],
    )
    for code, method in (("requests", "SUM"), ("apps", "MAX")):
        simple: Any = {"aggregation": method, "target_field": code, "quantity_per_unit": 1, "rounding": "NONE"}
        strict.aggregations.create(code=code, name=code, meter_id=meter.id, unit=code, **simple)
    compound = strict.compound_aggregations.create(
        code="billable",
        name="Billable requests",
        calculation="Math.max(aggregation.requests - aggregation.apps * 100, 0)",
        quantity_per_unit=1,
        rounding="NONE",
        unit="requests",
    )
    plan = monthly(strict, "hosting")
    strict.pricings.create(
        plan_id=plan,
        compound_aggregation_id=compound.id,
        start_date="2023-01-01T00:00:00Z",
        pricing_bands=[{"lower_limit": 0, "fixed_price": 0, "unit_price": 1}],
    )
    customer = account(strict, "hosted", plan)
    strict.usage.submit(
        measurements=[
            {
                "uid": f"hosted/{day}",
                "meter": "hosting",
                "account": "hosted",
                "ts": datetime(2023, 11, day, tzinfo=UTC),
                "measure": {"requests": requests, "apps": apps},
            }
            for day, requests, apps in ((3, 200, 3), (10, 500, 5), (20, 300, 3))
        ]
    )
    [bill] = billed(strict, customer)
    assert rows(bill) == [("USAGE", 500, 500)]
    assert bill.line_items[0].compound_aggregation_id == compound.id
    assert bill.line_items[0].description == "Billable requests"


def test_w21_a_charge_is_on_a_bill_of_its_date(strict: M3ter) -> None:
    customer = account(strict, "onboarded")
    charge = strict.charges.create(
        account_id=customer,
        name="Onboarding fee",
        code="onboarding",
        currency="USD",
        entity_type="AD_HOC",
        line_item_type="AD_HOC",
        amount=500,
        bill_date="2023-12-01",
        service_period_start_date=FROM,
        service_period_end_date=TO,
    )
    [bill] = billed(strict, customer)
    assert (bill.billing_frequency, str(bill.bill_date), rows(bill)) == ("AD_HOC", "2023-12-01", [("AD_HOC", 1, 500)])
    assert bill.line_items[0].charge_id == charge.id
    assert strict.charges.retrieve(charge.id).bill_id == bill.id
    strict.bills.delete(bill.id)
    assert not strict.charges.retrieve(charge.id).bill_id


def test_the_schedules_of_a_balance_act_when_the_billing_schedule_fires(strict: M3ter, stack: RunningStack) -> None:
    customer = account(strict, "funded")
    balance = strict.balances.create(
        account_id=customer,
        name="Credit",
        code="funded",
        currency="USD",
        start_date=FROM,
        end_date="2024-11-01T00:00:00Z",
    )
    kind = strict.transaction_types.create(name="Grant", code="scheduled_grant")
    grant = strict.balances.transaction_schedules.create(
        balance.id,
        name="Grant",
        code="scheduled_grant",
        amount=50,
        start_date=FROM,
        end_date="2024-01-01T00:00:00Z",
        frequency="MONTHLY",
        frequency_interval=1,
        transaction_type_id=kind.id,
        transaction_description="Monthly grant",
    )
    fee = strict.balances.charge_schedules.create(
        balance.id,
        name="Fee",
        code="scheduled_fee",
        currency="USD",
        amount=7,
        bill_frequency="MONTHLY",
        bill_frequency_interval=1,
        bill_in_advance=False,
        charge_description="Monthly fee",
        service_period_start_date=FROM,
        service_period_end_date="2024-01-01T00:00:00Z",
    )
    for _ in range(2):
        stack.invoke("SchedulerFunction", {"schedule": "BillingSchedule", "time": "2023-12-15T00:00:00Z"})
    made = list(strict.balances.transactions.list(balance.id))
    assert [(one.amount, one.entity_type, one.entity_id) for one in made] == [(50, "SCHEDULER", grant.id)] * 2
    assert strict.balances.retrieve(balance.id).amount == 100
    [charge] = strict.charges.list(schedule_id=fee.id)
    assert (charge.amount, str(charge.bill_date), charge.entity_id) == (7, "2023-12-01", balance.id)
    [bill] = billed(strict, customer)
    assert rows(bill) == [("BALANCE_FEE", 1, 7)]
    assert bill.line_items[0].balance_id == balance.id

"""Commitments, balances and credits for usage on bills, through the official SDK (billing.md 8, 9; W12, W15–W17, W23)."""

from datetime import UTC, date, datetime

from m3ter import M3ter
from m3ter.types import BillResponse

from tests.conformance.priced import account, price, priced, use
from tests.conformance.subscribed import billed

FROM = datetime(2023, 1, 1, tzinfo=UTC)
NOVEMBER, DECEMBER = datetime(2023, 11, 1, tzinfo=UTC), datetime(2023, 12, 1, tzinfo=UTC)


def rows(bill: BillResponse) -> list[tuple[str, float]]:
    return [(line.line_item_type, line.converted_subtotal) for line in bill.line_items]


def on_plan(client: M3ter, code: str, unit_price: float) -> tuple[str, str]:
    """A new account on a new plan, and that plan."""
    plan = priced(client, code, unit_price)
    made = account(client, code)
    client.account_plans.create(account_id=made, plan_id=plan, start_date=FROM)
    return made, plan


def test_w12_a_prepayment_is_billed_drawn_down_and_exceeded(client: M3ter) -> None:
    buyer, plan = on_plan(client, "transactions", 0.46)
    prepaid = client.commitments.create(
        account_id=buyer,
        amount=15_000,
        currency="USD",
        start_date=date(2023, 9, 1),
        end_date=date(2024, 9, 1),
        billing_plan_id=plan,
        overage_surcharge_percent=1,
    )
    bills = []
    for month, count in ((9, 20_000), (10, 10_000), (11, 5_000)):
        use(client, "transactions", "transactions", count, month=date(2023, month, 1))
        bills += billed(client, buyer, month=date(2023, month, 1))
    assert [bill.bill_total for bill in bills] == [1250, 1250, 2361]
    assert rows(bills[0]) == [("USAGE", 9200), ("COMMITMENT_CONSUMED", -9200), ("COMMITMENT_FEE", 1250)]
    assert rows(bills[2]) == [
        ("USAGE", 2300),
        ("COMMITMENT_CONSUMED", -1200),
        ("OVERAGE_SURCHARGE", 11),
        ("COMMITMENT_FEE", 1250),
    ]
    assert client.commitments.retrieve(prepaid.id).amount_spent == 15_000
    client.bills.delete(bills[1].id)
    assert client.commitments.retrieve(prepaid.id).amount_spent == 10_400


def test_w15_part_of_a_balance_rolls_over_and_w17_it_moves_by_the_amount_whatever_was_paid(client: M3ter) -> None:
    buyer, _ = on_plan(client, "calls", 1)
    held = client.balances.create(
        account_id=buyer,
        name="Grant",
        code="grant",
        currency="USD",
        start_date=FROM,
        end_date=NOVEMBER,
        rollover_amount=800,
        rollover_end_date=DECEMBER,
    )
    for amount, paid in ((800, 800), (200, 50)):
        client.balances.transactions.create(held.id, amount=amount, paid=paid, currency_paid="EUR", applied_date=FROM)
    assert client.balances.retrieve(held.id).amount == 1000
    use(client, "calls", "calls", 900)
    [bill] = billed(client, buyer)
    assert rows(bill) == [("USAGE", 900), ("BALANCE_CONSUMED", -800)]
    summary = client.balances.transactions.summary(held.id)
    assert (summary.rollover_consumed, summary.expired_balance_amount) == (800, 200)
    [drawn] = client.balances.transactions.list(held.id, entity_type="BILL", entity_id=bill.id)
    assert drawn.amount == -800


def test_w16_usage_beyond_a_balance_costs_a_tenth_more(client: M3ter) -> None:
    buyer, _ = on_plan(client, "seats", 10)
    held = client.balances.create(
        account_id=buyer,
        name="Seats",
        code="seats",
        currency="USD",
        start_date=FROM,
        end_date=DECEMBER,
        overage_surcharge_percent=10,
    )
    client.balances.transactions.create(held.id, amount=30)
    use(client, "seats", "seats", 5)
    [bill] = billed(client, buyer)
    assert rows(bill) == [("USAGE", 50), ("BALANCE_CONSUMED", -30), ("OVERAGE_SURCHARGE", 2)]


def test_w23_credits_for_usage_stop_at_what_they_are_set_against(client: M3ter) -> None:
    buyer, a = on_plan(client, "product_a", 1)
    b = priced(client, "product_b")
    client.account_plans.create(account_id=buyer, plan_id=b, start_date=FROM)
    price(client, a, "off_a", type="PRODUCT_CREDIT")
    price(client, a, "off_all", type="GLOBAL_CREDIT")
    for meter, worth in (("product_a", 40), ("product_b", 100), ("off_a", 60), ("off_all", 200)):
        use(client, meter, "product_a", worth)
    [bill] = billed(client, buyer)
    credits_ = [amount for kind, amount in rows(bill) if kind == "USAGE_CREDIT"]
    assert (credits_, bill.bill_total) == ([-40, -100], 0)

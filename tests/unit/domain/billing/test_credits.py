"""What commitments and balances pay of a bill, and what lies beyond them (billing.md 8, 9, 11; W12, W15, W16)."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.domain.billing.agreements import (
    PRODUCT,
    aggregation,
    bands,
    bill,
    conversion,
    inputs,
    instant,
    lines,
    plan,
    pricing,
    terms,
)
from usance.domain.billing.attached import Product, Standing
from usance.domain.billing.credit import Credit, CreditKind, Phase, Rollover
from usance.domain.billing.dated import Charge
from usance.domain.billing.draft import BillDraft
from usance.domain.billing.draw_down import DRAWS_MAX
from usance.domain.billing.inputs import BillingInputs
from usance.domain.billing.pricings import Minimum, PricingType
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.money import Currency, RoundingMode
from usance.domain.kernel.period import Instants

JANUARY = "2024-02-01"
BOTH = (CreditKind.PREPAYMENT, CreditKind.BALANCE)
FIVE = frozenset(
    {"STANDING_CHARGE", "USAGE", "MINIMUM_SPEND", "COUNTER_RUNNING_TOTAL_CHARGE", "COUNTER_ADJUSTMENT_DEBIT"}
)


def span(start: str, end: str) -> Instants:
    return Instants(instant(start), instant(end))


def commitment(left: Any, id_: str = "commitment", **changes: Any) -> Credit:
    base = Credit(
        kind=CreditKind.PREPAYMENT,
        id=id_,
        currency="USD",
        span=span("2024-01-01", "2025-01-01"),
        left=Decimal(str(left)),
        line_item_types=FIVE,
    )
    return replace(base, **changes)


def balance(left: Any, id_: str = "balance", **changes: Any) -> Credit:
    return commitment(left, id_, kind=CreditKind.BALANCE, line_item_types=FIVE | {"AD_HOC"}, **changes)


def january(*credits_: Credit, plans: Any = None, **changes: Any) -> BillingInputs:
    return inputs(JANUARY, *(plans or [plan(pricing())]), credits=credits_, **{"credit_order": BOTH, **changes})


def draws(draft: BillDraft) -> list[tuple[str, str]]:
    return [(draw.credit_id, str(draw.amount)) for draw in draft.draws]


@pytest.mark.parametrize(
    ("transactions", "left", "expected", "total"),
    [
        (20_000, "15000", [("USAGE", "9200.00"), ("COMMITMENT_CONSUMED", "-9200.00")], "0.00"),
        (10_000, "5800", [("USAGE", "4600.00"), ("COMMITMENT_CONSUMED", "-4600.00")], "0.00"),
        (
            5_000,
            "1200",
            [("USAGE", "2300.00"), ("COMMITMENT_CONSUMED", "-1200.00"), ("OVERAGE_SURCHARGE", "11.00")],
            "1111.00",
        ),
        (5_000, "0", [("USAGE", "2300.00"), ("OVERAGE_SURCHARGE", "23.00")], "2323.00"),
    ],
)
def test_w12_usage_draws_on_a_prepayment_and_what_is_beyond_it_is_surcharged(
    transactions: int, left: str, expected: list[tuple[str, str]], total: str
) -> None:
    given_ = january(commitment(left, surcharge_percent=Decimal(1)), plans=[plan(pricing(rows=[(0, 0, "0.46")]))])
    draft = bill(given_, lambda _: transactions)
    assert lines(draft) == expected
    assert str(draft.total) == total


def test_w16_each_unit_beyond_a_balance_costs_a_tenth_more() -> None:
    given_ = january(balance(30, surcharge_percent=Decimal(10)), plans=[plan(pricing(rows=[(0, 0, 10)]))])
    draft = bill(given_, lambda _: 5)
    assert lines(draft) == [("USAGE", "50.00"), ("BALANCE_CONSUMED", "-30.00"), ("OVERAGE_SURCHARGE", "2.00")]
    assert draft.total == 2 * 11


def test_a_surcharge_tells_what_it_is_on() -> None:
    charged = pricing(rows=[(0, 0, "0.33")])
    draft = bill(january(commitment(10, surcharge_percent=Decimal("2.5")), plans=[plan(charged)]), lambda _: 100)
    [item] = [line.item for line in draft.lines if line.item.type == "OVERAGE_SURCHARGE"]
    [step] = item.workings
    assert (dict(step.given), step.result) == (
        {"beyond": 23, "overageSurchargePercent": Decimal("2.5")},
        Decimal("0.575"),
    )
    assert item.subtotal == Decimal("0.58")


def test_a_negative_surcharge_is_a_discount_and_other_charges_are_not_surcharged() -> None:
    attached = plan(pricing(), standing=Standing(Decimal(20)))
    draft = bill(january(commitment(0, surcharge_percent=Decimal(-10)), plans=[attached]), lambda _: 100)
    assert lines(draft) == [("USAGE", "100.00"), ("STANDING_CHARGE", "20.00"), ("OVERAGE_SURCHARGE", "-10.00")]


def test_a_credit_pays_charges_in_their_order_each_on_a_line_that_says_which() -> None:
    attached = plan(pricing(), standing=Standing(Decimal(20)), minimum=Minimum(Decimal(200)))
    draft = bill(january(balance(130), plans=[attached]), lambda _: 100)
    assert lines(draft) == [
        ("USAGE", "100.00"),
        ("STANDING_CHARGE", "20.00"),
        ("MINIMUM_SPEND", "100.00"),
        ("BALANCE_CONSUMED", "-100.00"),
        ("BALANCE_CONSUMED", "-20.00"),
        ("BALANCE_CONSUMED", "-10.00"),
    ]
    assert [line.item.pays_for for line in draft.lines[3:]] == [line.id for line in draft.lines[:3]]
    assert len({line.id for line in draft.lines}) == len(draft.lines)
    assert draws(draft) == [("balance", "130.00")]
    consumed = draft.lines[3].item
    assert (consumed.balance_id, consumed.commitment_id, consumed.description) == ("balance", None, "Balance Consumed")
    assert consumed.span == draft.lines[0].item.span


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (BOTH, [("commitment", "60.00"), ("balance", "40.00")]),
        ((CreditKind.BALANCE, CreditKind.PREPAYMENT), [("balance", "70.00"), ("commitment", "30.00")]),
        ((CreditKind.PREPAYMENT,), [("commitment", "60.00")]),
        ((CreditKind.BALANCE,), [("balance", "70.00")]),
    ],
)
def test_the_order_of_kinds_is_the_accounts_and_a_kind_left_out_is_never_drawn(
    order: tuple[CreditKind, ...], expected: list[tuple[str, str]]
) -> None:
    given_ = january(commitment("60.00"), balance("70.00"), credit_order=order)
    assert draws(bill(given_, lambda _: 100)) == expected


def test_of_one_kind_the_one_that_ends_first_pays_first() -> None:
    credits_ = (
        balance("10.00", "1-late"),
        balance("10.00", "2-early", span=span("2024-01-01", "2024-06-01")),
        balance("10.00", "3-early", span=span("2023-12-01", "2024-06-01")),
        balance("10.00", "4-rolls", span=span("2024-01-01", "2024-03-01"), rollover=Rollover(instant("2024-12-31"))),
    )
    found = [credit for credit, _ in draws(bill(january(*credits_), lambda _: 100))]
    assert found == ["3-early", "2-early", "4-rolls", "1-late"]


@pytest.mark.parametrize(
    ("credit", "pays"),
    [
        (commitment(100), True),
        (commitment(100, product_ids=frozenset({PRODUCT.id, "other"})), True),
        (commitment(100, product_ids=frozenset({"other"})), False),
        (commitment(100, line_item_types=frozenset({"USAGE"})), True),
        (commitment(100, line_item_types=frozenset({"STANDING_CHARGE"})), False),
        (commitment(100, contract_id="contract"), True),
        (commitment(100, contract_id="other"), False),
        (commitment(100, span=span("2024-02-01", "2025-01-01")), False),
        (commitment(100, span=span("2023-01-01", "2024-01-01")), False),
        (commitment(-5), False),
    ],
)
def test_a_credit_pays_for_its_products_types_contract_and_time_alone(credit: Credit, *, pays: bool) -> None:
    draft = bill(january(credit, plans=[plan(pricing(), contract_id="contract")]), lambda _: 10)
    assert bool(draft.draws) is pays
    assert len(draft.lines) == 1 + pays


def test_a_charge_that_overlaps_a_credit_is_paid_for_the_days_they_share() -> None:
    half = balance(1000, span=span("2024-01-17", "2025-01-01"))
    draft = bill(january(half), lambda _: 310)
    assert lines(draft) == [("USAGE", "310.00"), ("BALANCE_CONSUMED", "-150.00")]
    assert draft.lines[1].item.span == span("2024-01-17", "2024-02-01")
    assert draft.draws[0].applied == instant("2024-01-17")


def test_a_day_is_paid_once_however_many_credits_cover_it() -> None:
    credits_ = [balance(1000, id_, span=span("2024-01-01", "2024-01-11")) for id_ in ("one", "two")]
    assert draws(bill(january(*credits_), lambda _: 310)) == [("one", "100.00")]


def test_usage_outside_the_credits_time_is_not_overage() -> None:
    ten_days = balance(40, span=span("2024-01-01", "2024-01-11"), surcharge_percent=Decimal(10))
    draft = bill(january(ten_days), lambda _: 310)
    assert lines(draft) == [("USAGE", "310.00"), ("BALANCE_CONSUMED", "-40.00"), ("OVERAGE_SURCHARGE", "6.00")]


@pytest.mark.parametrize(("of_remainder", "paid"), [("800", "800"), (None, "1000")])
def test_w15_what_is_rolled_over_pays_after_the_end_up_to_its_amount(of_remainder: str | None, paid: str) -> None:
    rollover = Rollover(instant("2024-03-01"), Decimal(of_remainder) if of_remainder else None)
    ended = balance(1000, span=span("2023-01-01", "2024-01-01"), rollover=rollover)
    draft = bill(january(ended), lambda _: 5000)
    assert draws(draft) == [("balance", paid)]
    assert draft.draws[0].phase is Phase.ROLLOVER
    assert not bill(inputs("2024-04-01", plan(pricing()), credits=(ended,), credit_order=BOTH), lambda _: 5).draws


def test_a_bill_over_the_end_of_a_balance_draws_on_it_and_on_its_rollover() -> None:
    rollover = Rollover(instant("2024-03-01"), Decimal(30))
    ends = balance(200, span=span("2023-01-01", "2024-01-17"), rollover=rollover)
    draft = bill(january(ends), lambda _: 310)
    assert [(draw.phase, str(draw.amount)) for draw in draft.draws] == [("MAIN", "160.00"), ("ROLLOVER", "30")]
    assert lines(draft) == [("USAGE", "310.00"), ("BALANCE_CONSUMED", "-190.00")]


def test_only_an_overdraft_lets_a_balance_pay_more_than_it_has_and_not_from_its_rollover() -> None:
    rolls = Rollover(instant("2024-03-01"))
    overdrawn = balance(-20, overdraft=True, span=span("2023-01-01", "2024-01-17"), rollover=rolls)
    assert draws(bill(january(overdrawn), lambda _: 310)) == [("balance", "160.00")]


def test_what_takes_off_the_bill_is_not_paid_for_a_second_time() -> None:
    credit = pricing("credit", aggregation=aggregation("free"), type=PricingType.PRODUCT_CREDIT)
    draft = bill(january(balance(1000), plans=[plan(pricing(), credit)]), {"gb": 100, "free": 30})
    assert lines(draft) == [("USAGE", "100.00"), ("USAGE_CREDIT", "-30.00"), ("BALANCE_CONSUMED", "-70.00")]


def test_a_minimum_in_advance_that_was_paid_for_is_not_drawn_again_when_it_is_refunded() -> None:
    attached = plan(pricing(), minimum=Minimum(Decimal(1000), in_advance=True), end=instant("2024-02-01"))
    draft = bill(january(balance(5000), plans=[attached]), lambda _: 800)
    assert lines(draft) == [("USAGE", "800.00"), ("MINIMUM_SPEND_REFUND", "-800.00")]


def test_a_credit_is_taken_off_its_own_plan_before_others() -> None:
    other = plan(pricing("b"), account_plan_id="second", plan_id="second", product=Product("p2", "B", "b"))
    free = pricing("credit", aggregation=aggregation("free"), type=PricingType.GLOBAL_CREDIT)
    own = plan(pricing(), free)
    limited = balance(1000, product_ids=frozenset({PRODUCT.id}))
    draft = bill(january(limited, plans=[other, own]), {"gb": 100, "free": 130})
    assert [draw.amount for draw in draft.draws] == []
    limited = balance(1000, product_ids=frozenset({"p2"}))
    draft = bill(january(limited, plans=[other, own]), {"gb": 100, "free": 130})
    assert draws(draft) == [("balance", "70.00")]


def test_a_credit_in_another_currency_pays_at_the_organizations_rate() -> None:
    rates = terms(conversions=(conversion("USD", "EUR", "0.8"), conversion("EUR", "USD", "1.2")))
    draft = bill(january(balance(100, currency="EUR"), terms=rates), lambda _: 50)
    assert lines(draft) == [("USAGE", "50.00"), ("BALANCE_CONSUMED", "-50.00")]
    assert draws(draft) == [("balance", "40.00")]
    draft = bill(january(balance(30, currency="EUR"), terms=rates), lambda _: 50)
    assert lines(draft) == [("USAGE", "50.00"), ("BALANCE_CONSUMED", "-37.50")]
    assert draws(draft) == [("balance", "30")]
    with pytest.raises(InvalidInputError, match="no rate from USD to EUR"):
        bill(january(balance(100, currency="EUR")), lambda _: 50)
    assert not bill(january(balance(0, currency="EUR")), lambda _: 50).draws


def test_what_is_off_the_bill_in_one_currency_comes_off_charges_in_another() -> None:
    rates = terms(conversions=(conversion("EUR", "USD", "2"),))
    free = pricing("credit", aggregation=aggregation("free"), type=PricingType.GLOBAL_CREDIT)
    euros = plan(free, account_plan_id="euro", plan_id="euro", currency="EUR", product=Product("p2", "B", "b"))
    draft = bill(january(balance(1000), plans=[plan(pricing()), euros], terms=rates), {"gb": 100, "free": 20})
    assert lines(draft) == [("USAGE", "100.00"), ("USAGE_CREDIT", "-40.00"), ("BALANCE_CONSUMED", "-60.00")]


def test_what_is_left_to_pay_is_whole_coins_although_something_else_was_paid_in_another_currency() -> None:
    coins = terms(conversions=(conversion("EUR", "USD", "3"),), currencies={"EUR": Currency("EUR", 0)})
    dollars = plan(pricing(rows=[(0, 0, 7)]))
    euros = plan(pricing("euros", rows=[(0, 0, 30)]), currency="EUR", account_plan_id="second", plan_id="second")
    back = Charge("back", "Back", "EUR", Decimal(1), Decimal(-20), span("2024-01-01", "2024-02-01"))
    draft = bill(january(balance(100), plans=[dollars, euros], terms=coins, charges=(back,)), lambda _: 1)
    consumed = [line.item for line in draft.lines if line.item.type == "BALANCE_CONSUMED"]
    assert [(str(item.subtotal), item.origin.currency) for item in consumed] == [("-12", "EUR")]


def test_a_credit_in_one_currency_goes_on_to_the_next_charge_in_another() -> None:
    rates = terms(conversions=(conversion("EUR", "USD", "2"),))
    free = pricing("credit", aggregation=aggregation("free"), type=PricingType.GLOBAL_CREDIT)
    euros = plan(free, account_plan_id="euro", plan_id="euro", currency="EUR", product=Product("p2", "B", "b"))
    dollars = plan(pricing(), standing=Standing(Decimal(50)))
    draft = bill(january(balance(1000), plans=[dollars, euros], terms=rates), {"gb": 10, "free": 20})
    assert lines(draft)[3:] == [("BALANCE_CONSUMED", "-20.00")]
    assert draft.lines[3].item.pays_for == draft.lines[1].id


def test_what_buys_less_than_a_coin_stays_where_it_is() -> None:
    assert not bill(january(balance("0.004")), lambda _: 10).draws
    rates = terms(conversions=(conversion("USD", "GOLD", "0.0001"),))
    assert not bill(january(balance(5, currency="GOLD"), terms=rates), lambda _: 10).draws


def test_a_currency_that_must_not_round_is_paid_in_whole_coins() -> None:
    strict = {"USD": Currency("USD", 0, RoundingMode.UNNECESSARY)}
    draft = bill(january(balance("7.5"), terms=terms(currencies=strict)), lambda _: 10)
    assert lines(draft) == [("USAGE", "10"), ("BALANCE_CONSUMED", "-7")]


def test_usage_beyond_can_stand_on_a_line_of_its_own_at_the_normal_price() -> None:
    tiers = pricing(rows=[(0, 5, 1), (10, 0, 2)], cumulative=True)
    draft = bill(january(commitment(21, separate_overage=True), plans=[plan(tiers)]), lambda _: 20)
    assert lines(draft) == [("USAGE", "21.00"), ("COMMITMENT_CONSUMED", "-21.00"), ("OVERAGE_USAGE", "14.00")]
    within, _, beyond = (line.item for line in draft.lines)
    assert (within.units, beyond.units) == (13, 7)
    assert (within.quantity, beyond.quantity) == (13, 7)
    assert [(part.units, part.subtotal) for part in within.bands] == [(10, 15), (3, 6)]
    assert [(part.units, part.subtotal) for part in beyond.bands] == [(7, 14)]
    assert beyond.average_unit_price == 2
    assert (beyond.commitment_id, beyond.pays_for) == ("commitment", draft.lines[0].id)


def test_once_a_commitment_is_used_up_all_usage_is_overage() -> None:
    draft = bill(january(commitment(0, separate_overage=True)), lambda _: 20)
    assert lines(draft) == [("OVERAGE_USAGE", "20.00")]


def test_usage_of_fixed_price_is_cut_in_proportion() -> None:
    stairs = pricing(rows=[(0, 40, 0)])
    draft = bill(january(commitment(10, separate_overage=True), plans=[plan(stairs)]), lambda _: 8)
    assert lines(draft) == [("USAGE", "10.00"), ("COMMITMENT_CONSUMED", "-10.00"), ("OVERAGE_USAGE", "30.00")]
    assert [line.item.units for line in draft.lines] == [2, 1, 6]


def test_a_fixed_price_that_is_not_paid_in_full_leaves_all_units_beyond() -> None:
    draft = bill(january(commitment(3, separate_overage=True), plans=[plan(pricing(rows=[(0, 5, 1)]))]), lambda _: 10)
    assert [(str(line.item.type), line.item.subtotal, line.item.units) for line in draft.lines] == [
        ("USAGE", 3, 0),
        ("COMMITMENT_CONSUMED", -3, 1),
        ("OVERAGE_USAGE", 12, 10),
    ]


def test_overage_bands_price_the_units_beyond_from_the_first_band_on() -> None:
    tiers = pricing(rows=[(0, 0, 1), (100, 0, "0.5")], cumulative=True, overage_bands=bands((0, 0, 3), (10, 0, 2)))
    draft = bill(january(commitment(110), plans=[plan(tiers)]), lambda _: 150)
    assert lines(draft) == [("USAGE", "110.00"), ("COMMITMENT_CONSUMED", "-110.00"), ("OVERAGE_USAGE", "70.00")]
    assert [line.item.units for line in draft.lines] == [120, 1, 30]
    surcharged = bill(january(commitment(110, surcharge_percent=Decimal(1)), plans=[plan(tiers)]), lambda _: 150)
    assert [kind for kind, _ in lines(surcharged)] == ["USAGE", "COMMITMENT_CONSUMED", "OVERAGE_SURCHARGE"]
    assert lines(bill(january(plans=[plan(tiers)]), lambda _: 150)) == [("USAGE", "125.00")]


def test_what_a_later_credit_pays_is_not_overage_of_an_earlier_one() -> None:
    credits_ = (commitment(10, surcharge_percent=Decimal(50)), balance(1000, surcharge_percent=Decimal(7)))
    assert [kind for kind, _ in lines(bill(january(*credits_), lambda _: 100))] == [
        "USAGE",
        "COMMITMENT_CONSUMED",
        "BALANCE_CONSUMED",
    ]
    credits_ = (credits_[0], replace(credits_[1], left=Decimal(40)))
    assert lines(bill(january(*credits_), lambda _: 100))[-1] == ("OVERAGE_SURCHARGE", "3.50")


def test_descriptions_and_accounting_products_are_the_credits_own() -> None:
    product = Product("ledger", "Ledger", "ledger")
    credit = commitment(
        10,
        draw_description="Used",
        overage_description="Over",
        surcharge_percent=Decimal(1),
        accounting_product_ids=(None, "ledger"),
    )
    draft = bill(january(credit, products={"ledger": product}), lambda _: 20)
    _, used, over = (line.item for line in draft.lines)
    assert (used.description, used.accounting_product, over.description) == ("Used", product, "Over")


def test_a_bill_draws_on_so_many_credits_as_its_row_holds() -> None:
    many = [balance(1, f"{n:03}") for n in range(DRAWS_MAX + 1)]
    assert len(bill(january(*many), lambda _: DRAWS_MAX).draws) == DRAWS_MAX
    more = bill(january(*many), lambda _: DRAWS_MAX + 1)
    assert [draw.credit_id for draw in more.draws] == [f"{n:03}" for n in range(DRAWS_MAX)]
    assert sum(Decimal(amount) for _, amount in lines(more)) == 1
    assert {type_ for type_, _ in lines(more)} == {
        "USAGE",
        "BALANCE_CONSUMED",
    }  # none is used up, so nothing is overage


@pytest.mark.parametrize("price_of_overage", ["0.50", "2"])
def test_a_minimum_counts_usage_at_its_normal_price_before_overage_has_one_of_its_own(price_of_overage: str) -> None:
    priced = pricing(cumulative=True, overage_bands=bands((0, 0, price_of_overage)))
    attached = plan(priced, minimum=Minimum(Decimal(150)))
    draft = bill(january(commitment(40, line_item_types=frozenset({"USAGE"})), plans=[attached]), lambda _: 100)
    assert lines(draft) == [
        ("USAGE", "40.00"),
        ("MINIMUM_SPEND", "50.00"),
        ("COMMITMENT_CONSUMED", "-40.00"),
        ("OVERAGE_USAGE", str((60 * Decimal(price_of_overage)).quantize(Decimal("0.01")))),
    ]


def test_credits_that_pay_nothing_take_no_other_credits_place() -> None:
    ended = [balance(5, f"ended-{n:02}", span=span("2022-01-01", "2023-01-01")) for n in range(DRAWS_MAX + 3)]
    used_up = [balance(0, f"empty-{n:02}", span=span("2024-01-01", "2024-03-01")) for n in range(DRAWS_MAX + 3)]
    others = [balance(5, f"other-{n:02}", product_ids=frozenset({"other"})) for n in range(DRAWS_MAX + 3)]
    last = balance(30, "zzz", surcharge_percent=Decimal(10))
    draft = bill(january(*ended, *used_up, *others, last), lambda _: 50)
    assert draws(draft) == [("zzz", "30")]
    assert lines(draft) == [("USAGE", "50.00"), ("BALANCE_CONSUMED", "-30.00"), ("OVERAGE_SURCHARGE", "2.00")]


def test_what_comes_off_a_credit_is_rounded_once() -> None:
    coins = terms(
        conversions=(conversion("USD", "CRD", "1"),), currencies={"CRD": Currency("CRD", 0, RoundingMode.HALF_UP)}
    )
    prices = [pricing(f"p{n}", aggregation=aggregation(f"a{n}")) for n in range(9)]
    draft = bill(january(balance(100, currency="CRD"), plans=[plan(*prices)], terms=coins), lambda _: Decimal("0.6"))
    assert [draw.amount for draw in draft.draws] == [5]
    assert sum(Decimal(amount) for _, amount in lines(draft)) == 0


def test_several_credits_on_one_converted_charge_come_to_what_it_is_converted_to() -> None:
    rates = terms(conversions=(conversion("EUR", "USD", "1.125"),))
    euros = plan(pricing(), currency="EUR")
    pays = [balance(5, name, currency="EUR") for name in ("one", "two")]
    draft = bill(january(*pays, plans=[euros], terms=rates), lambda _: 10)
    assert [line.converted_subtotal for line in draft.lines] == [Decimal("11.25"), Decimal("-5.63"), Decimal("-5.62")]


def test_what_is_left_of_a_converted_charge_is_paid_to_the_coin() -> None:
    """3.00 are 2.70, of which 1.25 are 1.13 and 1.75 were 1.58: together a cent more."""
    rates = terms(conversions=(conversion("EUR", "USD", "0.9"),))
    credit = pricing("credit", aggregation=aggregation("free"), type=PricingType.GLOBAL_CREDIT)
    euros = plan(pricing(), credit, currency="EUR")
    draft = bill(january(balance(5, "one", currency="EUR"), plans=[euros], terms=rates), {"gb": 3, "free": "1.25"})
    assert [line.converted_subtotal for line in draft.lines] == [Decimal("2.70"), Decimal("-1.13"), Decimal("-1.57")]


amounts = st.decimals("0", "500", places=2)
days = st.integers(1, 60)
_DAY = timedelta(days=1)


@st.composite
def some_credits(draw: st.DrawFn) -> list[Credit]:
    found = []
    for number in range(draw(st.integers(0, 4))):
        start, length = draw(st.integers(-40, 40)), draw(days)
        first = instant("2024-01-01")
        window = Instants(first + _DAY * (start), first + _DAY * (start + length))
        rolls = Rollover(window.end + _DAY * (draw(days)), draw(st.none() | amounts))
        found.append(
            replace(
                (balance if draw(st.booleans()) else commitment)(draw(amounts), f"credit-{number}"),
                span=window,
                rollover=draw(st.none() | st.just(rolls)),
                separate_overage=draw(st.booleans()),
                currency=draw(st.sampled_from(["USD", "EUR"])),
            )
        )
    return found


@given(some_credits(), amounts, amounts, amounts)
def test_credits_pay_what_is_owed_at_most_and_never_more_than_they_have(
    credits_: list[Credit], used: Decimal, free: Decimal, standing: Decimal
) -> None:
    credit = pricing("credit", aggregation=aggregation("free"), type=PricingType.GLOBAL_CREDIT)
    attached = plan(pricing(), credit, standing=Standing(standing))
    rates = terms(conversions=(conversion("USD", "EUR", "0.37"), conversion("EUR", "USD", "2.6")))
    usage = {"gb": used, "free": free}
    without = bill(january(plans=[attached], terms=rates), usage)
    draft = bill(january(*credits_, plans=[attached], terms=rates), usage)
    consumed = sum((line.converted_subtotal for line in draft.lines if line.item.type.endswith("CONSUMED")), Decimal(0))
    assert consumed <= 0 <= draft.total
    assert draft.total == without.total + consumed  # lines apart at the normal price sum to the whole
    for one in credits_:
        taken = [draw for draw in draft.draws if draw.credit_id == one.id]
        assert sum((draw.amount for draw in taken), Decimal(0)) <= one.left
        assert all(draw.amount > 0 for draw in taken)
        if one.rollover and one.rollover.left is not None:
            assert all(draw.amount <= one.rollover.left for draw in taken if draw.phase is Phase.ROLLOVER)
    converted = bill(january(*credits_, plans=[replace(attached, currency="EUR")], terms=rates), usage)
    assert converted.total >= 0
    assert len({line.id for line in draft.lines}) == len(draft.lines)
    assert bill(january(*credits_, plans=[attached], terms=rates), usage) == draft
    assert bill(january(*reversed(credits_), plans=[attached], terms=rates), usage) == draft

"""Plan groups: one standing charge and one minimum spend over several plans (billing.md 3.3, W19)."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.domain.billing.agreements import (
    MONTHLY,
    aggregation,
    bill,
    conversion,
    inputs,
    instant,
    lines,
    plan,
    pricing,
    terms,
)
from usance.domain.billing.attached import AttachedGroup, AttachedPlan, Product, Standing
from usance.domain.billing.pricings import Minimum

LOGIN = Product("login", "Team Login", "login")
MATCHMAKING = Product("matchmaking", "Matchmaking", "matchmaking")


def group(**changes: Any) -> AttachedGroup:
    """A monthly group without charges of its own."""
    base = AttachedGroup(
        account_plan_id="account-plan",
        plan_group_id="group",
        name="Professional",
        currency="USD",
        calendar=MONTHLY,
        start=instant("2022-01-01"),
        end=None,
        standing=Standing(Decimal(0)),
        minimum=Minimum(Decimal(0)),
    )
    return replace(base, **changes)


def member(code: str, product: Product, **changes: Any) -> AttachedPlan:
    """A plan of the group with a price of 1 per unit of `code`."""
    priced = pricing(code, aggregation=aggregation(code))
    return plan(priced, plan_id=code, product=product, plan_group_id="group", **changes)


PLANS = (member("logins", LOGIN), member("matches", MATCHMAKING))
USED = {"logins": 60, "matches": 110}
FLOOR = Minimum(Decimal(250))


def test_the_minimum_lifts_what_the_plans_cost_together() -> None:
    draft = bill(inputs("2022-07-01", *PLANS, groups=(group(minimum=FLOOR),)), USED)
    assert lines(draft) == [("USAGE", "60.00"), ("USAGE", "110.00"), ("MINIMUM_SPEND", "80.00")]
    assert {line.item.origin.plan_group_id for line in draft.lines} == {"group"}
    assert draft.lines[-1].item.description == "Professional Minimum Spend Adjustment"
    assert draft.lines[-1].item.origin.plan_id is None
    assert len({line.id for line in draft.lines}) == 3


@pytest.mark.parametrize(("used", "lifted"), [(0, "250.00"), (250, None), (251, None)])
def test_nothing_is_added_to_what_reaches_the_minimum(used: int, lifted: str | None) -> None:
    draft = bill(inputs("2022-07-01", *PLANS, groups=(group(minimum=FLOOR),)), {"logins": used})
    assert [amount for type_, amount in lines(draft) if type_ == "MINIMUM_SPEND"] == ([lifted] if lifted else [])


def test_the_minimum_of_a_plan_counts_towards_the_groups() -> None:
    floored = replace(PLANS[0], minimum=Minimum(Decimal(100)))
    draft = bill(inputs("2022-07-01", floored, PLANS[1], groups=(group(minimum=FLOOR),)), USED)
    assert lines(draft)[2:] == [("MINIMUM_SPEND", "40.00"), ("MINIMUM_SPEND", "40.00")]


def test_a_plan_minimum_in_advance_counts_for_the_period_it_was_billed_for() -> None:
    floored = replace(PLANS[0], minimum=Minimum(Decimal(100), in_advance=True))
    given_ = inputs("2022-07-01", floored, PLANS[1], groups=(group(minimum=FLOOR),))
    # The plan costs 100: 100 in advance, 60 of usage, 60 back; with 110 of the other plan the group is 40 short.
    assert [amount for _, amount in lines(bill(given_, USED))] == ["60.00", "110.00", "100.00", "-60.00", "40.00"]


def test_in_advance_the_minimum_is_billed_first_and_what_was_used_comes_back() -> None:
    floor = Minimum(Decimal(250), in_advance=True)
    opening = bill(inputs("2022-01-01", *PLANS, groups=(group(minimum=floor),)))
    assert lines(opening) == [("MINIMUM_SPEND", "250.00")]
    ending = group(minimum=floor, end=instant("2022-02-01"))
    ended = [replace(one, end=instant("2022-02-01")) for one in PLANS]
    closing = bill(inputs("2022-02-01", *ended, groups=(ending,)), USED)
    assert lines(closing)[2:] == [("MINIMUM_SPEND_REFUND", "-170.00")]
    more = bill(inputs("2022-02-01", *ended, groups=(ending,)), {"logins": 300})
    assert lines(more) == [("USAGE", "300.00"), ("MINIMUM_SPEND_REFUND", "-250.00")]


def test_standing_charges_of_group_and_plans_stand_beside_each_other_and_do_not_count() -> None:
    paid = replace(PLANS[0], standing=Standing(Decimal(20)))
    both = group(minimum=FLOOR, standing=Standing(Decimal(31)))
    draft = bill(inputs("2022-07-01", paid, PLANS[1], groups=(both,)), USED)
    assert lines(draft)[2:] == [("STANDING_CHARGE", "20.00"), ("STANDING_CHARGE", "31.00"), ("MINIMUM_SPEND", "80.00")]


def test_a_group_that_starts_mid_period_owes_its_days() -> None:
    late = instant("2022-06-16")
    both = group(minimum=FLOOR, standing=Standing(Decimal(30)), start=late)
    plans = [replace(one, start=late) for one in PLANS]
    draft = bill(inputs("2022-07-01", *plans, groups=(both,)), {})
    assert lines(draft) == [("STANDING_CHARGE", "15.00"), ("MINIMUM_SPEND", "125.00")]


def test_plans_count_in_the_currency_of_the_group() -> None:
    euros = replace(PLANS[0], currency="EUR")
    rates = (conversion("EUR", "GBP", "0.8"), conversion("USD", "GBP", "0.5"))
    billed = terms(billing_currency="GBP", conversions=rates)
    draft = bill(inputs("2022-07-01", euros, PLANS[1], groups=(group(minimum=FLOOR),), terms=billed), USED)
    # 60 EUR are 48 GBP are 96 USD; with 110 USD the group is 44 USD short.
    assert str(draft.lines[-1].item.subtotal) == "44.00"
    assert str(draft.lines[-1].converted_subtotal) == "22.00"


def test_what_a_plan_of_another_currency_cost_is_rounded_in_the_groups() -> None:
    euros = replace(PLANS[0], currency="EUR")
    billed = terms(conversions=(conversion("EUR", "USD", "1.0833333"),))
    draft = bill(inputs("2022-07-01", euros, PLANS[1], groups=(group(minimum=FLOOR),), terms=billed), USED)
    # 60 EUR are 64.999998 USD; with 110 USD the group is 75 USD short.
    assert str(draft.lines[-1].item.subtotal) == "75.00"


def test_other_plans_of_the_account_do_not_count() -> None:
    other = plan(pricing("other"), account_plan_id="another", plan_id="other")
    draft = bill(inputs("2022-07-01", *PLANS, other, groups=(group(minimum=FLOOR),)), {**USED, "gb": 1000})
    assert ("MINIMUM_SPEND", "80.00") in lines(draft)


@given(st.integers(0, 400), st.integers(0, 400), st.integers(0, 300), st.booleans(), st.booleans())
def test_a_period_costs_the_greater_of_minimum_and_plans(
    logins: int, matches: int, own: int, plan_early: bool, group_early: bool
) -> None:
    end = instant("2022-02-01")
    plans = (
        replace(PLANS[0], end=end, minimum=Minimum(Decimal(own), in_advance=plan_early)),
        replace(PLANS[1], end=end),
    )
    groups = (group(end=end, minimum=Minimum(Decimal(250), in_advance=group_early)),)
    total = sum(
        (bill(inputs(day, *plans, groups=groups), {"logins": logins, "matches": matches}).total)
        for day in ("2022-01-01", "2022-02-01")
    )
    assert total == max(250, max(own, logins) + matches)

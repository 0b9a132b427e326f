"""Pooled charges and their parts (billing.md 5.2)."""

import time
from dataclasses import replace
from decimal import Decimal, localcontext

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.domain.billing.agreements import (
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
from usance.domain.billing.attached import AttachedPlan, Standing
from usance.domain.billing.draft import BillDraft
from usance.domain.billing.pool import Child, ChildBilling, Member, Piece, pieces
from usance.domain.billing.pricings import Minimum, PricingType
from usance.domain.billing.shares import split
from usance.domain.billing.usage import UsageQuery
from usance.domain.kernel.money import Currency, RoundingMode
from usance.domain.kernel.period import Instants, joined
from usance.domain.kernel.quantity import EXACT, ZERO, Rounding

TIERED = ((0, 0, "0.15"), (500, 0, "0.10"))
FAMILY = (
    Member("account"),
    Member("one", Child("one", "child-one")),
    Member("two", Child("two", "child-two")),
)
MODES = (ChildBilling.PARENT_BREAKDOWN, ChildBilling.PARENT_SUMMARY, ChildBilling.CHILD)


def family(mode: ChildBilling = ChildBilling.PARENT_BREAKDOWN, **changes: object) -> AttachedPlan:
    """A plan of the parent with the tiers of W1."""
    priced = pricing(rows=TIERED, cumulative=True)
    return replace(plan(priced, members=FAMILY, child_billing=mode), **changes)  # type: ignore[arg-type]


def used(amounts: dict[str, int]):
    """What a query finds when each account used so much."""

    def value(query: UsageQuery) -> int | None:
        asked = [amounts[piece.account_id] for piece in query.pieces if piece.account_id in amounts]
        return sum(asked) if asked else None

    return value


def parts(draft: BillDraft) -> list[tuple[str, str, str]]:
    return [
        (
            line.item.origin.child.code if line.item.origin.child else "",
            f"{line.item.units.normalize():f}",
            str(line.item.subtotal),
        )
        for line in draft.lines
    ]


AMOUNTS = {"account": 300, "one": 600, "two": 300}  # together W1's 1200 GB, 145.00


def test_a_breakdown_shares_the_pooled_price_in_proportion_to_units() -> None:
    draft = bill(inputs("2022-07-01", family()), used(AMOUNTS))
    assert parts(draft) == [("", "300", "36.25"), ("child-one", "600", "72.50"), ("child-two", "300", "36.25")]
    assert str(draft.total) == "145.00"
    assert len({line.id for line in draft.lines}) == 3


def test_a_summary_is_one_line() -> None:
    draft = bill(inputs("2022-07-01", family(ChildBilling.PARENT_SUMMARY)), used(AMOUNTS))
    assert parts(draft) == [("", "1200", "145.00")]


def test_in_mode_child_the_parent_pays_its_own_part() -> None:
    draft = bill(inputs("2022-07-01", family(ChildBilling.CHILD)), used(AMOUNTS))
    assert parts(draft) == [("", "300", "36.25")]


def test_in_mode_child_each_child_pays_its_own_part() -> None:
    given_ = inputs("2022-07-01", family(ChildBilling.CHILD))
    child = replace(given_, account=replace(given_.account, id="one", code="child-one"))
    assert parts(bill(child, used(AMOUNTS))) == [("", "600", "72.50")]


def test_a_minimum_of_the_pool_counts_what_children_pay_themselves() -> None:
    floored = family(ChildBilling.CHILD, minimum=Minimum(Decimal(150)))
    assert lines(bill(inputs("2022-07-01", floored), used(AMOUNTS))) == [("USAGE", "36.25"), ("MINIMUM_SPEND", "5.00")]


def test_accounts_without_usage_have_no_line() -> None:
    draft = bill(inputs("2022-07-01", family()), used({"two": 100}))
    assert parts(draft) == [("child-two", "100", "15.00")]


def test_a_default_value_is_the_parents() -> None:
    priced = pricing(rows=TIERED, cumulative=True, aggregation=aggregation(default_value=Decimal(10)))
    draft = bill(inputs("2022-07-01", family(pricings=(priced,))), used({}))
    assert parts(draft) == [("", "10", "1.50")]


def test_units_that_were_rounded_together_are_shared_too() -> None:
    packs = aggregation(quantity_per_unit=Decimal(500), rounding=Rounding.UP)
    priced = pricing(rows=((0, 0, 1),), aggregation=packs)
    draft = bill(inputs("2022-07-01", family(pricings=(priced,))), used({"account": 300, "one": 900}))
    assert parts(draft) == [("", "0.75", "0.75"), ("child-one", "2.25", "2.25")]


def test_a_credit_is_shared_and_never_more_than_what_each_pays() -> None:
    earned = pricing("credit", rows=((0, 0, "0.5"),), type=PricingType.PRODUCT_CREDIT)
    pooled = family(ChildBilling.CHILD)
    draft = bill(inputs("2022-07-01", replace(pooled, pricings=(*pooled.pricings, earned))), used(AMOUNTS))
    assert lines(draft) == [("USAGE", "36.25"), ("USAGE_CREDIT", "-36.25")]


def child_plan(code: str, **changes: object) -> AttachedPlan:
    child = Child(code, f"child-{code}")
    own = plan(
        pricing(rows=TIERED, cumulative=True),
        account_plan_id=f"plan of {code}",
        members=(Member(code, child),),
        child=child,
        standing=Standing(Decimal(20)),
    )
    return replace(own, **changes)  # type: ignore[arg-type]


def test_a_plan_on_a_child_is_rated_alone_on_the_parents_bill() -> None:
    draft = bill(inputs("2022-07-01", child_plan("one"), child_plan("two")), used({"one": 600, "two": 600}))
    assert parts(draft) == [
        ("child-one", "600", "85.00"),
        ("child-two", "600", "85.00"),
        ("child-one", "1", "20.00"),
        ("child-two", "1", "20.00"),
    ]


def test_in_summary_equal_charges_of_children_are_one_line() -> None:
    plans = [child_plan(code, child_billing=ChildBilling.PARENT_SUMMARY) for code in ("one", "two")]
    draft = bill(inputs("2022-07-01", *plans), used({"one": 600, "two": 400}))
    assert parts(draft) == [("", "1000", "145.00"), ("", "2", "40.00")]
    usage, standing = (line.item for line in draft.lines)
    assert (usage.average_unit_price, standing.average_unit_price) == (Decimal("0.145"), 20)
    assert [(band.units, band.subtotal) for band in usage.bands] == [(900, 135), (100, 10)]


def test_in_summary_a_line_keeps_its_id_when_children_come() -> None:
    plans = [child_plan(code, child_billing=ChildBilling.PARENT_SUMMARY) for code in ("one", "two")]
    few = bill(inputs("2022-07-01", plans[0]), used({"one": 600}))
    more = bill(inputs("2022-07-01", *plans), used({"one": 600, "two": 400}))
    assert [line.id for line in few.lines] == [line.id for line in more.lines]


def test_in_summary_lines_of_one_plan_have_ids_of_their_own() -> None:
    plans = [child_plan(code, child_billing=ChildBilling.PARENT_SUMMARY) for code in ("one", "two", "three")]
    ends_early = replace(plans[1], end=instant("2022-06-15"))
    of_contract = replace(plans[2], contract_id="contract")
    draft = bill(inputs("2022-07-01", plans[0], ends_early, of_contract), used({"one": 1, "two": 2, "three": 3}))
    assert [line.item.units for line in draft.lines if line.item.type == "USAGE"] == [1, 2, 3]
    assert len({line.id for line in draft.lines}) == len(draft.lines) == 6


@given(*[st.integers(0, 20)] * 4)
@example(6, 6, 6, 6)
def test_credits_that_are_one_line_never_bring_a_converted_bill_below_nothing(a: int, b: int, c: int, d: int) -> None:
    """6 cents twice are 5 cents twice; of credits of 6 cents, 12 together were 11."""
    charges = [pricing(code, aggregation=aggregation(code)) for code in ("a", "b")]
    credit = pricing("c", aggregation=aggregation("c"), type=PricingType.GLOBAL_CREDIT)
    summary = {"child_billing": ChildBilling.PARENT_SUMMARY, "pricings": (*charges, credit), "standing": Standing(ZERO)}
    cents = {("one", "a"): a, ("two", "b"): b, ("one", "c"): c, ("two", "c"): d}

    def value(query: UsageQuery) -> Decimal | None:
        found = cents.get((query.pieces[0].account_id if query.pieces else "", query.target_field))
        return None if found is None else Decimal(found).scaleb(-2)

    euros = terms(billing_currency="EUR", conversions=(conversion("USD", "EUR", "0.9"),))
    plans = [child_plan(code, **summary) for code in ("one", "two")]
    draft = bill(inputs("2022-07-01", *plans, terms=euros), value)
    assert len(draft.lines) == 3
    assert draft.total >= 0


@pytest.mark.parametrize("mode", [ChildBilling.PARENT_BREAKDOWN, ChildBilling.PARENT_SUMMARY])
def test_a_thousand_children_have_their_credits_in_the_time_of_a_worker(mode: ChildBilling) -> None:
    credit = pricing("credit", aggregation=aggregation("free"), type=PricingType.GLOBAL_CREDIT)
    plans = [child_plan(f"{n}", child_billing=mode, pricings=(pricing(), credit)) for n in range(999)]
    began = time.process_time()
    draft = bill(inputs("2022-07-01", *plans), lambda _: Decimal(1))
    assert time.process_time() - began < 5
    assert draft.total == 999 * 20


amounts = st.dictionaries(st.sampled_from(["account", "one", "two"]), st.integers(0, 3000))


@given(amounts, st.sampled_from(["NONE", "UP", "NEAREST"]), st.booleans(), st.booleans())
def test_the_parts_are_the_whole(shares: dict[str, int], rounding: str, cumulative: bool, fixed: bool) -> None:
    counted = aggregation(quantity_per_unit=Decimal(7), rounding=Rounding(rounding))
    rows = bands((0, 10 if fixed else 0, "0.15"), (100, 0, "0.0731"))
    priced = replace(pricing(cumulative=cumulative, aggregation=counted), bands=rows)
    whole, *apart = (
        bill(inputs("2022-07-01", family(mode, pricings=(priced,))), used(shares))
        for mode in (ChildBilling.PARENT_SUMMARY, ChildBilling.PARENT_BREAKDOWN)
    )
    assert apart[0].total == whole.total
    given_ = inputs("2022-07-01", family(ChildBilling.CHILD, pricings=(priced,)))
    bills = [
        bill(replace(given_, account=replace(given_.account, id=one)), used(shares))
        for one in ("account", "one", "two")
    ]
    assert sum(one.total for one in bills) == whole.total
    with localcontext(EXACT):
        for items in ([line.item for line in apart[0].lines], [line.item for one in bills for line in one.lines]):
            for line in whole.lines:
                assert sum(item.quantity for item in items) == line.item.quantity
                assert sum(item.units for item in items) == line.item.units
                for at, band in enumerate(line.item.bands):
                    assert sum(item.bands[at].subtotal for item in items) == band.subtotal


@given(st.decimals(-1000, 1000, places=2), st.lists(st.decimals(0, 50, places=3), min_size=1, max_size=30))
def test_shares_sum_to_the_whole_and_are_within_a_step_of_their_exact_part(
    whole: Decimal, weights: list[Decimal]
) -> None:
    shares = split(whole, weights, 2)
    assert sum(shares) == whole
    assert all(share.as_tuple().exponent >= -2 for share in shares if share)
    if total := sum(weights):
        assert all(
            abs(share - whole * weight / total) <= Decimal("0.010001")
            for share, weight in zip(shares, weights, strict=True)
        )
        assert all(share * whole >= 0 for share in shares)


def test_shares_may_be_made_where_the_currency_forbids_rounding() -> None:
    given_ = inputs("2022-07-01", family(pricings=(pricing(rows=((0, 1, 0),)),)))
    strict = Currency("USD", 2, RoundingMode.UNNECESSARY)
    draft = bill(
        replace(given_, terms=replace(given_.terms, currencies={"USD": strict})), used(dict.fromkeys(AMOUNTS, 1))
    )
    assert [amount for _, _, amount in parts(draft)] == ["0.33", "0.34", "0.33"]


def span(start: str, end: str) -> Instants:
    return Instants(instant(start), instant(end))


JUNE = span("2022-06-01", "2022-07-01")


@pytest.mark.parametrize(
    ("away", "left"),
    [
        ((), [JUNE]),
        ((JUNE,), []),
        ((span("2022-05-01", "2022-06-11"),), [span("2022-06-11", "2022-07-01")]),
        ((span("2022-06-21", "2023-01-01"),), [span("2022-06-01", "2022-06-21")]),
        (
            (span("2022-06-05", "2022-06-10"), span("2022-06-15", "2022-06-20")),
            [span("2022-06-01", "2022-06-05"), span("2022-06-10", "2022-06-15"), span("2022-06-20", "2022-07-01")],
        ),
        ((span("2021-01-01", "2022-06-01"), span("2022-07-01", "2022-08-01")), [JUNE]),
    ],
)
def test_a_child_is_in_the_pool_while_no_plan_of_its_own_rates_it(
    away: tuple[Instants, ...], left: list[Instants]
) -> None:
    assert list(pieces((Member("one", away=away),), JUNE)) == [Piece("one", part) for part in left]


def test_plans_that_follow_on_each_other_keep_a_child_away_without_a_gap() -> None:
    apart = joined(
        [span("2022-03-01", "2022-04-01"), span("2022-01-01", "2022-02-01"), span("2022-02-01", "2022-02-11")]
    )
    assert apart == (span("2022-01-01", "2022-02-11"), span("2022-03-01", "2022-04-01"))
    assert joined([span("2022-01-01", "2022-06-01"), span("2022-02-01", "2022-03-01")]) == (
        span("2022-01-01", "2022-06-01"),
    )

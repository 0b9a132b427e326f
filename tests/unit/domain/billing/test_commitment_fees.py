"""When commitments are billed and how much (billing.md 8.2; W12, W14, W22)."""

import itertools
from dataclasses import replace
from datetime import date, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.domain.billing.agreements import MONTHLY, bill, inputs, instant, lines, plan
from usance.domain.billing.bill_key import BillFrequency, BillKey
from usance.domain.billing.dated import Fee
from usance.domain.billing.due import due_fees
from usance.domain.billing.fee_schedule import BilledFee, FeePlan, Late, fee_amount
from usance.domain.kernel.calendar import Calendar, Frequency
from usance.domain.kernel.money import Currency, RoundingMode
from usance.domain.kernel.period import Instants
from usance.domain.kernel.timezones import time_zone

USD, UTC = Currency("USD"), time_zone("UTC")
FIRST = date(2024, 1, 1)
TEMPLATE = Fee("commitment", "USD", 0, FIRST, Decimal(0), Instants(instant("2024-01-01"), instant("2024-01-01")), FIRST)


def fees(**changes: Any) -> FeePlan:
    terms = {
        "calendar": MONTHLY,
        "start": FIRST,
        "end": date(2025, 1, 1),
        "outstanding": Decimal(15_000),
        "first": Decimal(0),
        "interval": 1,
        "offset": 0,
        "in_advance": False,
        "grouping": "",
        "template": TEMPLATE,
    }
    return FeePlan(**{**terms, **changes})


def billed(schedule: FeePlan, *, days: int = 2000) -> list[tuple[str, str]]:
    """The day and amount of every fee."""
    first = schedule.start - timedelta(days=5)
    found = (schedule.fee_on(first + timedelta(days=n), USD, UTC) for n in range(days))
    return [(fee.day.isoformat(), str(USD.round(fee.amount))) for fee in found if fee]


def test_w12_a_year_is_billed_in_twelve_equal_fees() -> None:
    months = [f"2024-{month:02}-01" for month in range(2, 13)]
    assert billed(fees()) == [(day, "1250.00") for day in [*months, "2025-01-01"]]
    assert billed(fees(in_advance=True)) == [(day, "1250.00") for day in ["2024-01-01", *months]]


def test_w14_every_nth_bill_carries_a_fee_from_the_offset_on() -> None:
    quarterly = Calendar(Frequency.MONTHLY, 3, FIRST)
    halves = fees(calendar=quarterly, interval=2, end=date(2026, 1, 1))
    assert [day for day, _ in billed(halves)] == ["2024-04-01", "2024-10-01", "2025-04-01", "2025-10-01"]
    later = fees(calendar=quarterly, interval=2, offset=1, end=date(2026, 1, 1))
    assert [day for day, _ in billed(later)] == ["2024-07-01", "2025-01-01", "2025-07-01", "2026-01-01"]


def test_the_first_fee_may_differ_and_the_last_takes_what_is_left_over() -> None:
    found = billed(fees(outstanding=Decimal(1000), first=Decimal(300), end=date(2024, 5, 1)))
    assert [amount for _, amount in found] == ["300.00", "233.33", "233.33", "233.34"]


def test_w22_the_end_is_excluded_and_fees_are_computed_up_to_it() -> None:
    schedule = fees(start=date(2022, 3, 10), end=date(2022, 6, 1))
    found = [schedule.fee_on(date(2022, month, 1), USD, UTC) for month in (4, 5, 6)]
    assert [(fee.span.start.date(), fee.span.end.date()) for fee in found if fee] == [
        (date(2022, 3, 10), date(2022, 4, 1)),
        (date(2022, 4, 1), date(2022, 5, 1)),
        (date(2022, 5, 1), date(2022, 6, 1)),
    ]
    assert schedule.fee_on(date(2022, 7, 1), USD, UTC) is None


@pytest.mark.parametrize("in_advance", [True, False])
def test_a_commitment_shorter_than_a_period_is_billed_once(*, in_advance: bool) -> None:
    short = fees(start=date(2024, 3, 5), end=date(2024, 3, 20), in_advance=in_advance)
    assert billed(short) == [("2024-04-01", "15000.00")]
    assert billed(fees(offset=300, in_advance=in_advance))[-1][1] == "15000.00"


def test_no_fee_falls_before_the_epoch() -> None:
    late = fees(calendar=Calendar(Frequency.MONTHLY, 1, date(2024, 11, 1)))
    assert [day for day, _ in billed(late)] == ["2024-11-01", "2024-12-01", "2025-01-01"]


@pytest.mark.parametrize("in_advance", [True, False])
def test_bills_are_due_for_fees_as_for_plans(*, in_advance: bool) -> None:
    def due(last_day: str, **changes: Any) -> list[tuple[str, bool]]:
        schedule = fees(in_advance=in_advance, end=date(2024, 3, 1), **changes)
        return [
            (one.key.day.isoformat(), one.only_if_lacking) for one in due_fees([schedule], date.fromisoformat(last_day))
        ]

    assert due("2023-12-31") == ([("2024-01-01", False)] if in_advance else [])
    assert due("2024-01-15") == [*([("2024-01-01", True)] if in_advance else []), ("2024-02-01", False)]
    assert due("2024-02-15") == ([] if in_advance else [("2024-03-01", False)])
    assert due("2024-03-15") == []
    late = Calendar(Frequency.MONTHLY, 1, date(2024, 6, 1))
    assert due("2023-12-31", calendar=late) == []
    assert due("2024-01-15", calendar=late) == [("2024-06-01", False)]


def test_a_fee_is_a_line_that_says_what_it_is_for() -> None:
    fee = fees().fee_on(date(2024, 2, 1), USD, UTC)
    assert fee
    draft = bill(inputs("2024-02-01", plan(), fees=(fee,)))
    assert lines(draft) == [("COMMITMENT_FEE", "1250.00")]
    item = draft.lines[0].item
    assert (item.commitment_id, item.description) == ("commitment", "Prepayment Fee")
    alone = bill(
        inputs("2024-02-01", plan(), plans=(), fees=(fee,), key=BillKey(BillFrequency.MONTHLY, 1, date(2024, 2, 1)))
    )
    assert (alone.start, alone.end) == (FIRST, date(2024, 2, 1))


@given(
    outstanding=st.decimals("0.01", "99999", places=2),
    part=st.integers(0, 100),
    count=st.integers(1, 40),
    places=st.integers(0, 3),
)
def test_fees_come_to_the_amount_and_none_is_below_zero(
    outstanding: Decimal, part: int, count: int, places: int
) -> None:
    first = (outstanding * part / 100).quantize(Decimal("0.01"))
    amounts = [fee_amount(outstanding, first, n, count, Currency("USD", places)) for n in range(count)]
    assert sum(amounts) == outstanding
    assert min(amounts) >= 0


@given(
    amounts=st.lists(st.decimals("0.01", "9999", places=2), min_size=1, max_size=13),
    places=st.integers(0, 3),
    in_advance=st.booleans(),
)
def test_bills_come_to_the_amount_however_it_changed_meanwhile(
    amounts: list[Decimal], places: int, *, in_advance: bool
) -> None:
    coin = Currency("USD", places)
    changing = [coin.round(amount) for amount in amounts]
    days = [day for day, _ in billed(fees(in_advance=in_advance))]
    made: dict[date, BilledFee] = {}
    for n, text in enumerate(days):
        now = fees(outstanding=changing[min(n, len(changing) - 1)], in_advance=in_advance)
        before = total(made)
        bill_day(made, now, date.fromisoformat(text), coin)
        assert before <= total(made) <= max(now.outstanding, before)
    last, most = changing[min(len(days), len(changing)) - 1], max(changing)
    assert last <= total(made) <= most


def total(made: dict[date, BilledFee]) -> Decimal:
    return sum((one.amount for one in made.values()), Decimal(0))


def bill_day(made: dict[date, BilledFee], schedule: FeePlan, day: date, coin: Currency) -> None:
    """Make the bill of a day, or make it again, as it is decided beside the others."""
    others = [one for one in made.values() if one.day != day]
    late = Late(
        frozenset(on for on in made if on > schedule.last_day),
        bool(made) and schedule.is_short(total(made), coin),
    )
    schedule = replace(schedule, late=late)
    made.pop(day, None)
    if fee := schedule.fee_on(day, coin, UTC):
        amount = coin.round(fee.amount + schedule.behind(day, others, coin, UTC))
        assert amount >= 0
        made[day] = BilledFee(day, amount, fee.after)


def test_a_late_bill_has_the_coin_to_which_the_amount_is_rounded_up() -> None:
    """A dollar was billed of a dollar, which is two by now: 1.50 in whole dollars."""
    coin, last = Currency("USD", 0), date(2025, 1, 1)
    made = {last: BilledFee(last, Decimal(1), None)}
    bill_day(made, fees(outstanding=Decimal("1.5")), date(2025, 2, 1), coin)
    assert total(made) == 2


@pytest.mark.parametrize(
    ("outstanding", "short"), [("600.004", False), ("600.014", True), ("600.01", True), ("600", False)]
)
def test_less_than_a_coin_is_nothing_that_a_bill_lacks_where_rounding_is_forbidden(
    outstanding: str, short: bool
) -> None:
    exact = Currency("USD", 2, RoundingMode.UNNECESSARY)
    schedule, last = fees(outstanding=Decimal(outstanding)), date(2025, 1, 1)
    assert schedule.is_short(Decimal(600), exact) == short
    made = {last: BilledFee(last, Decimal(600), None)}
    bill_day(made, schedule, date(2025, 2, 1), exact)
    assert total(made) == Decimal(outstanding).quantize(Decimal("0.01"), ROUND_DOWN)


CHANGE = st.fixed_dictionaries(
    {},
    optional={
        "outstanding": st.decimals("0.01", "9999.999", places=3),
        "first": st.decimals("0", "50", places=2),
        "start": st.dates(date(2024, 1, 1), date(2024, 9, 1)),
        "end": st.dates(date(2024, 9, 2), date(2025, 6, 1)),
        "every": st.sampled_from([1, 3]),
        "interval": st.integers(1, 3),
        "offset": st.integers(0, 2),
        "in_advance": st.booleans(),
    },
)


@settings(max_examples=100)
@given(
    steps=st.lists(st.tuples(CHANGE, st.booleans(), st.integers(0, 20), st.booleans()), min_size=1, max_size=20),
    places=st.integers(0, 3),
)
def test_bills_come_to_the_amount_whatever_changed_between_them(
    steps: list[tuple[dict[str, Any], bool, int, bool]], places: int
) -> None:
    """Month after month: a change, the bill of the month or none, an earlier one again unless it is locked by then."""
    coin, made, locked = Currency("USD", places), dict[date, BilledFee](), set[date]()
    months = [
        MONTHLY.boundary(MONTHLY.index_of(FIRST) + n) for n in range(1, 28)
    ]  # a quarterly bill comes after all steps
    terms: dict[str, Any] = {}
    schedule = fees()
    for month, (change, is_run, again, locks) in zip(months, steps, strict=False):
        terms |= change
        schedule, before = changed(terms), total(made)
        for day in [month] * is_run + [on for on in months[again : again + 1] if on in made]:
            if day not in locked:
                bill_day(made, schedule, day, coin)
        if locks:
            locked |= made.keys()
        assert total(made) <= max(coin.round(schedule.outstanding), before)
    before = total(made)
    for day in months[len(steps) :]:
        bill_day(made, schedule, day, coin)
    if made:
        assert coin.round(schedule.outstanding) <= total(made) <= max(coin.round(schedule.outstanding), before)


def changed(terms: dict[str, Any]) -> FeePlan:
    calendar = Calendar(Frequency.MONTHLY, terms.get("every", 1), FIRST)
    fields = {name: value for name, value in terms.items() if name != "every"}
    first = min(terms.get("first", Decimal(0)), terms.get("outstanding", Decimal(15_000)))
    return fees(**{**fields, "calendar": calendar, "first": first})


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ({"start": date(2024, 4, 1)}, {}),
        ({"calendar": Calendar(Frequency.MONTHLY, 3, FIRST)}, {}),
        ({}, {"end": date(2024, 5, 1)}),
        ({}, {"outstanding": Decimal(30_000)}),
    ],
)
def test_the_next_bill_makes_up_for_dates_that_have_a_fee_only_since_a_change(
    first: dict[str, Any], then: dict[str, Any]
) -> None:
    made: dict[date, BilledFee] = {}
    for month in range(2, 9):
        bill_day(made, fees(**first), date(2024, month, 1), USD)
    now = fees(**then)
    bill_day(made, now, date(2024, 9, 1), USD)
    assert total(made) == now.outstanding * (1 if "end" in then else Decimal(8) / 12)


def test_dates_before_the_first_fee_that_was_billed_are_left_to_their_own_bills_until_the_last() -> None:
    made: dict[date, BilledFee] = {}
    for month in (6, 8, 7, 3):
        bill_day(made, fees(), date(2024, month, 1), USD)
    assert [made[date(2024, month, 1)].amount for month in (3, 6, 7, 8)] == [1250, 1250, 0, 2500]
    bill_day(made, fees(), date(2025, 1, 1), USD)
    assert total(made) == 15_000


@given(
    start=st.dates(date(2023, 1, 1), date(2025, 12, 31)),
    length=st.integers(1, 900),
    frequency=st.sampled_from(list(Frequency)),
    every=st.integers(1, 4),
    interval=st.integers(1, 4),
    offset=st.integers(0, 5),
    in_advance=st.booleans(),
)
def test_the_time_of_fees_tiles_the_commitment(
    start: date, length: int, frequency: Frequency, every: int, interval: int, offset: int, *, in_advance: bool
) -> None:
    end = start + timedelta(days=length)
    schedule = fees(
        calendar=Calendar(frequency, every, date(2022, 1, 31)),
        start=start,
        end=end,
        interval=interval,
        offset=offset,
        in_advance=in_advance,
    )
    zone = time_zone("America/New_York")
    found = [fee for n in range(length + 1500) if (fee := schedule.fee_on(start + timedelta(days=n), USD, zone))]
    assert found
    assert [fee.number for fee in found] == list(range(len(found)))
    assert schedule.is_first(found[0].day)
    spans = [fee.span for fee in found]
    assert spans[0].start.astimezone(zone).date() == start
    assert spans[-1].end.astimezone(zone).date() == end
    assert all(one.end == other.start for one, other in itertools.pairwise(spans))
    assert sum(fee.amount for fee in found) == schedule.outstanding

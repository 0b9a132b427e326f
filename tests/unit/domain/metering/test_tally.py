"""Figures of measurements: the same however they are cut, put together or written, and another when any value is."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usance.adapters.dynamodb.usage_receipts import from_text, to_text
from usance.domain.metering.columns import Columns
from usance.domain.metering.tally import Tally, figures, sum_of, tally_of

NUMBERS = st.one_of(
    st.none(),
    st.integers(-(10**37), 10**37),
    st.decimals(-(10**12), 10**12, places=6, allow_nan=False, allow_infinity=False),
)
ROWS = st.lists(
    st.tuples(
        st.text("abc", min_size=1, max_size=3),
        st.integers(0, 2**52),
        st.one_of(st.none(), st.integers(0, 2**52)),
        NUMBERS,
        st.one_of(st.none(), st.text(max_size=3)),
    ),
    min_size=1,
    max_size=30,
)


def columns(rows: Sequence[tuple[Any, ...]]) -> Columns:
    uids, ts, ets, numbers, texts = map(list, zip(*rows, strict=True))
    return Columns(uids, ts, ets, {"tokens": numbers}, {"model": texts})


USAGE = Columns(["a", "b"], [10, 20], [None, 30], {"tokens": [1, Decimal("2.50")]}, {"model": ["x", "y"]})


@given(ROWS, st.integers(0, 30))
def test_the_parts_come_to_the_whole_and_taking_one_away_leaves_the_other(rows: Any, cut: int) -> None:
    whole = tally_of(columns(rows))
    parts = [tally_of(columns(part)) for part in (rows[:cut], rows[cut:]) if part]
    assert sum_of(parts) == whole == sum_of(reversed(parts))
    assert whole.minus(parts[0]) == sum_of(parts[1:])
    assert whole.minus(whole) == Tally()


@given(ROWS)
def test_figures_survive_being_written(rows: Any) -> None:
    tally = tally_of(columns(rows))
    assert from_text(to_text(tally)) == tally


def test_a_number_counts_the_same_however_it_is_written() -> None:
    assert tally_of(replace(USAGE, numbers={"tokens": [Decimal("1.00"), Decimal("2.5")]})) == tally_of(USAGE)
    assert tally_of(replace(USAGE, numbers={**USAGE.numbers, "more": [None, None]})) == tally_of(USAGE)


@pytest.mark.parametrize(
    ("altered", "figure"),
    [
        (replace(USAGE, uids=["a", "c"]), "uids"),
        (replace(USAGE, ts=[20, 10]), "ts"),
        (replace(USAGE, ets=[30, None]), "ets"),
        (replace(USAGE, numbers={"tokens": [Decimal("2.5"), 1]}), "tokens by uid"),
        (replace(USAGE, numbers={"tokens": [1, 2]}), "sum of tokens"),
        (replace(USAGE, numbers={"tokens": [1, None]}), "values of tokens"),
        (replace(USAGE, texts={"model": ["y", "x"]}), "model by uid"),
        (replace(USAGE, texts={}), "model by uid"),
        (USAGE.take([0]), "measurements"),
    ],
)
def test_every_altered_value_shows_in_a_figure(altered: Columns, figure: str) -> None:
    before, after = figures(tally_of(USAGE)), figures(tally_of(altered))
    assert before[figure] != after.get(figure)


def test_sums_are_exact() -> None:
    numbers = [Decimal(10) ** 37, Decimal("0.0000001"), -(10**37)]
    tally = tally_of(Columns(["a", "b", "c"], [0] * 3, [None] * 3, {"tokens": numbers}, {}))
    assert tally.numbers["tokens"].total == Decimal("0.0000001")

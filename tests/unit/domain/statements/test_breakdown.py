"""What a statement asks of the usage behind a line."""

import pytest

from tests.unit.domain.statements.examples import TOKENS, on, segmented
from usance.domain.statements.breakdown import breakdown
from usance.domain.statements.definition import BUILT_IN, Definition, Dimension, Frequency, Measure
from usance.domain.statements.statement import by_segment

VALUES = [on(1, "1", region=region, model="large") for region in ("UK", "FR", "")]


def priced(segment: dict[str, str], *segments: dict[str, str]) -> list[str]:
    """The regions that one of the segments prices."""
    metered = segmented(segment, *segments)
    return [value.group["region"] for value in by_segment(metered, VALUES).get(metered.segment, ())]


def definition(*, dimensions: tuple[Dimension, ...] = (), measures: tuple[Measure, ...] = ()) -> Definition:
    return Definition(Frequency.DAY, dimensions, measures)


def test_a_line_shows_its_own_aggregation_when_no_measure_is_defined() -> None:
    shown = breakdown(BUILT_IN, TOKENS)
    assert shown.measures == (("context_tokens", "SUM"),)
    assert shown.dimensions == ()


def test_the_own_aggregation_comes_first_and_once() -> None:
    shown = breakdown(definition(measures=(Measure("context_tokens", ("MAX", "SUM")),)), TOKENS)
    assert shown.measures == (("context_tokens", "SUM"), ("context_tokens", "MAX"))


def test_a_blank_measure_is_every_number_field() -> None:
    shown = breakdown(definition(measures=(Measure("", ("MAX",)),)), TOKENS)
    assert set(shown.measures) >= {("context_tokens", "MAX"), ("generated_tokens", "MAX")}


def test_a_measure_without_aggregations_is_a_sum() -> None:
    shown = breakdown(definition(measures=(Measure("generated_tokens"),)), TOKENS)
    assert shown.measures[1:] == (("generated_tokens", "SUM"),)


@pytest.mark.parametrize(
    "measure",
    [
        Measure("context_tokens", ("MAX",), "another meter"),
        Measure("unknown", ("SUM",)),
        Measure("region", ("SUM",)),
        Measure("context_tokens", ("UNIQUE", "CUSTOM_SQL")),
    ],
)
def test_a_measure_that_the_meter_cannot_give_is_left_out(measure: Measure) -> None:
    assert breakdown(definition(measures=(measure,)), TOKENS).measures == (("context_tokens", "SUM"),)


def test_distinct_values_of_a_string_field_can_be_counted() -> None:
    shown = breakdown(definition(measures=(Measure("region", ("UNIQUE",)),)), TOKENS)
    assert ("region", "UNIQUE") in shown.measures


def test_dimensions_of_other_meters_and_unknown_fields_are_left_out() -> None:
    shown = breakdown(
        definition(dimensions=(Dimension("region"), Dimension("model", meter_id="other"), Dimension("colour"))), TOKENS
    )
    assert shown.dimensions == ("region",)


def test_a_filter_shows_only_the_values_it_lists() -> None:
    shown = breakdown(definition(dimensions=(Dimension("region", ("UK", "FR")),)), TOKENS)
    assert shown.shows({"region": "UK"})
    assert not shown.shows({"region": "DE"})


def test_a_star_among_the_values_shows_all() -> None:
    assert breakdown(definition(dimensions=(Dimension("region", ("UK", "*")),)), TOKENS).shows({"region": "DE"})


def test_a_segment_is_broken_down_by_its_own_fields() -> None:
    assert breakdown(BUILT_IN, segmented({"region": "UK"}, {"region": "UK"})).dimensions == ("region",)
    assert priced({"region": "UK"}, {"region": "UK"}, {"region": "*"}) == ["UK"]


def test_a_wildcard_segment_shows_what_no_more_specific_segment_claims() -> None:
    assert priced({"region": "*"}, {"region": "UK"}, {"region": "*"}) == ["FR", ""]


def test_of_two_segments_that_match_as_closely_the_first_counts() -> None:
    by_region, by_model = {"region": "UK", "model": "*"}, {"region": "*", "model": "large"}
    assert priced(by_region, by_region, by_model) == ["UK"]
    assert priced(by_model, by_region, by_model) == ["FR", ""]


def test_usage_outside_every_segment_is_not_shown() -> None:
    assert priced({"region": "DE"}, {"region": "DE"}) == []
    assert priced({"region": "UK"}, {"region": "FR"}) == []


def test_the_line_of_no_segment_shows_all_usage() -> None:
    assert len(by_segment(TOKENS, VALUES)[()]) == len(VALUES)

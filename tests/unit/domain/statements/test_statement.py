"""Rows of usage, and the two layouts they are written in."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.domain.statements.examples import BILL, LINE, NOVEMBER, STANDING, TOKENS, on
from usance.domain.statements.breakdown import breakdown
from usance.domain.statements.buckets import bucket_starts
from usance.domain.statements.csv_layout import to_csv
from usance.domain.statements.definition import BUILT_IN, Definition, Dimension, Frequency, Measure
from usance.domain.statements.json_layout import to_document
from usance.domain.statements.statement import Statement, StatementLine, UsageRow, Value, plain, usage_rows

DAYS = bucket_starts(NOVEMBER, Frequency.DAY, ZoneInfo("UTC"))
BY_REGION = Definition(
    Frequency.DAY, (Dimension("region"),), (Measure("context_tokens", ("COUNT",)),), include_price_per_unit=True
)
SUM, COUNT = ("context_tokens", "SUM"), ("context_tokens", "COUNT")


def rows(definition: Definition, *values: tuple[tuple[str, str], Value]) -> tuple[UsageRow, ...]:
    return tuple(usage_rows(breakdown(definition, TOKENS), DAYS, NOVEMBER.end, values))


def statement(definition: Definition = BY_REGION) -> Statement:
    usage = rows(
        definition,
        (SUM, on(2, "200.50", region="UK")),
        (COUNT, on(2, "2", region="UK")),
        (SUM, on(1, "99.5", region="FR")),
        (COUNT, on(1, "1", region="FR")),
    )
    return Statement(BILL, definition, (StatementLine(LINE, usage), StatementLine(STANDING)))


def test_values_of_several_measures_share_a_row() -> None:
    (row,) = rows(BY_REGION, (COUNT, on(3, "4", region="UK")), (SUM, on(3, "10", region="UK")))
    assert row.measures == {SUM: 10, COUNT: 4}
    assert list(row.measures) == [SUM, COUNT]
    assert row.dimensions == {"region": "UK"}
    assert (row.start, row.end) == (datetime(2023, 11, 3, tzinfo=UTC), datetime(2023, 11, 4, tzinfo=UTC))


def test_rows_are_ordered_by_time_then_by_dimension() -> None:
    found = rows(
        BY_REGION, (SUM, on(2, "1", region="FR")), (SUM, on(1, "1", region="UK")), (SUM, on(1, "1", region="FR"))
    )
    assert [(row.start.day, row.dimensions["region"]) for row in found] == [(1, "FR"), (1, "UK"), (2, "FR")]


def test_the_last_bucket_ends_with_the_period() -> None:
    assert rows(BUILT_IN, (SUM, on(30, "1")))[0].end == NOVEMBER.end


def test_a_group_without_a_value_has_no_row() -> None:
    assert rows(BUILT_IN, (SUM, on(1, None))) == ()


def test_filtered_usage_has_no_row() -> None:
    only_uk = replace(BY_REGION, dimensions=(Dimension("region", ("UK",)),))
    assert rows(only_uk, (SUM, on(1, "1", region="FR"))) == ()


@given(
    st.lists(
        st.tuples(
            st.datetimes(datetime(2023, 11, 1), datetime(2023, 11, 30, 23, 59), timezones=st.just(UTC)),
            st.decimals(min_value=-(10**9), max_value=10**9, places=6),
            st.sampled_from(["UK", "FR"]),
        ),
        max_size=40,
    ),
    st.sampled_from(list(Frequency)),
    st.sampled_from(["UTC", "America/New_York", "Africa/Cairo"]),
)
def test_the_sums_of_the_rows_are_the_quantity_of_the_line(
    measured: list[tuple[datetime, Decimal, str]], frequency: Frequency, zone: str
) -> None:
    starts = bucket_starts(NOVEMBER, frequency, ZoneInfo(zone))
    sums: dict[tuple[datetime, str], Decimal] = {}
    for moment, value, region in measured:
        key = (max(start for start in starts if start <= moment), region)
        sums[key] = sums.get(key, Decimal(0)) + value
    values = [(SUM, Value({"region": region}, start, value)) for (start, region), value in sums.items()]
    found = usage_rows(breakdown(BY_REGION, TOKENS), starts, NOVEMBER.end, values)
    assert sum(row.measures[SUM] for row in found) == sum(value for _, value, _ in measured)


def test_the_json_layout_has_the_bill_the_definition_and_each_line() -> None:
    document = to_document(statement())
    assert document["billId"] == "bill-1"
    assert document["accountName"] == "Acme Ltd"
    assert (document["billDate"], document["startDate"], document["endDate"]) == (
        "2023-12-01",
        "2023-11-01",
        "2023-12-01",
    )
    assert document["definition"]["aggregationFrequency"] == "DAY"
    line = document["lineItems"][0]
    assert line["meterCode"] == "llm_requests"
    assert line["aggregation"] == "SUM"
    assert line["pricePerUnit"] == Decimal("0.003")
    assert line["usage"][0] == {
        "start": "2023-11-01T00:00:00Z",
        "end": "2023-11-02T00:00:00Z",
        "dimensions": {"region": "FR"},
        "measures": {"context_tokens": {"SUM": Decimal("99.5"), "COUNT": Decimal(1)}},
    }


def test_a_line_without_usage_is_in_the_json_with_none() -> None:
    line = to_document(statement())["lineItems"][1]
    assert (line["description"], line["meterCode"], line["usage"]) == ("Standing Charge", None, [])


def test_a_price_is_left_out_unless_asked_for() -> None:
    plain_definition = replace(BY_REGION, include_price_per_unit=False)
    assert "pricePerUnit" not in to_document(statement(plain_definition))["lineItems"][0]
    assert "price per unit" not in to_csv(statement(plain_definition))


def test_times_are_written_in_the_time_zone_of_the_organization() -> None:
    away = replace(BILL, zone=ZoneInfo("America/New_York"), time_zone_name="America/New_York")
    document = to_document(replace(statement(), bill=away))
    assert document["timezone"] == "America/New_York"
    assert document["lineItems"][0]["usage"][0]["start"] == "2023-10-31T20:00:00-04:00"


def test_the_csv_layout_has_a_row_per_line_bucket_and_dimension() -> None:
    assert to_csv(statement()).split("\r\n") == [
        (
            "bill id,account code,product,line item,period start,period end,"
            "region,context_tokens SUM,context_tokens COUNT,unit,price per unit,"
            "line item id,referenced line item id,billed quantity,quantity not on bill"
        ),
        "bill-1,acme,LLM API,Context tokens,2023-11-01T00:00:00Z,2023-11-02T00:00:00Z,FR,99.5,1,token,0.003,line-1,,300,",
        "bill-1,acme,LLM API,Context tokens,2023-11-02T00:00:00Z,2023-11-03T00:00:00Z,UK,200.5,2,token,0.003,line-1,,300,",
        "bill-1,acme,LLM API,Standing Charge,2023-11-01T00:00:00Z,2023-12-01T00:00:00Z,,,,,20,line-2,,1,",
        "",
    ]


def test_no_two_columns_have_one_name() -> None:
    row = UsageRow(NOVEMBER.start, NOVEMBER.end, {"product": "a", "unit": "b", "region": "c"}, {SUM: Decimal(1)})
    header, first, _ = to_csv(Statement(BILL, BUILT_IN, (StatementLine(LINE, (row,)),))).split("\r\n")
    names = header.split(",")
    assert len(set(names)) == len(names)
    told = dict(zip(names, first.split(","), strict=True))
    assert (told["product"], told["product (dimension)"], told["unit (dimension)"]) == ("LLM API", "a", "b")
    assert (told["unit"], told["region"]) == ("token", "c")


def test_text_that_a_spreadsheet_would_run_is_disarmed() -> None:
    for evil in ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"):
        line = replace(LINE, description=evil)
        text = to_csv(Statement(BILL, BUILT_IN, (StatementLine(line),)))
        assert f"'{evil}" in text


def test_a_negative_number_stays_a_number() -> None:
    usage = rows(BUILT_IN, (SUM, on(1, "-5")))
    assert ",-5,token" in to_csv(Statement(BILL, BUILT_IN, (StatementLine(LINE, usage),)))


def test_separators_quotes_and_line_breaks_are_quoted() -> None:
    line = replace(LINE, description='a "b", c\nd')
    assert ',"a ""b"", c\nd",' in to_csv(Statement(BILL, BUILT_IN, (StatementLine(line),)))


def test_equal_statements_are_written_equally() -> None:
    assert to_csv(statement()) == to_csv(statement())
    assert repr(to_document(statement())) == repr(to_document(statement()))


def test_a_plain_number_has_no_exponent_and_no_trailing_zeros() -> None:
    written = [str(plain(Decimal(text))) for text in ("1E+3", "0.10", "-0.00", "100", "12345678901234567890.10")]
    assert written == ["1000", "0.1", "0", "100", "12345678901234567890.1"]


def test_a_bucket_is_never_longer_than_its_frequency() -> None:
    assert all(row.end - row.start == timedelta(days=1) for row in statement().lines[0].usage)

"""What aggregations and compound aggregations come to, asked of usage (metering.md 4, 5)."""

from decimal import Decimal
from typing import Any, ClassVar

import pytest

from tests.unit.application.usage.explorer import Explorer
from usance.application.usage import query_usage
from usance.application.usage.scopes import Limits

ACCOUNT = {"groupType": "ACCOUNT"}
BY_DAY = {"groupType": "TIME", "frequency": "DAY"}
UNKNOWN = "0190a5d0-ac96-774b-bcce-b302099a8057"
DAY = "2026-01-05T10:00:00Z"
NEXT_DAY = "2026-01-06T10:00:00Z"
NEXT_DAY = "2026-01-06T10:00:00Z"


@pytest.fixture
def explorer() -> Explorer:
    return Explorer()


def simple(aggregation: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"aggregationId": aggregation["id"]}]


def compound(made: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"compoundAggregationId": made["id"]}]


def test_units_are_rounded_after_dividing(explorer: Explorer) -> None:
    """metering.md 4.2: 48,900 at 500 a unit are 97.8, rounded up 98."""
    rated = explorer.aggregation("speed", quantityPerUnit=500, rounding="UP")
    explorer.use(0, DAY, 48_000)
    explorer.use(1, DAY, 900)
    [row] = explorer.rows(aggregations=simple(rated))
    assert row == {"aggregation.speed.quantity": 48_900, "aggregation.speed.units": 98}


def test_a_default_stands_in_where_a_group_has_no_value(explorer: Explorer) -> None:
    other = explorer.new_meter("other")
    explorer.use(0, DAY, 5)
    explorer.use(1, DAY, 7, meter=other)
    kept = explorer.aggregation("kept", defaultValue=3)
    none = explorer.aggregation("none", "MAX")
    rows = explorer.rows(aggregations=[*simple(kept), *simple(none), explorer.of("SUM", meter=other)], groups=[ACCOUNT])
    assert [
        (row["aggregation.kept.quantity"], row["aggregation.none.quantity"], row["tokens.SUM"]) for row in rows
    ] == [
        (5, 5, None),
        (3, None, 7),
    ]
    assert rows[1]["aggregation.none.units"] is None
    assert explorer.ask(aggregations=simple(kept), startDate="2026-01-20T00:00:00Z")["data"] == []


def test_a_compound_is_calculated_from_the_base_values_of_each_group(explorer: Explorer) -> None:
    """metering.md 5.1: the first 100 requests for each app are free; 1,000 of 3 apps are 700, whatever the parts' own units."""
    explorer.aggregation("req", "SUM", quantityPerUnit=10, rounding="UP")
    explorer.aggregation("apps", "MAX", targetField="tokens", meterId=(apps := explorer.new_meter("apps"))["id"])
    free = explorer.compound("billable", "aggregation.req - aggregation.apps * 100")
    explorer.use(0, DAY, 999)
    explorer.use(0, NEXT_DAY, 1)
    explorer.use(0, DAY, 3, meter=apps)
    explorer.use(0, NEXT_DAY, 2, meter=apps)
    explorer.use(1, DAY, 50, meter=apps)
    [whole] = explorer.rows(aggregations=compound(free), accountIds=[explorer.accounts[0]["id"]])
    assert whole == {"compoundAggregation.billable.quantity": 700, "compoundAggregation.billable.units": 700}
    rows = explorer.rows(aggregations=compound(free), groups=[ACCOUNT, BY_DAY])
    quantities = [(row["accountCode"], row["ts"][:10], row["compoundAggregation.billable.quantity"]) for row in rows]
    first, second = explorer.accounts[0]["code"], explorer.accounts[1]["code"]
    assert quantities == [
        (first, "2026-01-05", 999 - 300),
        (first, "2026-01-06", 1 - 200),
        (second, "2026-01-05", None),  # no requests, which have no default
    ]


def test_its_own_units_are_those_of_the_result(explorer: Explorer) -> None:
    """metering.md 5.1: 600, 300 and 90 seconds are 16.5 minutes, rounded up 17."""
    for code, seconds in (("a", 600), ("b", 300), ("c", 90)):
        meter = explorer.new_meter(code)
        explorer.aggregation(code, meterId=meter["id"])
        explorer.use(0, DAY, seconds, meter=meter)
    minutes = explorer.compound("minutes", "(aggregation.a + aggregation.b + aggregation.c) / 60", rounding="UP")
    [row] = explorer.rows(aggregations=compound(minutes))
    assert [str(value) for value in row.values()] == ["16.5", "17"]


@pytest.mark.parametrize(("evaluated", "default", "expected"), [(False, None, None), (True, None, 5), (False, 2, 7)])
def test_nulls_reach_the_calculation_only_when_it_wants_them(
    explorer: Explorer, evaluated: bool, default: int | None, expected: int | None
) -> None:
    explorer.aggregation("used")
    explorer.aggregation("unused", meterId=explorer.new_meter("other")["id"], defaultValue=default)
    made = explorer.compound(
        "both", "aggregation.used + isnull(aggregation.unused, 0)", evaluateNullAggregations=evaluated
    )
    explorer.use(0, DAY, 5)
    [row] = explorer.rows(aggregations=compound(made))
    assert row["compoundAggregation.both.quantity"] == expected


class TestCustomFields:
    @pytest.fixture
    def made(self, explorer: Explorer) -> dict[str, Any]:
        current = explorer.org.client.get("/customfields").json
        fields = {
            "organization": {"factor": 2},
            "account": {"discount": Decimal("0.5")},
            "meter": {"weight": 10},
            "product": {"rate": 3},
        }
        assert explorer.org.client.put("/customfields", {**current, **fields}).status == 200
        special = explorer.org.make("account", customFields={"discount": Decimal("0.25")})
        explorer.accounts[1] = special
        product = explorer.org.make("product", customFields={"rate": 4})
        explorer.aggregation("used")
        calculation = "aggregation.used * organization.factor * meter.weight * product.rate * account.discount"
        explorer.use(0, DAY, 1)
        explorer.use(1, DAY, 1)
        return explorer.compound("worth", calculation, productId=product["id"])

    def test_they_are_the_accounts_and_products_own_before_the_organizations(
        self, explorer: Explorer, made: dict[str, Any]
    ) -> None:
        rows = explorer.rows(aggregations=compound(made), groups=[ACCOUNT])
        worth = {row["accountId"]: row["compoundAggregation.worth.quantity"] for row in rows}
        assert worth == {explorer.accounts[0]["id"]: 40, explorer.accounts[1]["id"]: 20}

    def test_of_one_account_no_group_is_needed(self, explorer: Explorer, made: dict[str, Any]) -> None:
        [row] = explorer.rows(aggregations=compound(made), accountIds=[explorer.accounts[1]["id"]])
        assert row["compoundAggregation.worth.quantity"] == 20

    def test_those_of_an_account_need_one(self, explorer: Explorer, made: dict[str, Any]) -> None:
        assert "account.discount; add a group of type ACCOUNT" in explorer.refusal(aggregations=compound(made))

    def test_one_that_is_not_set_is_told_with_the_fix(self, explorer: Explorer, made: dict[str, Any]) -> None:
        assert made
        missing = explorer.compound("missing", "aggregation.used * organization.rate")
        message = explorer.refusal(aggregations=compound(missing))
        assert message.startswith("aggregations[0]: the compound aggregation")
        assert "the custom field organization.rate is not set; set it" in message


def test_a_division_by_zero_names_the_group(explorer: Explorer) -> None:
    explorer.aggregation("used")
    made = explorer.compound("ratio", "1 / (aggregation.used - 5)")
    explorer.use(0, DAY, 4)
    explorer.use(1, DAY, 5)
    message = explorer.refusal(aggregations=compound(made), groups=[ACCOUNT])
    assert f"aggregations[0] of accountId {explorer.accounts[1]['id']}: " in message
    assert "divides by zero" in message
    answer = explorer.ask(aggregations=compound(made), groups=[ACCOUNT], accountIds=[explorer.accounts[0]["id"]])
    assert [row["compoundAggregation.ratio.quantity"] for row in answer["data"]] == [-1]


HELD = "aggregation.held.quantity"


@pytest.fixture
def two_accounts(explorer: Explorer) -> Explorer:
    """1, 5 and 9 from midnight of 5, 6 and 7 January; 7 of another account an hour after the 5."""
    for account, day, tokens in ((0, 5, 1), (0, 6, 5), (0, 7, 9), (1, 6, 7)):
        explorer.use(account, f"2026-01-{day:02}T{account:02}:00:00Z", tokens)
    return explorer


def test_percentiles_are_those_of_all_accounts_together(two_accounts: Explorer) -> None:
    median = simple(two_accounts.aggregation("held", "P50"))
    found = [two_accounts.rows(aggregations=median, groups=groups) for groups in ([], [BY_DAY], [ACCOUNT])]
    assert [[row[HELD] for row in rows] for rows in found] == [[5], [1, 5, 9], [5, 7]]


def test_time_weighted_sums_are_of_one_series_of_all_accounts(two_accounts: Explorer) -> None:
    """1 for a day, 5 for an hour, 7 for 23, and 9 until the end; by day, until the end of the day."""
    held = simple(two_accounts.aggregation("held", "TIME_WEIGHTED_SUM"))
    found = [two_accounts.rows(aggregations=held, groups=groups) for groups in ([], [BY_DAY])]
    assert [[row[HELD] for row in rows] for rows in found] == [
        [24 + 5 + 7 * 23 + 9 * 24 * 25],
        [24, 5 + 7 * 23, 9 * 24],
    ]


def test_sql_sees_the_measurements_of_all_accounts_of_a_group(explorer: Explorer) -> None:
    spread = "SELECT max(tokens) - min(tokens) FROM measurements"
    made = simple(explorer.aggregation("own", "CUSTOM_SQL", customSql=spread))
    for account, day, value in ((0, 0, 1), (0, 1, 3), (1, 0, 9), (1, 1, 4)):
        explorer.use(account, (DAY, NEXT_DAY)[day], value)
    found = [
        [row["aggregation.own.quantity"] for row in explorer.rows(aggregations=made, groups=groups)]
        for groups in ([], [ACCOUNT], [BY_DAY])
    ]
    assert found == [[8], [2, 5], [8, 1]]


def test_sql_runs_for_so_many_groups(explorer: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    made = simple(explorer.aggregation("own", "CUSTOM_SQL", customSql="SELECT count(*) FROM measurements"))
    for account, day in ((0, 0), (1, 1)):
        explorer.use(account, (DAY, NEXT_DAY)[day], 1)
    monkeypatch.setattr(query_usage, "QUERY_LIMITS", Limits(5, 5, 5, 5, custom=1))
    assert [row["aggregation.own.quantity"] for row in explorer.rows(aggregations=made)] == [2]
    assert "customSql for more than 1 groups" in explorer.refusal(aggregations=made, groups=[BY_DAY])


def test_sql_of_many_accounts_is_refused(explorer: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    made = explorer.aggregation("own", "CUSTOM_SQL", customSql="SELECT 1")
    for account in (0, 1):
        explorer.use(account, DAY, 1)
    monkeypatch.setattr(query_usage, "QUERY_LIMITS", Limits(5, 5, 5, 5, custom=1))
    refusal = explorer.refusal(aggregations=simple(made), groups=[ACCOUNT])
    assert "customSql for 2 meters of accounts, more than 1" in refusal


class TestSegments:
    SEGMENT: ClassVar = {"groupType": "SEGMENT"}
    FIELDS = ("region", "tier")

    def segments(self, *values: tuple[str, str]) -> dict[str, Any]:
        segments = [dict(zip(self.FIELDS, value, strict=True)) for value in values]
        return {"segmentedFields": list(self.FIELDS), "segments": segments}

    @pytest.fixture
    def used(self, explorer: Explorer) -> Explorer:
        """Of six combinations, one of them twice."""
        explorer.meter = explorer.new_meter("tiered", "tier")
        for tokens, region, tier in (
            (1, "UK", "Standard"),
            (2, "UK", "Premium"),
            (4, "US", "Premium"),
            (8, "US", "Standard"),
            (16, "FR", "Free"),
            (32, "UK", "Standard"),
        ):
            explorer.use(0, DAY, tokens, region, tier=tier)
        return explorer

    def found(self, rows: list[dict[str, Any]], column: str) -> dict[tuple[str, ...] | None, Any]:
        return {tuple(row["segment"].values()) if row["segment"] else None: row[column] for row in rows}

    def test_each_measurement_counts_in_the_most_specific_segment_alone(self, used: Explorer) -> None:
        segments = self.segments(("*", "*"), ("UK", "*"), ("*", "Premium"), ("UK", "Standard"), ("DE", "Free"))
        made = used.aggregation("calls", **segments)
        rows = used.rows(aggregations=simple(made), groups=[self.SEGMENT])
        assert self.found(rows, "aggregation.calls.quantity") == {
            ("UK", "Standard"): 33,
            ("UK", "*"): 2,  # before ("*", "Premium"), which is as specific
            ("*", "Premium"): 4,
            ("*", "*"): 24,
        }
        [whole] = used.rows(aggregations=simple(made))
        assert whole["aggregation.calls.quantity"] == 63

    @pytest.mark.parametrize(
        ("method", "field", "expected"),
        [
            ("LATEST", "tokens", 6),
            ("MEAN", "tokens", 13),
            ("COUNT", "tokens", 3),
            ("MAX", "tokens", 32),
            ("UNIQUE", "user", 1),
            ("P75", "tokens", 32),
        ],
    )
    def test_the_values_of_a_wildcard_are_put_together(
        self, used: Explorer, method: str, field: str, expected: int
    ) -> None:
        used.use(1, DAY, 6, "UK", tier="Free")
        segments = self.segments(("UK", "*"), ("UK", "Premium"))
        made = used.aggregation("calls", method, targetField=field, **segments)
        rows = used.rows(aggregations=simple(made), groups=[self.SEGMENT])
        assert self.found(rows, "aggregation.calls.quantity")["UK", "*"] == expected

    def test_what_matches_no_segment_is_in_none(self, used: Explorer) -> None:
        made = used.aggregation("calls", **self.segments(("FR", "Free")))
        rows = used.rows(aggregations=simple(made), groups=[self.SEGMENT, ACCOUNT])
        assert self.found(rows, "aggregation.calls.quantity") == {("FR", "Free"): 16}

    def test_a_default_shows_every_segment_of_a_group_with_usage(self, used: Explorer) -> None:
        made = used.aggregation("calls", defaultValue=0, **self.segments(("FR", "Free"), ("DE", "*")))
        rows = used.rows(aggregations=simple(made), groups=[self.SEGMENT])
        assert self.found(rows, "aggregation.calls.quantity") == {("FR", "Free"): 16, ("DE", "*"): 0}

    def test_a_compound_has_the_segments_that_its_parts_share(self, used: Explorer) -> None:
        used.aggregation("calls", **self.segments(("UK", "*"), ("US", "*"), ("FR", "*")))
        used.aggregation("peak", "MAX", **self.segments(("US", "*"), ("UK", "*")))
        used.aggregation("all", "COUNT")
        made = used.compound("net", "aggregation.calls - aggregation.peak + aggregation.all * 100")
        rows = used.rows(aggregations=[*compound(made), used.of("SUM")], groups=[self.SEGMENT])
        assert self.found(rows, "compoundAggregation.net.quantity") == {
            None: None,  # the row of what has no segments
            ("UK", "*"): 35 - 32 + 600,
            ("US", "*"): 12 - 8 + 600,
        }
        assert self.found(rows, "tokens.SUM") == {None: 63, ("UK", "*"): None, ("US", "*"): None}

    def test_rows_beyond_the_limit_are_left_out(self, used: Explorer) -> None:
        made = used.aggregation("calls", **self.segments(("UK", "*"), ("US", "*"), ("FR", "*"), ("DE", "*")))
        query = {"aggregations": simple(made), "groups": [self.SEGMENT]}
        answer = used.ask(**query, limit=2)
        assert [row["segment"]["region"] for row in answer["data"]] == ["FR", "UK"]
        assert answer["hasMoreData"] is True
        assert used.ask(**query, limit=3)["hasMoreData"] is False  # the fourth has no value

    def test_a_field_called_segment_keeps_its_column(self, explorer: Explorer) -> None:
        fields = [
            {"category": "MEASURE", "code": "tokens", "name": "Tokens", "unit": "1"},
            {"category": "WHERE", "code": "region", "name": "Region"},
            {"category": "WHERE", "code": "segment", "name": "Segment"},
        ]
        explorer.meter = explorer.org.make("meter", code="odd", dataFields=fields, derivedFields=[])
        explorer.use(0, DAY, 1, "eu")
        made = explorer.aggregation("calls", segmentedFields=["region"], segments=[{"region": "eu"}])
        by = explorer.by("segment")
        assert next(iter(explorer.rows(aggregations=simple(made), groups=[by])[0])) == "segment"
        [row] = explorer.rows(aggregations=simple(made), groups=[by, self.SEGMENT])
        assert (row["field.segment"], row["segment"]) == (None, {"region": "eu"})


def test_what_is_wrong_is_named(explorer: Explorer) -> None:
    made = explorer.aggregation("used")
    other = explorer.new_meter("other")
    assert f"aggregations[0].compoundAggregationId: there is no such aggregation: {UNKNOWN}" in explorer.refusal(
        aggregations=[{"compoundAggregationId": UNKNOWN}]
    )
    assert UNKNOWN in explorer.refusal(aggregations=[{"aggregationId": UNKNOWN}])
    assert "alone" in explorer.refusal(aggregations=[{"aggregationId": made["id"], "compoundAggregationId": UNKNOWN}])
    assert "alone" in explorer.refusal(aggregations=[{**explorer.of("SUM"), "aggregationId": made["id"]}])
    assert "aggregations[0].function is required" in explorer.refusal(
        aggregations=[{name: value for name, value in explorer.of("SUM").items() if name != "function"}]
    )
    assert "groups[0]: a group of type SEGMENT" in explorer.refusal(
        aggregations=simple(made), groups=[{"groupType": "SEGMENT"}]
    )
    assert "not among meterIds" in explorer.refusal(aggregations=simple(made), meterIds=[other["id"]])
    assert "no aggregation is on this meter" in explorer.refusal(
        aggregations=simple(made), groups=[{"groupType": "DIMENSION", "meterId": other["id"], "fieldCode": "region"}]
    )


def test_a_question_of_too_many_values_is_refused(explorer: Explorer) -> None:
    """The same value of a meter's field is read once, however many aggregations have it."""
    same = [one for at in range(10) for one in simple(explorer.aggregation(f"same_{at}"))]
    asked = []
    for number in range(4):
        codes = [f"part_{number}_{at}" for at in range(15)]
        for at, code in enumerate(codes):
            explorer.aggregation(code, "CUSTOM_SQL", customSql=f"SELECT {number * 15 + at}")
        asked += compound(explorer.compound(f"c{number}", " + ".join(f"aggregation.{code}" for code in codes)))
    assert explorer.ask(aggregations=[*asked[:3], *same])["data"] == []
    assert "made of 60 values; the limit is 50" in explorer.refusal(aggregations=asked)


def test_a_saved_question_may_name_them_and_is_checked(explorer: Explorer) -> None:
    explorer.aggregation("used")
    made = explorer.compound("net", "aggregation.used * 2")
    query = {"timePeriod": "TODAY", "aggregations": compound(made)}
    saved = explorer.org.client.post("/usage/savedqueries", {"name": "Net", "usageQuery": query})
    assert saved.status == 200, saved.text
    assert saved.json["usageQuery"]["aggregations"] == compound(made)
    query["aggregations"] = [{"compoundAggregationId": UNKNOWN}]
    refused = explorer.org.client.post("/usage/savedqueries", {"name": "Net", "usageQuery": query})
    assert (refused.status, UNKNOWN in refused.message) == (400, True)

"""Questions about usage, answered from measurements in memory (metering.md 7)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from heapq import nlargest
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.usage_log import FakeUsageLog
from tests.unit.application.usage.explorer import RECEIVED, START, Explorer
from usance.application.ports.usage_log import UsageBatch, UsageScope
from usance.application.usage import measurement_rows, query_usage, scopes
from usance.application.usage.scopes import Limits
from usance.domain.metering.columns import Columns
from usance.domain.metering.instants import microseconds
from usance.resources import instants
from usance.resources.instants import to_text

JANUARY = datetime(2026, 1, 5, 10, tzinfo=UTC)
REGIONS = ("eu", "us", "ap")

ACCOUNT = {"groupType": "ACCOUNT"}


def time(frequency: str) -> dict[str, Any]:
    return {"groupType": "TIME", "frequency": frequency}


@pytest.fixture
def explorer() -> Explorer:
    return Explorer()


@pytest.fixture
def january(explorer: Explorer) -> Explorer:
    """Four measurements of two accounts."""
    explorer.use(0, "2026-01-05T10:30:00Z", Decimal("0.1"), "eu", "ann")
    explorer.use(0, "2026-01-05T11:00:00Z", Decimal("0.2"), "us", "bob")
    explorer.use(1, "2026-01-20T00:00:00Z", 7, "eu", "ann")
    explorer.use(1, "2026-01-31T23:59:59.999999Z", 3, "ap", "cid")
    explorer.use(1, "2026-02-01T00:00:00Z", 1000, "eu", "dan")
    return explorer


class TestMeasurements:
    def test_they_come_whole_and_the_last_received_first(self, january: Explorer) -> None:
        answer = january.ask(limit=2)
        assert answer["hasMoreData"] is True
        first, second = answer["data"]
        assert first == {
            "uid": "uid-4",
            "meterId": january.meter["id"],
            "meterCode": "calls",
            "accountId": january.accounts[1]["id"],
            "accountCode": january.accounts[1]["code"],
            "ts": "2026-01-31T23:59:59.999999Z",
            "ets": None,
            "receivedAt": "2026-02-01T00:00:00.000004Z",
            "tokens": 3,
            "region": "ap",
            "user": "cid",
        }
        assert second["uid"] == "uid-3"

    def test_the_last_ones_are_not_more_data(self, january: Explorer) -> None:
        answer = january.ask(limit=4)
        assert [row["uid"] for row in answer["data"]] == ["uid-4", "uid-3", "uid-2", "uid-1"]
        assert answer["hasMoreData"] is False

    def test_they_are_not_put_in_order_for_each_account(
        self, january: Explorer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An answer of 20,000 rows out of 5,000 accounts would be sorted 5,000 times."""
        sorted_again: list[int] = []

        def counting(count: int, found: Sequence[Any], key: Any) -> list[Any]:
            sorted_again.append(count)
            return nlargest(count, found, key=key)

        monkeypatch.setattr(measurement_rows, "nlargest", counting)
        assert [row["uid"] for row in january.rows()] == ["uid-4", "uid-3", "uid-2", "uid-1"]
        assert len(sorted_again) == 1
        monkeypatch.setattr(measurement_rows, "KEPT_MAX", 1)
        assert [row["uid"] for row in january.rows(limit=1)] == ["uid-4"]
        assert len(sorted_again) == 3  # what is held while accounts are read is bounded

    def test_there_are_as_many_as_an_answer_holds(self, january: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(query_usage, "ROWS_MAX_BYTES", 1_000)
        answer = january.ask()
        assert [row["uid"] for row in answer["data"]] == ["uid-4", "uid-3", "uid-2"]
        assert answer["hasMoreData"] is True
        values = january.ask(aggregations=[january.of("SUM")], groups=[{"groupType": "TIME", "frequency": "HOUR"}])
        assert len(values["data"]) == 4

    def test_meters_accounts_and_values_narrow_them(self, january: Explorer) -> None:
        january.use(0, "2026-01-05T10:30:00Z", 5, meter=january.new_meter("other"))
        mine = {"accountIds": [january.accounts[0]["id"]]}
        assert {row["uid"] for row in january.rows(**mine)} == {"uid-1", "uid-2", "uid-6"}
        mine["meterIds"] = [january.meter["id"]]
        assert {row["uid"] for row in january.rows(**mine)} == {"uid-1", "uid-2"}
        narrow = [january.only("region", "eu", "us"), january.only("user", "ann")]
        assert {row["uid"] for row in january.rows(dimensionFilters=narrow)} == {"uid-1", "uid-3", "uid-6"}
        narrow = [january.only("region", "eu", "us"), january.only("region", "us", "ap")]
        assert [row["uid"] for row in january.rows(dimensionFilters=narrow, meterIds=mine["meterIds"])] == ["uid-2"]

    def test_a_field_called_as_a_column_of_ours_keeps_its_value(self, explorer: Explorer) -> None:
        scope = UsageScope(explorer.org.id, explorer.meter["id"], explorer.accounts[0]["id"])
        at = microseconds(datetime(2026, 1, 2, tzinfo=UTC))
        columns = Columns(["a"], [at], [None], {"ts": [5]}, {})
        explorer.log.append([UsageBatch(scope, "2026-01", "0" * 32, RECEIVED, columns)])
        [row] = explorer.rows()
        assert (row["ts"], row["field.ts"]) == ("2026-01-02T00:00:00.000000Z", 5)


class TestAggregations:
    def test_every_function_of_a_measure(self, january: Explorer) -> None:
        functions = ("SUM", "MIN", "MAX", "COUNT", "LATEST", "MEAN")
        [row] = january.rows(aggregations=[january.of(function) for function in functions])
        assert {name: str(value) for name, value in row.items()} == {
            "tokens.SUM": "10.3",
            "tokens.MIN": "0.1",
            "tokens.MAX": "7",
            "tokens.COUNT": "4",
            "tokens.LATEST": "3",
            "tokens.MEAN": "2.575",
        }

    def test_distinct_values_are_counted_over_all_accounts(self, january: Explorer) -> None:
        [row] = january.rows(aggregations=[january.of("UNIQUE", "user"), january.of("COUNT", "user")])
        assert row == {"user.UNIQUE": 3, "user.COUNT": 4}

    def test_groups_by_account(self, january: Explorer) -> None:
        rows = january.rows(aggregations=[january.of("SUM")], groups=[ACCOUNT])
        assert [(row["accountCode"], str(row["tokens.SUM"])) for row in rows] == [
            (january.accounts[0]["code"], "0.3"),
            (january.accounts[1]["code"], "10"),
        ]

    def test_dimensions_called_as_our_own_columns_are_columns_of_their_own(self, explorer: Explorer) -> None:
        codes = ("ts", "accountId", "accountCode")
        fields = [{"category": "WHO", "code": code, "name": code} for code in codes]
        tokens = {"category": "MEASURE", "code": "tokens", "name": "Tokens", "unit": "1"}
        explorer.meter = explorer.org.make("meter", code="odd", dataFields=[tokens, *fields], derivedFields=[])
        for at, account in enumerate(explorer.accounts[:2]):
            texts = {"ts": [f"t{at}"], "accountId": ["X"], "accountCode": ["Y"]}
            columns = Columns([f"u{at}"], [microseconds(JANUARY)], [None], {"tokens": [at + 1]}, texts)
            scope = UsageScope(explorer.org.id, explorer.meter["id"], account["id"])
            explorer.log.append([UsageBatch(scope, "2026-01", f"{at:032x}", RECEIVED, columns)])
        total = {"aggregations": [explorer.of("SUM")]}
        assert explorer.rows(**total, groups=[explorer.by("accountId")]) == [{"field.accountId": "X", "tokens.SUM": 3}]
        assert [row["field.ts"] for row in explorer.rows(**total, groups=[explorer.by("ts")])] == ["t0", "t1"]
        both = [explorer.by("ts"), time("DAY"), ACCOUNT, explorer.by("accountCode")]
        assert [{**row, "tokens.SUM": int(row["tokens.SUM"])} for row in explorer.rows(**total, groups=both)] == [
            {
                "field.ts": f"t{at}",
                "ts": "2026-01-05T00:00:00.000000Z",
                "accountId": account["id"],
                "field.accountCode": "Y",
                "accountCode": account["code"],
                "tokens.SUM": at + 1,
            }
            for at, account in enumerate(explorer.accounts[:2])
        ]

    def test_groups_by_values_and_time_in_the_order_asked_for(self, january: Explorer) -> None:
        rows = january.rows(
            aggregations=[january.of("SUM"), january.of("UNIQUE", "region")],
            groups=[january.by("region"), time("WEEK")],
        )
        assert [(row["region"], row["ts"], str(row["tokens.SUM"]), row["region.UNIQUE"]) for row in rows] == [
            ("ap", "2026-01-26T00:00:00.000000Z", "3", 1),
            ("eu", "2026-01-05T00:00:00.000000Z", "0.1", 1),
            ("eu", "2026-01-19T00:00:00.000000Z", "7", 1),
            ("us", "2026-01-05T00:00:00.000000Z", "0.2", 1),
        ]

    @pytest.mark.parametrize(
        ("frequency", "starts"),
        [
            (
                "HOUR",
                [
                    "2026-01-05T10:00:00.000000Z",
                    "2026-01-05T11:00:00.000000Z",
                    "2026-01-20T00:00:00.000000Z",
                    "2026-01-31T23:00:00.000000Z",
                ],
            ),
            ("DAY", ["2026-01-05T00:00:00.000000Z", "2026-01-20T00:00:00.000000Z", "2026-01-31T00:00:00.000000Z"]),
            ("MONTH", ["2026-01-01T00:00:00.000000Z"]),
            ("QUARTER", ["2026-01-01T00:00:00.000000Z"]),
        ],
    )
    def test_buckets_are_cut_in_utc(self, january: Explorer, frequency: str, starts: list[str]) -> None:
        rows = january.rows(aggregations=[january.of("SUM")], groups=[time(frequency)])
        assert [row["ts"] for row in rows] == starts

    def test_buckets_are_cut_in_the_zone_asked_for(self, january: Explorer) -> None:
        """What happened on the last evening in UTC is of February in Auckland."""
        groups = [{**time("MONTH"), "timezone": "Pacific/Auckland"}]
        rows = january.rows(aggregations=[january.of("SUM")], groups=groups)
        assert [(row["ts"], str(row["tokens.SUM"])) for row in rows] == [
            ("2025-12-31T11:00:00.000000Z", "7.3"),
            ("2026-01-31T11:00:00.000000Z", "3"),
        ]

    def test_the_first_bucket_may_begin_before_the_time_asked_for(self, january: Explorer) -> None:
        rows = january.rows(startDate="2026-01-05T10:45:00Z", aggregations=[january.of("SUM")], groups=[time("DAY")])
        assert (rows[0]["ts"], str(rows[0]["tokens.SUM"])) == ("2026-01-05T00:00:00.000000Z", "0.2")

    def test_two_meters_stand_side_by_side(self, january: Explorer) -> None:
        other = january.new_meter("other")
        january.use(0, "2026-01-06T00:00:00Z", 5, meter=other)
        rows = january.rows(aggregations=[january.of("SUM"), january.of("SUM", meter=other)], groups=[ACCOUNT])
        assert [(str(row["calls.tokens.SUM"]), row["other.tokens.SUM"]) for row in rows] == [("0.3", 5), ("10", None)]

    def test_rows_beyond_the_limit_are_left_out(self, january: Explorer) -> None:
        answer = january.ask(aggregations=[january.of("SUM")], groups=[january.by("region")], limit=2)
        assert [row["region"] for row in answer["data"]] == ["ap", "eu"]
        assert answer["hasMoreData"] is True

    def test_without_usage_there_are_no_rows(self, explorer: Explorer) -> None:
        assert explorer.ask(aggregations=[explorer.of("SUM")]) == {"data": [], "hasMoreData": False}


UNKNOWN = "0190a5d0-ac96-774b-bcce-b302099a8057"


def test_what_is_wrong_is_named(explorer: Explorer) -> None:
    total = explorer.of("SUM")
    assert "endDate" in explorer.refusal(endDate=START)
    assert "startDate" in explorer.refusal(startDate=None)
    assert "groups" in explorer.refusal(groups=[ACCOUNT])
    assert UNKNOWN in explorer.refusal(meterIds=[UNKNOWN])
    assert UNKNOWN in explorer.refusal(accountIds=[UNKNOWN])
    assert "aggregations[0].fieldCode" in explorer.refusal(aggregations=[{**total, "fieldCode": "nothing"}])
    assert "aggregations[0].function" in explorer.refusal(aggregations=[{**total, "function": "UNIQUE"}])
    assert "aggregations[0]" in explorer.refusal(
        aggregations=[{**explorer.of("COUNT", "user"), "fieldType": "MEASURE"}]
    )
    assert "groups[0].frequency" in explorer.refusal(aggregations=[total], groups=[{"groupType": "TIME"}])
    for group, named in (({**time("DAY"), "timezone": "Mars"}, "'Mars'"), ({**ACCOUNT, "timezone": "UTC"}, "TIME")):
        refusal = explorer.refusal(aggregations=[total], groups=[group])
        assert "groups[0].timezone" in refusal
        assert named in refusal
    assert "groups[0].meterId" in explorer.refusal(aggregations=[total], groups=[{"groupType": "DIMENSION"}])
    assert "TIME" in explorer.refusal(aggregations=[total], groups=[time("DAY"), time("HOUR")])
    assert "dimensionFilters[0]" in explorer.refusal(dimensionFilters=[explorer.only("tokens", "1")])
    assert "limit" in explorer.refusal(limit=20_001)
    other = explorer.new_meter("other")
    assert "meterIds" in explorer.refusal(aggregations=[total], meterIds=[other["id"]])
    assert "buckets" in explorer.refusal(startDate="2000-01-01T00:00:00Z", aggregations=[total], groups=[time("HOUR")])


def test_a_question_that_reads_too_much_is_refused(january: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_usage, "QUERY_LIMITS", Limits(5, 3, 3, 1))
    for more in ({"aggregations": [january.of("SUM")]}, {}, {"limit": 1}):
        assert "more than 3 measurements" in january.refusal(**more)  # of both accounts, each of which has two
    assert january.rows(accountIds=[january.accounts[1]["id"]], limit=1)[0]["uid"] == "uid-4"
    only_us = january.only("region", "us")  # what a filter leaves out was read as well
    assert "more than 3 measurements" in january.refusal(aggregations=[january.of("SUM")], dimensionFilters=[only_us])
    monkeypatch.setattr(query_usage, "QUERY_LIMITS", Limits(1, 3, 3, 1))
    assert "name fewer meterIds or accountIds" in january.refusal()


def test_of_many_meters_and_accounts_only_those_with_usage_are_read(
    january: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """100 meters and 1,000 accounts may be named: twenty times as many meters of accounts as a question may read."""
    monkeypatch.setattr(query_usage, "QUERY_LIMITS", Limits(2, 100, 100, 1))
    monkeypatch.setattr(scopes, "NAMED_READS_MAX", 2)
    meters = [january.meter["id"], *(january.new_meter(f"unused-{at}")["id"] for at in range(2))]
    named = {"meterIds": meters, "accountIds": [account["id"] for account in january.accounts]}
    assert len(january.rows(**named)) == 4


def test_of_some_meters_and_accounts_nobody_asks_which_have_usage(
    january: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That reads a row for each meter of each account of the organization that has usage, and each month of it."""
    monkeypatch.setattr(FakeUsageLog, "scopes", lambda *_: pytest.fail("all were looked at"))
    meters = [january.meter["id"], *(january.new_meter(f"unused-{at}")["id"] for at in range(35))]
    named = {"meterIds": meters, "accountIds": [account["id"] for account in january.accounts]}
    assert len(january.rows(**named)) == 4


def test_buckets_are_written_out_once_however_many_rows_there_are(
    explorer: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A year by hour is 8,760 buckets, and as many rows: a look at all of them for each would take half a minute."""
    written: list[datetime] = []
    monkeypatch.setattr(instants, "to_text", lambda instant: written.append(instant) or to_text(instant))
    for hour in range(100):
        explorer.use(0, f"2026-01-{1 + hour // 24:02}T{hour % 24:02}:30:00Z", hour)
    rows = explorer.rows(aggregations=[explorer.of("SUM")], groups=[time("HOUR")])
    assert [row["tokens.SUM"] for row in rows] == [*range(100)]
    assert len(written) <= 31 * 24 + len(rows)


def test_texts_of_a_field_that_holds_numbers_now_keep_no_account_from_an_answer(january: Explorer) -> None:
    fields = [{**field, "unit": "1"} for field in january.meter["dataFields"]]
    fields[1]["category"] = "MEASURE"
    renewed = {**january.meter, "dataFields": fields}
    assert january.org.client.put(f"/meters/{january.meter['id']}", renewed).status == 200
    total = {**january.of("SUM", "tokens"), "fieldCode": "region"}
    found = january.rows(aggregations=[{**total, "function": function} for function in ("SUM", "MEAN", "COUNT")])
    assert found == [{"region.SUM": None, "region.MEAN": None, "region.COUNT": 4}]
    at = microseconds(datetime(2026, 1, 9, tzinfo=UTC))
    columns = Columns(["number"], [at], [None], {"tokens": [1], "region": [4]}, {"user": ["ann"]})
    scope = UsageScope(january.org.id, january.meter["id"], january.accounts[0]["id"])
    january.log.append([UsageBatch(scope, "2026-01", "n" * 32, RECEIVED, columns)])
    mean = january.rows(aggregations=[{**total, "function": "MEAN"}, {**total, "function": "COUNT"}])
    assert mean == [{"region.MEAN": 4, "region.COUNT": 5}]


def test_usage_of_a_deleted_account_is_still_shown(january: Explorer) -> None:
    account = january.accounts[0]
    assert january.org.client.delete(f"/accounts/{account['id']}").status == 200
    rows = january.rows(aggregations=[january.of("COUNT")], groups=[ACCOUNT])
    assert {row["accountId"]: row["accountCode"] for row in rows}[account["id"]] is None


measurements = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, 30),
        st.decimals(min_value=-1000, max_value=1000, places=3),
        st.sampled_from(REGIONS),
        st.sampled_from(["a", "b", "c", "d"]),
    ),
    max_size=12,
)


def naive(values: Sequence[Any], function: str) -> Any:
    match function:
        case "SUM":
            return sum(values, Decimal(0))
        case "MIN":
            return min(values)
        case "MAX":
            return max(values)
        case "COUNT":
            return len(values)
        case "UNIQUE":
            return len(set(values))
    raise AssertionError(function)


@settings(deadline=None)  # an organization is made for each example
@given(measurements, st.booleans(), st.booleans(), st.sets(st.sampled_from(REGIONS), min_size=1))
def test_answers_equal_a_loop_over_the_measurements(
    rows: list[tuple[int, int, Decimal, str, str]], by_account: bool, by_region: bool, kept: set[str]
) -> None:
    explorer = Explorer()
    groups: dict[tuple[str, ...], list[tuple[Decimal, str]]] = {}
    for account, day, tokens, region, user in rows:
        explorer.use(account, f"2026-01-{day + 1:02d}T00:00:00Z", tokens, region, user)
        if region in kept:
            key = ((explorer.accounts[account]["id"],) if by_account else ()) + ((region,) if by_region else ())
            groups.setdefault(key, []).append((tokens, user))
    answer = explorer.rows(
        aggregations=[*(explorer.of(one) for one in ("SUM", "MIN", "MAX", "COUNT")), explorer.of("UNIQUE", "user")],
        groups=([ACCOUNT] if by_account else []) + ([explorer.by("region")] if by_region else []),
        dimensionFilters=[explorer.only("region", *sorted(kept))],
    )
    names = (["accountId"] if by_account else []) + (["region"] if by_region else [])
    found = {tuple(row[name] for name in names): row for row in answer}
    assert found.keys() == groups.keys()
    for key, values in groups.items():
        for function in ("SUM", "MIN", "MAX", "COUNT"):
            assert found[key][f"tokens.{function}"] == naive([value for value, _ in values], function)
        assert found[key]["user.UNIQUE"] == naive([user for _, user in values], "UNIQUE")

"""Aggregations by a query of the customer's own: exact, and locked in (metering.md 4.1)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.contract.stores import DYNAMODB_TARGETS
from usance.adapters.duckdb import custom_sql
from usance.adapters.dynamodb.usage_log import DynamoUsageLog
from usance.application.ports.usage_log import AggregationQuery, UsageBatch, UsageScope
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.metering.columns import Columns
from usance.domain.metering.instants import microseconds

SCOPE = UsageScope("org", "meter", "account")
START = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2026, 2, 1, tzinfo=UTC)
HUGE = Decimal(12345678901234567890123456789012345678)


@pytest.fixture(scope="module", params=DYNAMODB_TARGETS)
def target(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def log(target: str, fresh_table: Callable[[str, str], tuple[Any, str]]) -> DynamoUsageLog:
    """Four measurements, of which one came twice."""
    log = DynamoUsageLog(*fresh_table(target, "UsageTable"))
    columns = Columns(
        ["a", "b", "c", "d"],
        [microseconds(START + timedelta(days=day)) for day in (1, 2, 3, 40)],
        [None, microseconds(START + timedelta(days=3)), None, None],
        {"tokens": [Decimal("0.1"), Decimal("0.25"), 7, 1000], "huge": [HUGE, None, None, None]},
        {"region": ["eu", "us", "eu", "eu"], "it's": ['a"b', None, None, None], "uid": ["x", "x", "x", "x"]},
    )
    log.append([UsageBatch(SCOPE, "2026-01", "0" * 32, END, columns.take([0, 1, 2]))])
    log.append([UsageBatch(SCOPE, "2026-01", "1" * 32, END + timedelta(hours=1), columns.take([1]))])
    log.append([UsageBatch(SCOPE, "2026-02", "2" * 32, END, columns.take([3]))])
    return log


def value(log: DynamoUsageLog, sql: str, **more: Any) -> Any:
    [row] = rows(log, sql, **more)
    return row.value


def rows(log: DynamoUsageLog, sql: str, **more: Any) -> Any:
    query = AggregationQuery("CUSTOM_SQL", "tokens", sql=sql, **more)
    return log.aggregate(SCOPE, START, END, [query])[0]


@pytest.mark.parametrize(
    ("sql", "answer"),
    [
        ("SELECT sum(tokens) FROM measurements", "7.35"),
        ("SELECT max(tokens) - min(tokens) FROM measurements WHERE region = 'eu'", "6.9"),
        ("select count(*) from measurements;", "3"),
        ("WITH big AS (SELECT * FROM measurements WHERE tokens > 0.2) SELECT count(*) FROM big", "2"),
        ("FROM measurements SELECT sum(tokens)", "7.35"),
        ("SELECT max(huge) FROM measurements", str(HUGE)),
        ("SELECT count(DISTINCT uid) FROM measurements", "3"),
        ("SELECT count(ets) FROM measurements", "1"),
        ("SELECT epoch(max(ets) - min(ts)) / 86400 FROM measurements", "2"),
        ("SELECT count(*) FROM measurements WHERE \"it's\" = 'a\"b'", "1"),
        ("SELECT avg(tokens) FROM measurements WHERE region = 'eu'", "3.55"),
        ("SELECT sum(d) FROM (SELECT max(tokens) AS d FROM measurements GROUP BY date_trunc('day', ts))", "7.35"),
    ],
)
def test_a_query_answers_exactly(log: DynamoUsageLog, sql: str, answer: str) -> None:
    assert str(value(log, sql)) == answer


def test_no_value_is_none(log: DynamoUsageLog) -> None:
    assert value(log, "SELECT sum(tokens) FROM measurements WHERE region = 'nowhere'") is None


def test_a_query_is_asked_for_each_group_and_stretch_of_time(log: DynamoUsageLog) -> None:
    sql = "SELECT sum(tokens) FROM measurements"
    by_region = rows(log, sql, group_by=("region",))
    assert [(row.group["region"], str(row.value), row.count) for row in by_region] == [
        ("eu", "7.1", 2),
        ("us", "0.25", 1),
    ]
    middle = START + timedelta(days=2)
    in_time = rows(log, sql, bucket_starts=(START, middle))
    assert [(row.bucket_start, str(row.value)) for row in in_time] == [(START, "0.1"), (middle, "7.25")]


def test_without_usage_there_is_no_row(log: DynamoUsageLog) -> None:
    query = AggregationQuery("CUSTOM_SQL", "tokens", sql="SELECT 1")
    assert log.aggregate(UsageScope("org", "meter", "nobody"), START, END, [query]) == [[]]


def test_it_is_answered_beside_others(log: DynamoUsageLog) -> None:
    queries = [AggregationQuery("SUM", "tokens"), AggregationQuery("CUSTOM_SQL", "tokens", sql="SELECT 5")]
    found = log.aggregate(SCOPE, START, END, queries)
    assert [str(answer[0].value) for answer in found] == ["7.35", "5"]


REFUSED = {
    "two statements": "SELECT 1; SELECT 2",
    "a table made": "CREATE TABLE t AS SELECT 1",
    "a row put": "INSERT INTO measurements SELECT * FROM measurements",
    "rows deleted": "DELETE FROM measurements",
    "a setting": "SET memory_limit = '10GB'",
    "a setting, hidden": "SELECT 1; SET enable_external_access = true",
    "a pragma": "PRAGMA database_list",
    "an extension": "INSTALL httpfs",
    "an extension loaded": "LOAD httpfs",
    "a database": "ATTACH '/tmp/x.duckdb'",
    "a file written": "COPY measurements TO '/tmp/stolen.csv'",
    "a file read": "SELECT count(*) FROM read_csv('/etc/passwd')",
    "a file read as text": "SELECT length(content) FROM read_text('/etc/passwd')",
    "a file as a table": "SELECT count(*) FROM '/etc/passwd'",
    "files listed": "SELECT count(*) FROM glob('/etc/*')",
    "the network": "SELECT count(*) FROM read_csv('http://127.0.0.1:1/x')",
    "parquet of a bucket": "SELECT count(*) FROM read_parquet('s3://bucket/key')",
    "python": "SELECT count(*) FROM usage",
    "a secret made": "CREATE SECRET (TYPE s3)",
    "an export": "EXPORT DATABASE '/tmp/stolen'",
    "a macro": "CREATE MACRO f() AS 1",
    "an explanation": "EXPLAIN SELECT 1",
    "a call": "CALL pragma_version()",
    "a transaction": "BEGIN TRANSACTION",
    "a checkpoint": "CHECKPOINT",
    "many rows": "SELECT tokens FROM measurements",
    "many columns": "SELECT 1, 2",
    "no row": "SELECT tokens FROM measurements WHERE false",
    "a text": "SELECT 'x'",
    "a truth": "SELECT true",
    "not a number": "SELECT 'nan'::DOUBLE",
    "infinity": "SELECT 'inf'::DOUBLE",
    "more digits than a number has": "SELECT 1e300",
    "nonsense": "SELEC 1",
    "no such column": "SELECT sum(nothing) FROM measurements",
    "nothing": ";",
    "the environment": "SELECT length(getenv('PATH'))",
    "a file's size": "SELECT size FROM read_blob('/etc/passwd')",
}


@pytest.mark.parametrize("attack", REFUSED)
def test_what_is_more_than_a_question_is_refused(log: DynamoUsageLog, attack: str, tmp_path: Path) -> None:
    usage = log  # a name that a query must not find
    with pytest.raises(InvalidInputError, match="customSql"):
        value(usage, REFUSED[attack])
    assert not Path("/tmp/stolen.csv").exists()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM range(100000000000) AS a, range(100000000000) AS b",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r",
    ],
)
def test_a_query_without_end_is_stopped(log: DynamoUsageLog, sql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(custom_sql, "SECONDS_MAX", 0.5)
    with pytest.raises(InvalidInputError, match=r"takes more than 0.5 seconds|Memory"):
        value(log, sql)


def test_a_query_takes_no_more_memory_than_there_is(log: DynamoUsageLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(custom_sql._SETTINGS, "memory_limit", "64MB")
    with pytest.raises(InvalidInputError, match=r"Memory|memory"):
        value(log, "SELECT length(string_agg(range::VARCHAR || repeat('x', 1000), '')) FROM range(1000000)")


def test_one_query_leaves_nothing_for_the_next(log: DynamoUsageLog) -> None:
    assert value(log, "SELECT count(*) FROM measurements") == 3
    assert value(log, "SELECT count(*) FROM duckdb_tables()") == 1


def test_numbers_that_a_query_cannot_hold_are_named(log: DynamoUsageLog) -> None:
    columns = Columns(["z"], [microseconds(START)], [None], {"tokens": [1], "huge": [Decimal("1e-30")]}, {})
    log.append([UsageBatch(SCOPE, "2026-01", "3" * 32, END, columns)])
    with pytest.raises(InvalidInputError, match="huge"):
        value(log, "SELECT 1")

"""Aggregations by a query of the customer's own: exact, and locked in (metering.md 4.1)."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from time import monotonic
from typing import Any

import duckdb
import pytest

from tests.contract.stores import DYNAMODB_TARGETS
from usance.adapters import child_process
from usance.adapters.child_process import ChildProcess
from usance.adapters.duckdb import custom_sql, sql_rules
from usance.adapters.duckdb.sql_process import LINE_MAX, sql_process
from usance.adapters.dynamodb.usage_log import DynamoUsageLog
from usance.application.ports.usage_log import AggregationQuery, UsageBatch, UsageScope
from usance.domain.kernel.errors import InvalidInputError, UnavailableError
from usance.domain.metering.columns import Columns
from usance.domain.metering.custom_sql import CustomSql
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


def of(sql: str) -> CustomSql:
    return CustomSql(sql, "peaks", numbers=("tokens", "idle"), texts=("region", "zone"))


def value(log: DynamoUsageLog, sql: str, **more: Any) -> Any:
    [row] = rows(log, sql, **more)
    return row.value


def rows(log: DynamoUsageLog, sql: str, **more: Any) -> Any:
    query = AggregationQuery("CUSTOM_SQL", "tokens", sql=of(sql), **more)
    return log.aggregate(SCOPE, START, END, [query])[0]


def test_measurements_of_several_accounts_and_groups_are_asked_as_one(log: DynamoUsageLog) -> None:
    """Numbers of other scales, of another month's item, and a field that only one account has, are columns of all."""
    other = UsageScope("org", "meter", "other")
    columns = Columns(
        ["a", "e"],
        [microseconds(START + timedelta(hours=1)), microseconds(START + timedelta(days=9))],
        [None, None],
        {"tokens": [Decimal("1.125"), 4], "seats": [2, 3]},
        {"region": ["us", "ap"]},
    )
    log.append([UsageBatch(other, "2026-01", "3" * 32, END, columns)])
    query = AggregationQuery("CUSTOM_SQL", "tokens", ["region"], sql=of(""), hold=True, evidence=True)
    rows = [row for scope in (SCOPE, other) for row in log.aggregate(scope, START, END, [query])[0]]
    assert [(row.group["region"], row.value, row.count) for row in rows] == [
        ("eu", None, 2),
        ("us", None, 1),
        ("ap", None, 1),
        ("us", None, 1),
    ]
    assert [row.evidence.count for row in rows if row.evidence] == [2, 1, 1, 1]
    parts = [row.measured for row in rows if row.measured is not None]

    def asked(sql: str, parts: Any = parts) -> Any:
        return log.answer(of(sql), parts)

    assert asked("SELECT sum(tokens) FROM measurements") == Decimal("12.475")
    assert asked("SELECT sum(seats) FROM measurements") == 5
    assert asked("SELECT count(*) FROM measurements WHERE uid = 'a'") == 2
    assert asked("SELECT tokens FROM measurements LIMIT 1") == Decimal("1.125")  # the earliest of all
    assert asked("SELECT max(huge) FROM measurements") == HUGE
    assert asked("SELECT sum(tokens) FROM measurements", parts[1:3]) == Decimal("4.25")


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
    query = AggregationQuery("CUSTOM_SQL", "tokens", sql=of("SELECT 1"))
    assert log.aggregate(UsageScope("org", "meter", "nobody"), START, END, [query]) == [[]]


def test_it_is_answered_beside_others(log: DynamoUsageLog) -> None:
    queries = [AggregationQuery("SUM", "tokens"), AggregationQuery("CUSTOM_SQL", "tokens", sql=of("SELECT 5"))]
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
    "what the database knows of itself": "SELECT count(*) FROM duckdb_settings()",
    "its catalog": "SELECT count(*) FROM sqlite_master",
    "its description": "SELECT count(*) FROM (DESCRIBE measurements)",
    "a query in a text": "SELECT count(*) FROM query('SELECT 1')",
    "nested too deeply": "SELECT " + "(" * 5000 + "1" + ")" * 5000,
    "lists nested too deeply": "SELECT " + "[" * 5000 + "1" + "]" * 5000,
    "a long list": "SELECT range(5000000)",
}


@pytest.mark.parametrize("attack", REFUSED)
def test_what_is_more_than_a_question_is_refused(log: DynamoUsageLog, attack: str, tmp_path: Path) -> None:
    usage = log  # a name that a query must not find
    with pytest.raises(InvalidInputError, match="customSql"):
        value(usage, REFUSED[attack])
    assert not Path("/tmp/stolen.csv").exists()
    assert list(tmp_path.iterdir()) == []


CHANGING = {
    "chance": "SELECT random()",
    "chance, quoted and in full": 'SELECT main."RANDOM"()',
    "chance as an order": "SELECT tokens FROM measurements ORDER BY random() LIMIT 1",
    "a sample": "SELECT sum(tokens) FROM measurements TABLESAMPLE 50%",
    "the clock": "SELECT epoch(now())",
    "the clock without brackets": "SELECT epoch(current_timestamp - max(ts)::TIMESTAMPTZ) FROM measurements",
    "the day": "SELECT day(CURRENT_DATE)",
    "the clock in a macro": "SELECT epoch(ago(INTERVAL 1 DAY))",
    "how long it is to this day": "SELECT epoch(age(max(ts))) FROM measurements",
    "the same, called of the instant": "SELECT epoch(ts.AGE()) FROM measurements LIMIT 1",
    "an id": "SELECT length(uuid()::VARCHAR)",
    "the version": "SELECT length(version())",
    "chance in a subquery": "WITH r AS (SELECT random() AS x) SELECT max(x) FROM r",
}


@pytest.mark.parametrize("what", CHANGING)
def test_what_would_answer_differently_the_next_time_is_refused(log: DynamoUsageLog, what: str) -> None:
    with pytest.raises(InvalidInputError, match=r"customSql of the aggregation peaks: .* calculated again"):
        value(log, CHANGING[what])


ENDLESS = {
    "a cross join": "SELECT count(*) FROM range(100000000000) AS a, range(100000000000) AS b",
    "recursion": "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r",
    "one long function": "SELECT levenshtein(repeat('a', 150000), repeat('b', 150000))",
    "a search that turns back": "SELECT count(*) FROM range(3000) WHERE regexp_matches(repeat('a', 300000), '(a?){900}b')",
    "rows without end": "SELECT range FROM range(100000000000) ORDER BY hash(range)",
}


@pytest.mark.parametrize("attack", ENDLESS)
def test_a_query_without_end_is_ended_and_the_next_one_works(
    log: DynamoUsageLog, attack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(custom_sql, "LIMITS", replace(custom_sql.LIMITS, seconds=0.3))
    monkeypatch.setattr(child_process, "CLOCK_TIMES", 200)  # however busy the machine is
    begin = monotonic()
    with pytest.raises(
        InvalidInputError,
        match=r"aggregation peaks: it (takes more than 0.3 seconds of processor time|needs more memory)",
    ):
        value(log, ENDLESS[attack])
    assert monotonic() - begin < 5
    monkeypatch.undo()
    assert str(value(log, "SELECT sum(tokens) FROM measurements")) == "7.35"


HUGE_QUERIES = {
    "one list": "SELECT len(range(600000000))",
    "one text": "SELECT length(repeat('a', 2000000000))",
    "a text of texts": "SELECT length(string_agg(range::VARCHAR || repeat('x', 1000), '')) FROM range(10000000)",
    "a row": "SELECT repeat('9', 900000000)::DOUBLE",
    "many groups": "SELECT count(*) FROM (SELECT hash(range) AS h, list(range) FROM range(100000000) GROUP BY h)",
}


@pytest.mark.parametrize("attack", HUGE_QUERIES)
def test_a_query_takes_no_more_memory_than_it_may(log: DynamoUsageLog, attack: str) -> None:
    with pytest.raises(InvalidInputError, match=r"aggregation peaks: it needs more memory than 512 MB"):
        value(log, HUGE_QUERIES[attack])
    largest = getrusage(RUSAGE_CHILDREN).ru_maxrss * 1024  # of every process that this one has waited for
    assert largest < custom_sql.LIMITS.process_mb * 1_000_000
    assert str(value(log, "SELECT sum(tokens) FROM measurements")) == "7.35"


def test_a_process_that_somebody_else_ends_says_to_try_again() -> None:
    process = ChildProcess("usance.adapters.duckdb.sql_child", LINE_MAX)

    def ended() -> Iterator[dict[str, Any]]:
        """No chunk, but an end while the request is on its way."""
        running = process._process
        assert running
        os.killpg(running.pid, signal.SIGKILL)
        yield from ()

    try:
        with pytest.raises(UnavailableError, match="try again"):
            process.answer({}, ended(), 1.0)
        assert process._process is None
    finally:
        process.close()


def test_the_process_of_queries_has_none_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very secret")
    sql_process().close()
    custom_sql.try_out(of("SELECT 1"))
    running = sql_process()._process
    assert running
    environment = Path(f"/proc/{running.pid}/environ").read_bytes()
    assert b"PYTHONPATH" in environment
    assert b"very secret" not in environment


def test_a_request_that_cannot_be_read_ends_the_process_and_no_more() -> None:
    process = ChildProcess("usance.adapters.duckdb.sql_child", LINE_MAX)
    try:
        assert process.answer({}, [], 1.0) == {"limit": "memory"}
        assert process._process is None
    finally:
        process.close()


def test_a_field_that_no_measurement_has_is_a_column_without_values(log: DynamoUsageLog) -> None:
    assert value(log, "SELECT sum(idle) FROM measurements") is None
    assert value(log, "SELECT count(zone) FROM measurements WHERE coalesce(zone, '') = ''") == 0


def test_measurements_come_in_the_order_of_their_time_however_they_are_stored(log: DynamoUsageLog) -> None:
    columns = Columns(["0"], [microseconds(START)], [None], {"tokens": [50]}, {})
    log.append([UsageBatch(SCOPE, "2026-01", "f" * 32, END, columns)])
    assert value(log, "SELECT first(tokens) FROM measurements") == 50
    assert value(log, "SELECT last(tokens) FROM measurements") == 7


def test_many_measurements_are_handed_over_in_parts(log: DynamoUsageLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(custom_sql, "CHUNK_ROWS", 2)
    assert str(value(log, "SELECT sum(tokens) FROM measurements")) == "7.35"


TRIED = {
    "SELECT sum(tokens) FROM measurements WHERE region = 'eu'": None,
    "SELECT tokens FROM measurements ORDER BY ts DESC LIMIT 1": None,
    "SELECT sum(missing) FROM measurements": 'column "missing" not found',
    "SELECT region FROM measurements": "must answer a number, and answers a VARCHAR",
    "SELECT 1, 2": "one column, and answers 2 columns",
    "SELECT sum(region) FROM measurements": "sum",
    "SELECT count(*) FROM invoices": "the only table is measurements",
    "SELECT count(*) FROM main.measurements": "reads from main.measurements",
    "SELECT epoch(age(max(ts), min(ts))) FROM measurements": None,
    "SELECT random()": "calculated again",
    "SELECT 1; DROP TABLE measurements": "one SELECT",
    "SELECT len(range(600000000))": "memory",
}


@pytest.mark.parametrize("sql", TRIED)
def test_a_query_is_tried_without_measurements(sql: str) -> None:
    if TRIED[sql] is None:
        custom_sql.try_out(of(sql))
    else:
        with pytest.raises(InvalidInputError, match=f"customSql of the aggregation peaks: .*{TRIED[sql]}"):
            custom_sql.try_out(of(sql))


def test_the_functions_that_answer_differently_each_time_are_those_that_the_database_names() -> None:
    """A version of DuckDB with more of them must not pass unseen."""
    with duckdb.connect(":memory:") as connection:
        found = connection.execute(
            "SELECT function_name, stability, coalesce(macro_definition, '') FROM duckdb_functions() "
            "WHERE function_type IN ('scalar', 'aggregate', 'macro')"
        ).fetchall()
    harmless = {"error"}  # it fails, every time
    changing = {name for name, stability, _ in found if stability not in {None, "CONSISTENT"}} - harmless
    words = {name: set(re.findall(r"\w+", body)) for name, _, body in found if body}
    while more := {name for name, body in words.items() if body & changing and name not in changing}:
        changing |= more
    assert changing <= sql_rules.CHANGING


def test_numbers_that_a_query_cannot_hold_are_named(log: DynamoUsageLog) -> None:
    columns = Columns(["z"], [microseconds(START)], [None], {"tokens": [1], "huge": [Decimal("1e-30")]}, {})
    log.append([UsageBatch(SCOPE, "2026-01", "3" * 32, END, columns)])
    with pytest.raises(InvalidInputError, match="huge"):
        value(log, "SELECT 1")

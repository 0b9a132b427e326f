"""Traces that the demo reads, and what it says of files that are none."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from demo import sample, trace

HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "trace.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_times_are_utc_and_cut_to_microseconds(tmp_path: Path) -> None:
    (request,) = trace.read(written(tmp_path, HEADER + "2023-11-16 18:17:03.9799609,4808,10\n"))
    assert request.time == datetime(2023, 11, 16, 18, 17, 3, 979960, tzinfo=UTC)
    assert (request.context_tokens, request.generated_tokens) == (4808, 10)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2023-11-16T18:17:03Z", datetime(2023, 11, 16, 18, 17, 3, tzinfo=UTC)),
        ("2023-11-16 18:17:03.5+01:00", datetime(2023, 11, 16, 17, 17, 3, 500000, tzinfo=UTC)),
        ("2023-11-16", datetime(2023, 11, 16, tzinfo=UTC)),
    ],
)
def test_times_come_in_several_forms(tmp_path: Path, text: str, time: datetime) -> None:
    assert trace.read(written(tmp_path, f"{HEADER}{text},1,1\n"))[0].time == time


def test_further_columns_and_their_order_do_not_matter(tmp_path: Path) -> None:
    text = "Model,GeneratedTokens,ContextTokens,TIMESTAMP\nlarge,2,1,2023-11-16 00:00:00\n"
    assert trace.read(written(tmp_path, text))[0].context_tokens == Decimal(1)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "line 1: the header lacks TIMESTAMP, ContextTokens, GeneratedTokens; it has nothing"),
        ("TIMESTAMP,ContextTokens\n", "lacks GeneratedTokens; it has TIMESTAMP, ContextTokens"),
        (HEADER, "no request after the header"),
        (HEADER + "yesterday,1,1\n", "line 2: TIMESTAMP 'yesterday' is not a time"),
        (
            HEADER + "2023-11-16 00:00:00,1,1\n2023-11-16 00:00:00,one,1\n",
            "line 3: ContextTokens 'one' is not a number",
        ),
        (HEADER + "2023-11-16 00:00:00,1,-1\n", "GeneratedTokens '-1' is not a whole number"),
        (HEADER + "2023-11-16 00:00:00,1.5,1\n", "ContextTokens '1.5' is not a whole number"),
        (HEADER + "2023-11-16 00:00:00,NaN,1\n", "ContextTokens 'NaN' is not a whole number"),
        (HEADER + "2023-11-16 00:00:00\n", "ContextTokens None is not a number"),
    ],
)
def test_a_bad_file_is_refused_with_line_and_column(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(trace.TraceError) as refused:
        trace.read(written(tmp_path, text))
    assert problem in str(refused.value)


def test_a_missing_or_binary_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(trace.TraceError, match="No such file"):
        trace.read(tmp_path / "nowhere.csv")
    (tmp_path / "trace.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(trace.TraceError, match="UTF-8"):
        trace.read(tmp_path / "trace.csv")


def test_months_run_from_the_first_to_the_last_request(tmp_path: Path) -> None:
    text = HEADER + "2024-02-01 00:00:00,1,1\n2023-11-30 23:59:59,1,1\n"
    assert trace.months(trace.read(written(tmp_path, text))) == [(2023, 11), (2023, 12), (2024, 1), (2024, 2)]


def test_a_trace_over_many_years_is_refused(tmp_path: Path) -> None:
    text = HEADER + "2014-02-01 00:00:00,1,1\n2023-11-30 23:59:59,1,1\n"
    with pytest.raises(trace.TraceError, match="118 months"):
        trace.months(trace.read(written(tmp_path, text)))


def test_the_sample_is_what_its_generator_writes(tmp_path: Path) -> None:
    sample.write(tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == sample.PATH.read_bytes()
    assert len(trace.months(trace.read(sample.PATH))) == 1

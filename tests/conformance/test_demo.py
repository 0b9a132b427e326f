"""The demo, as a newcomer runs it: its own stack, the official SDK, the sample trace."""

import csv
import io
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from demo import prices, sample, trace
from usance.resources import wire

PROJECT = Path(__file__).parents[2]
WAIT_SECONDS = 300


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if name not in {"USAGE", "OUT"}}
    return subprocess.run(
        [sys.executable, "-m", "demo", *arguments],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
    )


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    done = run("--out", str(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The bill equals an independent calculation" in done.stdout
    assert "Webhook, signature verified" in done.stdout
    return folder


def test_the_bill_is_what_plain_arithmetic_says(out: Path) -> None:
    requests = trace.read(sample.PATH)
    want = prices.expected(requests, *trace.months(requests)[0])
    bill = wire.loads((out / "bill.json").read_bytes())
    assert bill["billTotal"] == want.total
    assert bill["status"] == "APPROVED"
    assert len(bill["lineItems"]) == 4


def test_the_statement_sums_up_to_the_bill(out: Path) -> None:
    bill = wire.loads((out / "bill.json").read_bytes())
    statement = wire.loads((out / "statement.json").read_bytes())
    quantities = {item["description"]: item["quantity"] for item in bill["lineItems"]}
    for name, field in (("Context tokens", "context_tokens"), ("Generated tokens", "generated_tokens")):
        (line,) = [line for line in statement["lineItems"] if line["description"] == name]
        assert sum(row["measures"][field]["SUM"] for row in line["usage"]) == quantities[name]
    rows = list(csv.DictReader(io.StringIO((out / "statement.csv").read_text(encoding="utf-8"))))
    sums = [Decimal(row["context_tokens SUM"]) for row in rows if row["context_tokens SUM"]]
    assert sum(sums) == quantities["Context tokens"]
    assert 28 <= len(sums) <= 31


def test_the_webhook_tells_of_the_bill(out: Path) -> None:
    webhook = wire.loads((out / "webhook.json").read_bytes())
    bill = wire.loads((out / "bill.json").read_bytes())
    assert webhook["eventName"] == "billing.bill.updated"
    assert webhook["m3terEvent"]["eventData"]["newDto"]["id"] == bill["id"]


def test_a_file_that_is_no_trace_is_refused_before_anything_starts(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("TIMESTAMP,ContextTokens\n", encoding="utf-8")
    done = run("--usage", str(path))
    assert done.returncode == 2
    assert "the header lacks GeneratedTokens" in done.stderr
    assert done.stdout == ""

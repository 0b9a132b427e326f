"""Billing a month: job, bill, approval, statement."""

import calendar
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final, TypeVar

import httpx
from m3ter import M3ter

from demo.catalog import Catalog
from demo.prices import STANDING_CHARGE, Expected
from usance.resources import wire

WAIT_SECONDS: Final = 120
POLL_SECONDS: Final = 0.1

T = TypeVar("T")


class DemoError(Exception):
    """Something did not happen as it must; the message says what."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A bill as the API answered it: the bytes, and the same as exact decimals."""

    raw: bytes
    bill: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Files:
    """A statement's two files."""

    json: bytes
    csv: bytes


def bill_month(client: M3ter, account_id: str, year: int, month: int) -> str:
    """Run a bill job for the month; the id of its one bill."""
    last = date(year, month, calendar.monthrange(year, month)[1])
    job = client.bill_jobs.create(
        account_ids=[account_id], billing_frequency="MONTHLY", last_date_in_billing_period=last
    )
    done = _until(lambda: client.bill_jobs.retrieve(job.id or ""), lambda it: it.status in {"COMPLETE", "CANCELLED"})
    if done.status != "COMPLETE" or len(done.bill_ids or ()) != 1:
        raise DemoError(f"the bill job ended as {done.status} with the bills {done.bill_ids}")
    return (done.bill_ids or [""])[0]


def read_bill(client: M3ter, bill_id: str) -> Answer:
    """The bill, with its line items."""
    raw = client.bills.with_raw_response.retrieve(bill_id).read()
    return Answer(raw, wire.loads(raw))


def statement(client: M3ter, bill_id: str) -> Files:
    """Have a statement made and download both files by their presigned URLs."""
    jobs = client.statements.statement_jobs
    job = jobs.create(bill_id=bill_id, include_csv_format=True)
    done = _until(lambda: jobs.retrieve(job.id), lambda it: it.statement_job_status not in {"PENDING", "RUNNING"})
    if done.statement_job_status != "COMPLETE":
        raise DemoError(f"the statement job ended as {done.statement_job_status}")
    return Files(_download(done.presigned_json_statement_url), _download(done.presigned_csv_statement_url))


def differences(bill: Mapping[str, Any], want: Expected, catalog: Catalog) -> list[str]:
    """Where the bill departs from the plain arithmetic of `prices`; nothing when it is right."""
    lines = {item.get("aggregationId"): item for item in bill["lineItems"]}
    checks: list[tuple[str, Any, Decimal]] = [("the total", bill["billTotal"], want.total)]
    checks.append(("the standing charge", _of(lines, None, "convertedSubtotal"), STANDING_CHARGE))
    if want.requests:
        for name, id_, quantity, charge in (
            ("context tokens", catalog.context_id, want.context_tokens, want.context_charge),
            ("generated tokens", catalog.generated_id, want.generated_tokens, want.generated_charge),
            ("the largest context", catalog.largest_id, want.largest_context, want.largest_charge),
        ):
            checks.append((name, _of(lines, id_, "quantity"), quantity))
            checks.append((f"the charge for {name}", _of(lines, id_, "convertedSubtotal"), charge))
    found = [f"{name}: {got} instead of {right}" for name, got, right in checks if got is None or Decimal(got) != right]
    if len(bill["lineItems"]) > len(lines):
        found.append("there is more than one line of an aggregation")
    return found


def _of(lines: Mapping[Any, Mapping[str, Any]], id_: str | None, name: str) -> Any:
    return lines.get(id_, {}).get(name)


def _until(read: Callable[[], T], finished: Callable[[T], bool]) -> T:
    deadline = time.monotonic() + WAIT_SECONDS
    while not finished(answer := read()):
        if time.monotonic() > deadline:
            raise DemoError(f"not finished after {WAIT_SECONDS} seconds: {answer}")
        time.sleep(POLL_SECONDS)
    return answer


def _download(url: str | None) -> bytes:
    if not url:
        raise DemoError("the statement has no download URL")
    return httpx.get(url, timeout=30).raise_for_status().content

"""Sending the trace: each request once, a part of it twice, and a few that are broken."""

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from m3ter import M3ter

from demo.catalog import ACCOUNT, METER
from demo.trace import LlmRequest

CHUNK: Final = 1_000  # the API's limit for one call
BAR_CHARACTERS: Final = 40
FAILURES_WAIT_SECONDS: Final = 20


@dataclass(frozen=True, slots=True)
class Sent:
    """How many measurements went out: of the trace, again, and broken ones."""

    measurements: int
    repeated: int
    broken: int


def send(client: M3ter, requests: Sequence[LlmRequest]) -> Sent:
    """Send everything in chunks; the first chunk goes twice. A call that fails raises."""
    for start in range(0, len(requests), CHUNK):
        chunk = requests[start : start + CHUNK]
        client.usage.submit(measurements=[_measurement(item) for item in chunk])
        _progress(start + len(chunk), len(requests))
    again = requests[:CHUNK]
    client.usage.submit(measurements=[_measurement(item) for item in again])
    broken = list(_broken(requests[0]))
    client.usage.submit(measurements=broken)
    return Sent(len(requests), len(again), len(broken))


def _measurement(item: LlmRequest) -> Any:
    return {
        "uid": f"request-{item.number}",
        "meter": METER,
        "account": ACCOUNT,
        "ts": _text(item.time),
        "measure": {"context_tokens": int(item.context_tokens), "generated_tokens": int(item.generated_tokens)},
    }


def _broken(item: LlmRequest) -> Iterator[Any]:
    """What must not count: no generated tokens, a meter nobody knows, and a known uid with another amount."""
    good = _measurement(item)
    yield {**good, "uid": "broken-1", "measure": {"context_tokens": 999_999}}
    yield {**good, "uid": "broken-2", "meter": "no_such_meter"}
    yield {**good, "measure": {"context_tokens": 999_999, "generated_tokens": 999_999}}


def failures(client: M3ter, at_least: int) -> int:
    """How many measurements the API reports as kept out; waits a little until `at_least` are.

    A uid that an earlier request used is left out when the usage is read, and not reported.
    """
    deadline = time.monotonic() + FAILURES_WAIT_SECONDS
    while True:
        found = sum(1 for _ in client.events.list(event_name="ingest.validation.failure", page_size=100))
        if found >= at_least or time.monotonic() > deadline:
            return found
        time.sleep(0.2)


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _progress(done: int, total: int) -> None:
    """A bar on a terminal; one line at the end anywhere else."""
    if not sys.stdout.isatty():
        if done == total:
            print(f"  {done:,} of {total:,} measurements accepted")
        return
    filled = BAR_CHARACTERS * done // total
    bar = "█" * filled + "·" * (BAR_CHARACTERS - filled)
    print(f"\r  {bar} {done:,} of {total:,}", end="\n" if done == total else "", flush=True)

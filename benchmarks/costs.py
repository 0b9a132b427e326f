"""What a million events cost, from units that are measured here and prices that AWS publishes.

Units are counted from the items that the handler writes; time is that of the handler without its store, on one core. What is
not measured is assumed, in one table with the prices.
"""

from collections.abc import Sequence
from math import ceil
from typing import Any, Final

from benchmarks import usage
from benchmarks.figures import Figure
from usance.adapters.dynamodb.usage_log import DynamoUsageLog

MILLION: Final = 1_000_000
PER_REQUEST: Final = (1, 10, 100, 1_000)
TARGET_DOLLARS: Final = 0.10

# US dollars, us-east-1, on demand, beyond the free tiers, as the pages named give them.
PRICES: Final = {
    "write unit": 0.625 / MILLION,  # aws.amazon.com/dynamodb/pricing/on-demand
    "read unit": 0.125 / MILLION,  # the same
    "gigabyte and month": 0.25,  # the same, standard tables
    "request of the API": 1.00 / MILLION,  # aws.amazon.com/api-gateway/pricing, HTTP APIs
    "invocation": 0.20 / MILLION,  # aws.amazon.com/lambda/pricing
    "gigabyte and second": 0.0000133334,  # the same, Arm
    "request of a queue": 0.40 / MILLION,  # aws.amazon.com/sqs/pricing, standard queues, 64 KB each
}
MEMORY_GB: Final = 1_769 / 1_024  # of the ingest function (template.yaml)
WAITING_SECONDS: Final = 0.010  # for the store, each request: assumed
STRONG_READ_BYTES: Final = 4_096


def figures() -> list[Figure]:
    """Dollars, write units and bytes for each size of request; and what reading a month once costs."""
    with usage.one_core():
        measured = [figure for count in PER_REQUEST for figure in _ingest(count)]
        return [*measured, *_buffered()]


def _ingest(count: int) -> list[Figure]:
    recorder = usage.Recorder()
    handle = usage.handler_of(DynamoUsageLog(recorder, "usage"))
    requests = usage.requests_of(max(5, 200 // count), count)
    seconds, _ = usage.timed(lambda: [handle(event, usage.CONTEXT) for event in requests])
    units, size = _units(recorder.items), sum(usage.size_of(item) for item in recorder.items)
    events = len(requests) * count
    dollars = (
        units / events * PRICES["write unit"]
        + (PRICES["request of the API"] + _running(seconds / len(requests) + WAITING_SECONDS)) / count
    )
    read = ceil(size / STRONG_READ_BYTES)  # a query pays for the sum of its items
    of = f"of {count:,}" if count > 1 else "of one event"
    return [
        Figure(
            f"a million events, in requests {of}",
            dollars * MILLION,
            "US$",
            target=f"<= {TARGET_DOLLARS}" if count == PER_REQUEST[-1] else "",
            met=dollars * MILLION <= TARGET_DOLLARS if count == PER_REQUEST[-1] else None,
        ),
        Figure(f"write units per event, requests {of}", units / events, "units"),
        Figure(f"bytes stored per event, requests {of}", size / events, "bytes"),
        Figure(f"a million events read once, requests {of}", read / events * MILLION * PRICES["read unit"], "US$"),
    ]


def _buffered() -> list[Figure]:
    """One event a request by way of the queue: a message each, and the worker's requests of a thousand behind it."""
    packed = next(figure.value for figure in _ingest(1_000)) / MILLION
    worker = packed - PRICES["request of the API"] / 1_000
    seconds = WAITING_SECONDS / 2  # a message is sent faster than items are put: assumed
    front = PRICES["request of the API"] + _running(seconds) + PRICES["request of a queue"]
    behind = 2 * PRICES["request of a queue"] / 10 + worker  # received and deleted by tens
    direct = next(figure.value for figure in _ingest(1))
    return [
        Figure(
            "the same of one event, buffered", (front + behind) * MILLION, "US$", "stored directly, not merged", direct
        )
    ]


def _running(seconds: float) -> float:
    return PRICES["invocation"] + seconds * MEMORY_GB * PRICES["gigabyte and second"]


def _units(items: Sequence[Any]) -> int:
    return sum(usage.units_of(item) for item in items)

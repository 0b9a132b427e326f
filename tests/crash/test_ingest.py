"""The handlers' process dies around the store's answer to an ingest: nothing is lost, nothing is counted twice."""

import concurrent.futures
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.crash.conftest import PRICE, Crashing
from tests.crash.proxy import Call, Trap


def measurements(account: str, first: int, count: int) -> dict[str, Any]:
    rows = [
        {
            "uid": f"uid-{number}",
            "meter": "requests",
            "account": account,
            "ts": f"2026-01-{1 + number % 28:02}T12:00:00Z",
            "measure": {"count": 1},
        }
        for number in range(first, first + count)
    ]
    return {"measurements": rows}


def writes_usage(call: Call) -> bool:
    return call.writes("usance-UsageTable")


def billed_requests(crashing: Crashing, account: str) -> Decimal:
    """The quantity that a bill of January shows."""
    body = {"accountIds": [account], "billingFrequency": "MONTHLY", "lastDateInBillingPeriod": "2026-01-31"}
    job = crashing.call("POST", "/billjobs", body)
    done = crashing.until(
        lambda: crashing.call("GET", f"/billjobs/{job['id']}"), lambda it: it["status"] in {"COMPLETE", "CANCELLED"}
    )
    (bill,) = done["billIds"]
    total = crashing.call("GET", f"/bills/{bill}")["billTotal"]
    return Decimal(str(total)) / PRICE


@pytest.mark.parametrize("before", [False, True], ids=["after the store's answer", "before the store's work"])
def test_an_ingest_cut_off_counts_once_when_it_is_sent_again(
    crashing: Crashing, make_account: Callable[[str], str], before: bool
) -> None:
    account = make_account("acme")
    crashing.call("POST", "/measurements", measurements("acme", 0, 100))
    trap = crashing.set_trap(Trap(writes_usage, before))
    with concurrent.futures.ThreadPoolExecutor(1) as sender:
        cut_off = sender.submit(crashing.call, "POST", "/measurements", measurements("acme", 100, 300))
        crashing.die_and_restart(trap)
        with pytest.raises(httpx.TransportError):
            cut_off.result(60)
    for _ in range(2):
        crashing.call("POST", "/measurements", measurements("acme", 100, 300))
    assert billed_requests(crashing, account) == 400


def test_what_was_answered_before_a_crash_is_there_after_it(
    crashing: Crashing, make_account: Callable[[str], str]
) -> None:
    account = make_account("acme")
    for number in range(3):
        crashing.call("POST", "/measurements", measurements("acme", number * 50, 50))
        crashing.stack.kill9()
        crashing.stack.start()
    assert billed_requests(crashing, account) == 150

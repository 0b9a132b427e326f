"""The handlers' process dies again and again in the middle of a bill job: every account gets its bill, once."""

from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise

from tests.crash.conftest import PRICE, Crashing
from tests.crash.proxy import Call, Trap
from tests.crash.test_ingest import measurements

ACCOUNTS = 6


def writes_bill(call: Call) -> bool:
    return call.writes("usance-EntitiesTable") and b"#bill#" in call.body


def test_a_bill_job_survives_crashes_before_and_after_the_stores_answers(
    crashing: Crashing, make_account: Callable[[str], str]
) -> None:
    accounts = {make_account(f"account-{number}"): (number + 1) * 10 for number in range(ACCOUNTS)}
    for number, requests in enumerate(accounts.values()):
        crashing.call("POST", "/measurements", measurements(f"account-{number}", 0, requests))
    crashing.stack.settle()

    traps = [Trap(writes_bill), Trap(writes_bill, before=True), Trap(writes_bill)]
    crashing.set_trap(traps[0])
    body = {
        "accountIds": list(accounts),
        "billingFrequency": "MONTHLY",
        "lastDateInBillingPeriod": "2026-01-31",
    }
    job = crashing.call("POST", "/billjobs", body)["id"]
    for trap, following in pairwise([*traps, None]):
        crashing.die_and_restart(trap, following)

    done = crashing.until(lambda: crashing.call("GET", f"/billjobs/{job}"), lambda it: it["status"] == "COMPLETE")
    assert done["pending"] == 0
    assert len(done["billIds"]) == len(set(done["billIds"])) == ACCOUNTS
    assert sorted(bill["id"] for bill in crashing.all("/bills")) == sorted(done["billIds"])
    bills = [crashing.call("GET", f"/bills/{bill}") for bill in done["billIds"]]
    totals = {bill["accountId"]: Decimal(str(bill["billTotal"])) for bill in bills}
    assert totals == {account: requests * PRICE for account, requests in accounts.items()}

    crashing.stack.settle()
    for bill in done["billIds"]:
        created = crashing.all("/events", eventName="billing.bill.created", resourceId=bill)
        assert len(created) == 1

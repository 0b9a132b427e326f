"""A bill job end to end on the embedded stack, 10 line items a bill: how fast it goes, and what AWS would charge for it.

What is to be known is the run of 10,000 accounts, which takes half an hour of two idle cores. Unless asked for them, it bills a tenth and
says so: `python -m benchmarks --suite bill_run --accounts 10000`.
"""

import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

from benchmarks import billing
from benchmarks.api import Api
from benchmarks.costs import PRICES
from benchmarks.figures import Figure
from benchmarks.metered import Meter, MeteringProxy
from local import store
from local.testing import RunningStack, running_stack

WANTED: Final = 10_000
ACCOUNTS: Final = WANTED // 10
PRICED: Final = 9  # and a standing charge: 10 line items
CLIENTS: Final = 4
BATCH: Final = 200  # of as many accounts, so as many items
THOUSAND: Final = 1_000
S3_PUT: Final = 5 / 1_000_000  # US dollars, aws.amazon.com/s3/pricing, standard storage; as `costs.PRICES`
MEMORY_GB: Final = 1_769 / 1_024  # of the bill worker (template.yaml)
WAITING_SECONDS: Final = 0.005  # for each request to the store: assumed
LOOK_SECONDS: Final = 1  # each look goes through the job's rows, in the stand-in through all of them
JOB_SECONDS_MAX: Final = 3 * 3_600  # many times what 10,000 accounts take on a quiet machine
TRIES: Final = 5


def figures(accounts: int = ACCOUNTS) -> list[Figure]:
    """Bills a second, units and dollars."""
    with tempfile.TemporaryDirectory() as folder:
        proxy = MeteringProxy(partial(_endpoint, Path(folder) / "data"))
        arguments = ["--functions-endpoint", proxy.url]
        with running_stack(Path(folder), arguments=arguments) as stack:
            try:
                _prepare(stack, accounts)
                stack.settle(JOB_SECONDS_MAX)
                proxy.meter.reset()
                seconds = _bill(Api(stack), accounts)
                stack.settle(JOB_SECONDS_MAX)
                return _figures(proxy.meter, accounts, seconds)
            finally:
                proxy.stop()


@cache
def _endpoint(data_dir: Path) -> str:
    live = store.find(data_dir)
    if live is None:
        raise LookupError(f"no store is alive on {data_dir}")
    return live.endpoint


def _figures(meter: Meter, accounts: int, seconds: float) -> list[Figure]:
    bills = accounts / THOUSAND
    counts = meter.counts
    writes, reads = counts["write units"] / bills, counts["half read units"] / 2 / bills
    puts = counts["S3 PUT"] / bills
    calls = counts["requests of DynamoDB"] / bills + puts
    part = "" if accounts >= WANTED else f" (a part; all of them: --suite bill_run --accounts {WANTED})"
    alone = billing.bills_rate().value
    running = (THOUSAND / alone + calls * WAITING_SECONDS) * MEMORY_GB * PRICES["gigabyte and second"]
    messages = 3 * THOUSAND * PRICES["request of a queue"]  # sent, received, deleted
    dollars = (
        writes * PRICES["write unit"]
        + reads * PRICES["read unit"]
        + puts * S3_PUT
        + messages
        + running
        + THOUSAND * PRICES["invocation"]
    )
    return [
        Figure(
            f"{accounts:,} accounts billed end to end{part}",
            accounts / seconds,
            "bills/s",
            "one core, store excluded",
            alone,
        ),
        Figure("1,000 bills, written", writes, "write units"),
        Figure("1,000 bills, read", reads, "read units"),
        Figure("1,000 bills, requests to the store", calls, "requests"),
        Figure("1,000 bills", dollars, "US$"),
    ]


def _prepare(stack: RunningStack, accounts: int) -> None:
    """A plan of nine prices and a standing charge, and accounts on it that used each of nine things."""
    company = Api(stack)
    product = company.make("/products", code="api", name="API")["id"]
    fields = [{"category": "MEASURE", "code": f"f{n}", "name": f"F{n}", "unit": "1"} for n in range(PRICED)]
    meter = company.make("/meters", code="m", name="M", productId=product, dataFields=fields, derivedFields=[])["id"]
    template = company.make(
        "/plantemplates",
        code="t",
        name="T",
        productId=product,
        currency="USD",
        billFrequency="MONTHLY",
        standingCharge=20,
    )["id"]
    plan = company.make("/plans", code="p", name="P", planTemplateId=template)["id"]
    bands = [
        {"lowerLimit": 0, "fixedPrice": 0, "unitPrice": 0.01},
        {"lowerLimit": 500, "fixedPrice": 0, "unitPrice": 0.005},
    ]
    for n in range(PRICED):
        how = {"aggregation": "SUM", "targetField": f"f{n}", "quantityPerUnit": 1, "rounding": "NONE", "unit": "1"}
        counted = company.make("/aggregations", code=f"a{n}", name=f"A{n}", meterId=meter, **how)["id"]
        priced = {"pricingBands": bands, "cumulative": True, "startDate": "2023-01-01T00:00:00Z"}
        company.make("/pricings", planId=plan, aggregationId=counted, **priced)
    codes = [f"c{n:05d}" for n in range(accounts)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(lambda n: _subscribe(Api(stack), plan, codes[n::CLIENTS]), range(CLIENTS)))
    company = Api(stack)  # a connection that rests for minutes is closed
    for start in range(0, accounts, BATCH):
        _send(company, {"measurements": [_used(code) for code in codes[start : start + BATCH]]})


def _send(company: Api, body: dict[str, Any]) -> None:
    """Send measurements, which count once however often they come."""
    for _ in range(TRIES - 1):
        with suppress(RuntimeError):
            company.expect(200, "POST", "/measurements", body)
            return
    company.expect(200, "POST", "/measurements", body)


def _subscribe(company: Api, plan: str, codes: list[str]) -> None:
    for code in codes:
        body = {"code": code, "name": code, "emailAddress": "billing@example.com"}
        account = _made(company, "/accounts", f"codes={code}", body)["id"]
        attached = {"accountId": account, "planId": plan, "startDate": "2023-11-01T00:00:00Z"}
        _made(company, "/accountplans", f"account={account}", attached)


def _made(company: Api, path: str, found_by: str, body: dict[str, Any]) -> Any:
    """Make something that may be there already: a busy machine does not answer each of 20,000 requests in time."""
    for _ in range(TRIES):
        with suppress(RuntimeError):
            return company.make(path, **body)
        if found := company.expect(200, "GET", f"{path}?{found_by}")["data"]:
            return found[0]
    raise RuntimeError(f"{path} does not take {body}")


def _used(code: str) -> dict[str, Any]:
    measured = {f"f{n}": 100 * n + 7 for n in range(PRICED)}
    return {"uid": code, "meter": "m", "account": code, "ts": "2023-11-05T10:00:00Z", "measure": measured}


def _bill(company: Api, accounts: int) -> float:
    """Seconds from the request for a job to its end."""
    began = time.perf_counter()
    job = company.make("/billjobs", lastDateInBillingPeriod="2023-11-30")
    while job["status"] != "COMPLETE":
        if time.perf_counter() - began > JOB_SECONDS_MAX:
            raise RuntimeError(f"the job is not over: {job}")
        time.sleep(LOOK_SECONDS)
        with suppress(RuntimeError):  # a busy machine does not answer in time
            job = company.expect(200, "GET", f"/billjobs/{job['id']}")
    if job["total"] != accounts:
        raise RuntimeError(f"the job had {job['total']} accounts")
    return time.perf_counter() - began

"""Operations on bills and account plans that the API has and its SDK has not, over plain HTTP."""

import csv
import io
import json
import time
import zlib
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import Any

import httpx
import pytest

from local.testing import RunningStack
from usance.bootstrap.command import Reach
from usance.domain.metering.instants import microseconds
from usance.entrypoints.command import main

WAIT_SECONDS = 60
PERIOD = {"billingFrequency": "MONTHLY", "lastDateInBillingPeriod": "2023-11-30"}
OF_STORING = {
    *("version", "dtCreated", "dtLastModified", "createdBy", "lastModifiedBy", "createdDate", "billJobId"),
    *("lastCalculatedDate", "jsonStatementGenerated", "csvStatementGenerated", "statementStale"),
}


@pytest.fixture(scope="module")
def api(organize: Callable[[str], httpx.Client]) -> httpx.Client:
    return organize("Beyond the SDK")


@pytest.fixture(scope="module")
def account(api: httpx.Client) -> dict[str, Any]:
    """An account that used 1,200 tokens at 0.01 in November 2023, on a plan of 20.00 a month."""
    product = make(api, "/products", code="api", name="API")
    field = {"category": "MEASURE", "code": "tokens", "name": "Tokens", "unit": "1"}
    more = {"productId": product["id"], "dataFields": [field], "derivedFields": []}
    meter = make(api, "/meters", code="requests", name="Requests", **more)
    summed = {"aggregation": "SUM", "targetField": "tokens", "quantityPerUnit": 1, "rounding": "NONE", "unit": "token"}
    tokens = make(api, "/aggregations", code="tokens", name="=Tokens", meterId=meter["id"], **summed)
    plan = subscription(api, product["id"], "first")
    bands = [{"lowerLimit": 0, "fixedPrice": 0, "unitPrice": 0.01}]
    price = {"planId": plan["id"], "aggregationId": tokens["id"], "pricingBands": bands}
    make(api, "/pricings", startDate="2023-01-01T00:00:00Z", **price)
    account = make(api, "/accounts", code="acme", name="Acme", emailAddress="billing@example.com")
    attached = {"accountId": account["id"], "planId": plan["id"], "startDate": "2023-11-01T00:00:00Z"}
    account["plan"] = make(api, "/accountplans", **attached)["id"]
    account["product"] = product["id"]
    used = {"uid": "1", "meter": "requests", "account": "acme", "ts": "2023-11-05T10:00:00Z"}
    make(api, "/measurements", measurements=[{**used, "measure": {"tokens": 1200}}])
    return account


@pytest.fixture(scope="module")
def previewed(api: httpx.Client, account: dict[str, Any]) -> dict[str, Any]:
    """The bill of November before it was made."""
    body = {"accountIds": [account["id"]], "billFrequencyInterval": 1, **PERIOD}
    shown = make(api, "/bills/preview?debug=true", **body)
    assert read(api, "/bills")["data"] == []
    return shown


@pytest.fixture(scope="module")
def bill(api: httpx.Client, previewed: dict[str, Any]) -> dict[str, Any]:
    """The bill of November 2023."""
    assert previewed["id"]
    job = make(api, "/billjobs", **PERIOD)
    deadline = time.monotonic() + WAIT_SECONDS
    while (job := read(api, f"/billjobs/{job['id']}"))["status"] != "COMPLETE":
        assert time.monotonic() < deadline, job
        time.sleep(0.1)
    [bill_id] = job["billIds"]
    return read(api, f"/bills/{bill_id}")


def subscription(api: httpx.Client, product_id: str, code: str) -> dict[str, Any]:
    """A plan of 20.00 a month."""
    billed = {"currency": "USD", "billFrequency": "MONTHLY", "standingCharge": 20}
    template = make(api, "/plantemplates", code=code, name=code, productId=product_id, **billed)
    return make(api, "/plans", code=code, name=code, planTemplateId=template["id"])


def make(api: httpx.Client, path: str, **body: Any) -> dict[str, Any]:
    answer = api.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def read(api: httpx.Client, path: str, **query: Any) -> dict[str, Any]:
    answer = api.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_preview_is_the_bill_that_is_made_afterwards(previewed: dict[str, Any], bill: dict[str, Any]) -> None:
    assert previewed["billTotal"] == 32
    assert {name: value for name, value in previewed.items() if name not in OF_STORING} == {
        name: value for name, value in bill.items() if name not in OF_STORING
    }


def test_bills_are_listed_by_account_and_by_period(
    api: httpx.Client, account: dict[str, Any], bill: dict[str, Any]
) -> None:
    for path in (f"/bills/accountid/{account['id']}", "/bills/billingperiod/2023-11-30/MONTHLY"):
        assert read(api, path, includeBillTotal="true") == {"data": [bill], "nextToken": None}
    assert read(api, "/bills/billingperiod/2023-10-31/MONTHLY")["data"] == []
    assert make(api, "/bills/billingperiod/2023-10-31/MONTHLY/approve")["message"] == "Approved 0 bills"


def test_line_items_are_listed_over_all_bills(api: httpx.Client, bill: dict[str, Any]) -> None:
    first = read(api, "/lineitems", pageSize=1)
    second = read(api, "/lineitems", pageSize=1, nextToken=first["nextToken"])
    assert second["nextToken"] is None
    ids = [line["id"] for line in bill["lineItems"]]
    assert [first["data"][0]["id"], second["data"][0]["id"]] == ids
    for query, expected in (
        ({"billId": bill["id"]}, ids),
        ({"lineItemType": "USAGE"}, ids[:1]),
        ({"lineItemType": "AD_HOC"}, []),
        ({"commitmentId": bill["id"]}, []),
    ):
        assert [line["id"] for line in read(api, "/lineitems", **query)["data"]] == expected


def test_a_line_item_explains_itself(api: httpx.Client, bill: dict[str, Any]) -> None:
    lines = {line["lineItemType"]: line for line in bill["lineItems"]}
    found = read(api, f"/bills/{bill['id']}/lineitems/{lines['USAGE']['id']}/explain")
    (usage,) = found["usage"]
    assert (usage["value"], usage["count"], usage["first"]) == (1200, 1, "2023-11-05T10:00:00.000000Z")
    period = {"startDate": "2023-11-01T00:00:00Z", "endDate": "2023-12-01T00:00:00Z"}
    (measured,) = make(api, "/usage/query", **period)["data"]
    ts, received = (microseconds(datetime.fromisoformat(measured[name])) for name in ("ts", "receivedAt"))
    assert usage["digest"] == sha256(f"1 {ts} {received}".encode()).hexdigest()
    assert (found["rounding"]["result"], found["pricing"]["version"]) == (12, 1)
    packed = httpx.get(read(api, f"/bills/{bill['id']}/record")["downloadUrl"]).content
    assert json.loads(zlib.decompress(packed))["value"]["answers"][0]["value"] == "1200"


def test_the_usage_of_a_line_item_is_downloaded(api: httpx.Client, bill: dict[str, Any]) -> None:
    lines = {line["lineItemType"]: line for line in bill["lineItems"]}
    path = f"/bills/{bill['id']}/lineitems/{lines['USAGE']['id']}"
    assert read(api, path)["jsonUsageGenerated"] is True
    (found,) = httpx.get(read(api, f"{path}/usage/json")["downloadUrl"]).json()["lineItems"]
    assert (found["lineItemId"], found["quantity"]) == (lines["USAGE"]["id"], 1200)
    (day,) = found["usage"]
    assert day["start"] == "2023-11-05T00:00:00Z"
    assert [list(methods.values()) for methods in day["measures"].values()] == [[1200]]


def test_a_bill_is_replayed_by_the_command(
    stack: RunningStack, bill: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    reached = Reach(lambda event: stack.invoke("AdminFunction", dict(event)), lambda _: b"")
    status = main(["replay", bill["id"], "--org", bill["orgId"]], lambda *_: reached)
    assert (status, capsys.readouterr().out.splitlines()[-1]) == (0, "the same, byte for byte")


def test_bills_are_downloaded_as_csv(api: httpx.Client, bill: dict[str, Any]) -> None:
    days = {"startDate": "2023-12-01", "endDate": "2023-12-02"}
    usage, standing = downloaded(api, **days)
    assert [usage["lineItemId"], standing["lineItemId"]] == [line["id"] for line in bill["lineItems"]]
    assert (usage["description"], usage["quantity"], usage["convertedSubtotal"]) == ("'=Tokens", "1200", "12.00")
    rows = downloaded(api, format="XERO", **days)
    assert sum(float(row["*Quantity"]) * float(row["*UnitAmount"]) for row in rows) == bill["billTotal"] == 32
    assert [row["*ContactName"] for row in rows] == ["Acme", "Acme"]
    assert [row["*Description"] for row in rows] == ["'=Tokens: 1200 token", "Standing Charge"]
    refused = api.post("/bills/download/csv/url", json={**days, "externalInvoiceDateStart": "2023-12-01"})
    assert (refused.status_code, "externalInvoiceDateStart" in refused.json()["message"]) == (400, True)


def downloaded(api: httpx.Client, **body: Any) -> list[dict[str, str]]:
    """The rows behind the URL, which is fetched without a token."""
    file = httpx.get(make(api, "/bills/download/csv/url", **body)["downloadUrl"], trust_env=False)
    assert file.status_code == 200
    assert file.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(file.text, newline="")))


def test_an_account_plan_is_replaced_once(api: httpx.Client, account: dict[str, Any], bill: dict[str, Any]) -> None:
    plan = subscription(api, account["product"], "second")
    body = {"planId": plan["id"], "startDate": "2024-02-01T00:00:00Z", "version": 1}
    answer = make(api, f"/accountplans/{account['plan']}/replace", **body)
    original, new = answer["originalAccountPlan"], answer["newAccountPlan"]
    assert (original["id"], original["endDate"]) == (account["plan"], "2024-02-01T00:00:00Z")
    assert read(api, f"/accountplans/{new['id']}") == new
    assert api.post(f"/accountplans/{account['plan']}/replace", json=body).status_code == 409
    assert bill["lineItems"][0]["planId"] != plan["id"]

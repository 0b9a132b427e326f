"""From a bill, and from an account, to an endpoint of a customer, through the running stack."""

import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

WAIT_SECONDS = 60


@pytest.fixture(scope="module")
def client(organize: Callable[[str], httpx.Client]) -> httpx.Client:
    return organize("Integrations")


def made(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()


def received(receiver: Any) -> Any:
    _, body = receiver.deliveries.get(timeout=WAIT_SECONDS)
    return json.loads(body)


def linked(client: httpx.Client, receiver: Any, entity_type: str) -> str:
    url = f"http://127.0.0.1:{receiver.server_port}/changes/200"
    body = {"entityType": entity_type, "destination": "Custom", "configData": {"url": url}}
    configuration = made(client.post("/integrationconfigs", json=body))
    assert configuration["authorized"]
    return str(configuration["id"])


def ended(client: httpx.Client, path: str) -> Any:
    """The newest run at the path, once it has ended."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        runs = made(client.get(path))["data"]
        if runs and runs[0]["status"] not in {"WAITING", "STARTED"}:
            return runs[0]
        time.sleep(0.2)
    raise AssertionError(f"no run of {path} ended")


def test_an_account_and_its_bill_reach_the_endpoint_of_a_custom_integration(
    client: httpx.Client, receiver: Any
) -> None:
    configurations = [linked(client, receiver, entity_type) for entity_type in ("Account", "Bill")]
    body = {"name": "Acme", "code": "acme", "emailAddress": "billing@example.com", "currency": "USD"}
    account = made(client.post("/accounts", json=body))
    told = received(receiver)
    assert "Acme" in json.dumps(told)
    run = ended(client, f"/integrationruns/Account/{account['id']}")
    assert (run["status"], run["destination"], run["destinationId"]) == ("COMPLETE", "Custom", configurations[0])

    product = made(client.post("/products", json={"name": "API", "code": "api"}))
    terms = {"productId": product["id"], "currency": "USD", "billFrequency": "MONTHLY", "standingCharge": 20}
    template = made(client.post("/plantemplates", json={"name": "Monthly", **terms}))
    plan = made(client.post("/plans", json={"name": "Plan", "code": "plan", "planTemplateId": template["id"]}))
    body = {"accountId": account["id"], "planId": plan["id"], "startDate": "2023-11-01T00:00:00Z"}
    made(client.post("/accountplans", json=body))
    made(client.post("/billjobs", json={"accountIds": [account["id"]], "lastDateInBillingPeriod": "2023-11-30"}))
    told = received(receiver)
    assert '"STANDING_CHARGE"' in json.dumps(told)
    [bill] = made(client.get("/bills", params={"accountId": account["id"]}))["data"]
    assert ended(client, f"/integrationruns/Bill/{bill['id']}")["status"] == "COMPLETE"

    [sent] = made(client.post(f"/integrationconfigs/{configurations[1]}/send", json={"entityIds": [bill["id"]]}))[
        "data"
    ]
    assert '"STANDING_CHARGE"' in json.dumps(received(receiver))
    assert ended(client, f"/integrationruns/Bill/{bill['id']}")["id"] == sent["id"]

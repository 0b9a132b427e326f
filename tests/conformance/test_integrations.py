"""From a bill, and from an account, to an endpoint of a customer, through the running stack."""

import http.server
import json
import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

WAIT_SECONDS = 60


class Endpoint(http.server.BaseHTTPRequestHandler):
    """Keeps what it gets."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.put(json.loads(body))  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def endpoint() -> Iterator[Any]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
        server.got = queue.Queue()  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def client(organize: Callable[[str], httpx.Client]) -> httpx.Client:
    return organize("Integrations")


def made(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()


def linked(client: httpx.Client, endpoint: Any, entity_type: str) -> str:
    url = f"http://127.0.0.1:{endpoint.server_port}/changes"
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
    client: httpx.Client, endpoint: Any
) -> None:
    configurations = [linked(client, endpoint, entity_type) for entity_type in ("Account", "Bill")]
    body = {"name": "Acme", "code": "acme", "emailAddress": "billing@example.com", "currency": "USD"}
    account = made(client.post("/accounts", json=body))
    told = endpoint.got.get(timeout=WAIT_SECONDS)
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
    told = endpoint.got.get(timeout=WAIT_SECONDS)
    assert '"STANDING_CHARGE"' in json.dumps(told)
    [bill] = made(client.get("/bills", params={"accountId": account["id"]}))["data"]
    assert ended(client, f"/integrationruns/Bill/{bill['id']}")["status"] == "COMPLETE"

    [sent] = made(client.post(f"/integrationconfigs/{configurations[1]}/send", json={"entityIds": [bill["id"]]}))[
        "data"
    ]
    assert '"STANDING_CHARGE"' in json.dumps(endpoint.got.get(timeout=WAIT_SECONDS))
    assert ended(client, f"/integrationruns/Bill/{bill['id']}")["id"] == sent["id"]

"""The stack with a proxy that cuts the line to the store, and a provider's catalogue to bill from."""

import base64
import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest

from local import store
from local.testing import RunningStack, running_stack
from tests.crash.proxy import CuttingProxy, Disturb, Trap

START = "2026-01-01T00:00:00Z"
PRICE = 2


class Crashing:
    """A running stack that can be made to die at a given request to the store, and its API."""

    def __init__(self, stack: RunningStack, proxy: CuttingProxy) -> None:
        self.stack = stack
        self._proxy = proxy
        self._http = httpx.Client(trust_env=False, timeout=60)
        self._token = ""

    def close(self) -> None:
        self._http.close()

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """The API's answer; raises httpx.TransportError when the stack dies meanwhile."""
        if not self._token:
            self._token = self._ask_for_token()
        credentials = self.stack.credentials
        url = f"{credentials['base_url']}/organizations/{credentials['org_id']}{path}"
        headers = {"Authorization": f"Bearer {self._token}"}
        answer = self._http.request(method, url, json=body, params=query, headers=headers)
        assert answer.status_code == 200, f"{method} {path}: {answer.status_code} {answer.text}\n{self.stack.log()}"
        return answer.json()

    def all(self, path: str, **query: Any) -> list[Any]:
        """Every page of a list."""
        found: list[Any] = []
        token: str | None = ""
        while token is not None:
            page = self.call("GET", path, **query, **({"nextToken": token} if token else {}))
            found += page["data"]
            token = page.get("nextToken")
        return found

    def set_trap(self, trap: Trap) -> Trap:
        self._proxy.set(trap)
        return trap

    def disturb(self, disturb: Disturb) -> None:
        self._proxy.disturb(disturb)

    def die_and_restart(self, trap: Trap, following: Trap | None = None) -> None:
        """Wait for the trap, kill the handlers' process there, and start it again with the `following` trap set."""
        assert trap.sprung.wait(60), f"no call fell into the trap\n{self.stack.log()}"
        self.stack.kill9()
        self._proxy.set(following)
        self.stack.start()

    def until(self, read: Callable[[], Any], done: Callable[[Any], bool], seconds: float = 90) -> Any:
        deadline = time.monotonic() + seconds
        while not done(found := read()):
            assert time.monotonic() < deadline, f"still {found}\n{self.stack.log()}"
            time.sleep(0.2)
        return found

    def _ask_for_token(self) -> str:
        credentials = self.stack.credentials
        basic = base64.b64encode(f"{credentials['api_key']}:{credentials['api_secret']}".encode()).decode()
        answer = self._http.post(
            f"{credentials['base_url']}/oauth/token",
            json={"grant_type": "client_credentials"},
            headers={"Authorization": f"Basic {basic}"},
        )
        return str(answer.raise_for_status().json()["access_token"])


@pytest.fixture
def crashing(tmp_path: Path) -> Iterator[Crashing]:
    @cache  # the store outlives every crash of these tests, so its address stays
    def endpoint() -> str:
        live = store.find(tmp_path / "data")
        assert live is not None
        return live.endpoint

    proxy = CuttingProxy(endpoint)
    proxy.start()
    arguments = ["--functions-endpoint", proxy.url]
    with (
        contextlib.ExitStack() as cleanup,
        running_stack(tmp_path, arguments=arguments) as stack,
        contextlib.closing(Crashing(stack, proxy)) as running,
    ):
        cleanup.callback(proxy.stop)
        yield running


@pytest.fixture
def catalogue(crashing: Crashing) -> Mapping[str, str]:
    """A meter of requests, priced at `PRICE` each, in a monthly plan without other charges."""
    product = crashing.call("POST", "/products", {"code": "api", "name": "API"})["id"]
    field = {"category": "MEASURE", "code": "count", "name": "Count", "unit": "1"}
    meter = crashing.call(
        "POST",
        "/meters",
        {"code": "requests", "name": "Requests", "productId": product, "dataFields": [field], "derivedFields": []},
    )["id"]
    aggregation = crashing.call(
        "POST",
        "/aggregations",
        {
            "code": "requests",
            "name": "Requests",
            "meterId": meter,
            "targetField": "count",
            "aggregation": "SUM",
            "quantityPerUnit": 1,
            "rounding": "NONE",
            "unit": "request",
        },
    )["id"]
    template = crashing.call(
        "POST",
        "/plantemplates",
        {
            "code": "monthly",
            "name": "Monthly",
            "productId": product,
            "currency": "USD",
            "billFrequency": "MONTHLY",
            "standingCharge": 0,
        },
    )["id"]
    plan = crashing.call("POST", "/plans", {"code": "plan", "name": "Plan", "planTemplateId": template})["id"]
    crashing.call(
        "POST",
        "/pricings",
        {
            "planId": plan,
            "aggregationId": aggregation,
            "startDate": START,
            "cumulative": True,
            "pricingBands": [{"lowerLimit": 0, "fixedPrice": 0, "unitPrice": PRICE}],
        },
    )
    return {"product": product, "meter": meter, "aggregation": aggregation, "plan": plan}


@pytest.fixture
def make_account(crashing: Crashing, catalogue: Mapping[str, str]) -> Callable[[str], str]:
    """Makes an account on the plan; gives its id."""

    def make(code: str) -> str:
        body = {"code": code, "name": code, "currency": "USD", "emailAddress": "billing@example.com"}
        account = crashing.call("POST", "/accounts", body)["id"]
        crashing.call("POST", "/accountplans", {"accountId": account, "planId": catalogue["plan"], "startDate": START})
        return str(account)

    return make

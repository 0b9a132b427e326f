"""How long operations on configuration take on the embedded stack, beside the same function when it has nothing to do.

The floor is a path that the function does not know: gateway, authorizer, worker process and routing, without a store.
"""

import base64
import http.client
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.figures import Figure
from local.testing import RunningStack, running_stack

REQUESTS = 300
WARM_UP = 30
PAGE = 100


def figures() -> list[Figure]:
    """Two figures, p50 and p99, per operation; the requests of all operations take turns, so that they share the machine."""
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder) / "data") as stack:
        api = Api(stack)
        for number in range(PAGE):
            api.create(f"listed-{number}")
        product = api.create("read")
        operations: dict[str, Callable[[int], None]] = {
            "nothing": lambda _: api.expect(404, "GET", "/nothing"),
            "GET": lambda _: api.expect(200, "GET", f"/products/{product['id']}"),
            "list of 100": lambda _: api.expect(200, "GET", f"/products?pageSize={PAGE}"),
            "create": lambda number: api.create(f"made-{number}"),
            "update": lambda _: api.update(product),
        }
        seconds: dict[str, list[float]] = {name: [] for name in operations}
        for number in range(WARM_UP + REQUESTS):
            for name, call in operations.items():
                start = time.perf_counter()
                call(number)
                if number >= WARM_UP:
                    seconds[name].append(time.perf_counter() - start)
    floor = seconds.pop("nothing")
    return [figure for name, measured in seconds.items() for figure in _pair(name, measured, floor)]


def _pair(name: str, measured: list[float], floor: list[float]) -> list[Figure]:
    return [
        Figure(
            name=f"{name}, p{percent}",
            value=percentile(measured, percent) * 1_000,
            unit="ms",
            beside_name="the function with nothing to do",
            beside=percentile(floor, percent) * 1_000,
        )
        for percent in (50, 99)
    ]


def percentile(values: list[float], percent: int) -> float:
    """The value below which `percent` of a hundred lie."""
    return statistics.quantiles(values, n=100)[percent - 1]


class Api:
    """One connection with a token."""

    def __init__(self, stack: RunningStack) -> None:
        at = urlsplit(stack.base_url)
        self._connection = http.client.HTTPConnection(at.hostname or "", at.port or 0, timeout=60)
        self._headers = {"Content-Type": "application/json"}
        self._path = ""
        keys = stack.credentials
        pair = base64.b64encode(f"{keys['api_key']}:{keys['api_secret']}".encode()).decode()
        self._headers["Authorization"] = f"Basic {pair}"
        token = self.expect(200, "POST", "/oauth/token", {"grant_type": "client_credentials"})["access_token"]
        self._headers["Authorization"] = f"Bearer {token}"
        self._path = f"/organizations/{keys['org_id']}"

    def make(self, path: str, **body: Any) -> Any:
        """Make anything."""
        return self.expect(200, "POST", path, body)

    def create(self, code: str) -> Any:
        """Make a product."""
        return self.expect(200, "POST", "/products", {"code": code, "name": "Product"})

    def update(self, product: dict[str, Any]) -> None:
        """Replace a product at its next version."""
        product.update(self.expect(200, "PUT", f"/products/{product['id']}", product))

    def expect(self, status: int, method: str, path: str, body: Any = None) -> Any:
        """The JSON that is answered, with the status that was expected."""
        content = json.dumps(body).encode() if body is not None else None
        self._connection.request(method, f"{self._path}{path}", content, self._headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status != status:
            raise RuntimeError(f"{method} {path} answers {answer.status}: {text[:200]!r}")
        return json.loads(text)

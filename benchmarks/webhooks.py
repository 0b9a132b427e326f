"""From a change to the webhook that tells of it, on the embedded stack: alone, and beside receivers that behave badly."""

import contextlib
import http.server
import json
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx

from benchmarks.api import Api, percentile
from benchmarks.figures import Figure
from local.testing import running_stack

CHANGES: Final = 60
PACE_SECONDS: Final = 0.5  # between changes, so that each is measured by itself
WARM_UP: Final = 5
BURST: Final = 200
ARRIVAL_SECONDS_MAX: Final = 300
HUGE_BYTES: Final = 50_000_000
BAD: Final = ("silent", "failing", "redirecting", "huge")


def figures() -> list[Figure]:
    """Latency alone and beside bad neighbours of the same organization, and deliveries a second."""
    with (
        tempfile.TemporaryDirectory() as folder,
        _receivers() as there,
        running_stack(Path(folder) / "data", arguments=["--parameter", "WebhookAllowedHosts=127.0.0.1"]) as stack,
    ):
        api = Api(stack)
        _link(api, there, "good")
        product = api.create("watched")
        for _ in range(WARM_UP):
            _change(api, there, product)
        alone = _measure(api, there, product)
        began = time.perf_counter()
        last = [_version(api, product) for _ in range(BURST)]
        there.wait(last)
        burst = time.perf_counter() - began
        floor = _plain_posts(there)
        neighbours = [_link(api, there, behaviour, "quiet") for behaviour in BAD]
        for _ in range(WARM_UP):
            _change(api, there, product)
        polite = _measure(api, there, product)
        for webhook in neighbours:
            _misbehave(api, there, webhook)
        for _ in range(WARM_UP):
            _change(api, there, product)
        beside = _measure(api, there, product)
    return [
        *(Figure(f"change to webhook, p{percent}", percentile(alone, percent) * 1_000, "ms") for percent in (50, 99)),
        *(
            Figure(
                f"the same beside a {', a '.join(BAD)} receiver, p{percent}",
                percentile(beside, percent) * 1_000,
                "ms",
                f"beside {len(BAD)} good ones",
                percentile(polite, percent) * 1_000,
            )
            for percent in (50, 99)
        ),
        Figure("deliveries to one receiver", BURST / burst, "deliveries/s", "plain POSTs, one at a time", floor),
    ]


def _plain_posts(there: "_Receivers") -> float:
    """Requests a second that the receiver takes from a client that does nothing else."""
    body = json.dumps({"m3terEvent": {"eventData": {"newDto": {"version": 0}}}}).encode()
    with httpx.Client(trust_env=False) as client:
        began = time.perf_counter()
        for _ in range(BURST):
            client.post(f"http://127.0.0.1:{there.port}/good", content=body).raise_for_status()
        return BURST / (time.perf_counter() - began)


def _measure(api: Api, there: "_Receivers", product: dict[str, Any]) -> list[float]:
    seconds = []
    for _ in range(CHANGES):
        seconds.append(_change(api, there, product))
        time.sleep(PACE_SECONDS)
    return seconds


def _change(api: Api, there: "_Receivers", product: dict[str, Any]) -> float:
    """Seconds from the answer to a change until its webhook arrives."""
    version = _version(api, product)
    began = time.perf_counter()
    return there.wait([version]) - began


def _version(api: Api, product: dict[str, Any]) -> int:
    api.update(product)
    return int(product["version"])


def _misbehave(api: Api, there: "_Receivers", webhook: dict[str, Any]) -> None:
    """From now on the webhook goes to the receiver that it is named for."""
    url = f"http://127.0.0.1:{there.port}/{webhook['name']}"
    api.expect(200, "PUT", f"/integrationdestinations/webhooks/{webhook['id']}", {**webhook, "url": url})


def _link(api: Api, there: "_Receivers", behaviour: str, path: str = "") -> dict[str, Any]:
    """A rule on every change of a product, and the webhook that it fires: to a path of the receivers."""
    rule = api.make(
        "/notifications/configurations",
        name=behaviour,
        code=behaviour,
        description=behaviour,
        eventName="configuration.product.updated",
        alwaysFireEvent=True,
        active=True,
    )
    webhook: dict[str, Any] = api.make(
        "/integrationdestinations/webhooks",
        name=behaviour,
        description=behaviour,
        url=f"http://127.0.0.1:{there.port}/{path or behaviour}",
        credentials={"type": "M3TER_SIGNED_REQUEST", "apiKey": "key", "secret": "a long random text"},
    )
    link = {"entityType": "Notification", "entityId": rule["id"], "destination": "Webhook"}
    api.make("/integrationconfigs", name=behaviour, destinationId=webhook["id"], configData={}, **link)
    return webhook


class _Receivers:
    """A server with a path for each behaviour; what the good one got, by version of the product, with its time."""

    def __init__(self) -> None:
        self.port = 0
        self.over = threading.Event()
        self._arrived: dict[int, float] = {}
        self._changed = threading.Condition()

    def take(self, version: int) -> None:
        with self._changed:
            self._arrived.setdefault(version, time.perf_counter())
            self._changed.notify_all()

    def wait(self, versions: list[int]) -> float:
        """When the last of them arrived."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._arrived.keys() >= set(versions), ARRIVAL_SECONDS_MAX):
                raise RuntimeError(f"a webhook did not arrive in {ARRIVAL_SECONDS_MAX} s")
            return max(self._arrived[version] for version in versions)


@contextlib.contextmanager
def _receivers() -> Iterator[_Receivers]:
    there = _Receivers()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            behaviour = self.path.strip("/")
            if behaviour == "silent":
                there.over.wait()
                return
            self.send_response({"failing": 500, "redirecting": 307}.get(behaviour, 200))
            if behaviour == "redirecting":
                self.send_header("Location", "/good")
            self.send_header("Content-Length", str(HUGE_BYTES if behaviour == "huge" else 0))
            self.end_headers()
            if behaviour == "good":
                there.take(json.loads(body)["m3terEvent"]["eventData"]["newDto"]["version"])
            if behaviour == "huge":
                with contextlib.suppress(OSError):  # the sender hangs up, as it should
                    self.wfile.write(b"x" * HUGE_BYTES)

        def log_message(self, *_: Any) -> None:
            return

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    with Server(("127.0.0.1", 0), Handler) as server:
        there.port = server.server_port
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield there
        finally:
            there.over.set()
            server.shutdown()
            thread.join()

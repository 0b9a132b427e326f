"""A proxy between the functions and the store that counts what DynamoDB, S3 and SQS would bill."""

import http.client
import http.server
import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from math import ceil
from typing import Any
from urllib.parse import urlsplit

from benchmarks.usage import UNIT_BYTES, size_of
from tests.crash.proxy import Between

READ_UNIT_BYTES = 4_096


class Meter:
    """What was asked of the store since `reset`: read and write units of DynamoDB, requests of S3 and SQS."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.counts: Counter[str] = Counter()

    def reset(self) -> None:
        """Count from 0."""
        with self._lock:
            self.counts = Counter()

    def add(self, target: str, method: str, body: bytes, answer: bytes) -> None:
        """Count one request that was answered."""
        service, _, action = target.partition(".")
        found = {f"requests of {service.partition('_')[0] or 'S3'}": 1}
        if service.startswith("DynamoDB_"):
            found |= _dynamodb(action, json.loads(body), json.loads(answer))
        elif not service:
            found |= {f"S3 {method}": 1}
        with self._lock:
            self.counts.update(found)


def _dynamodb(action: str, asked: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, int]:
    """Units by the published rules; updates and deletes are of rows that begin one unit, as all here are."""
    consistent = bool(asked.get("ConsistentRead"))
    match action:
        case "PutItem":
            return {"write units": ceil(size_of(asked["Item"]) / UNIT_BYTES)}
        case "UpdateItem" | "DeleteItem":
            return {"write units": 1}
        case "TransactWriteItems":
            return {"write units": sum(2 * _of_step(step) for step in asked["TransactItems"])}
        case "BatchWriteItem":
            puts = [one for rows in asked["RequestItems"].values() for one in rows]
            return {
                "write units": sum(_of_step({name.removesuffix("Request"): one[name]}) for one in puts for name in one)
            }
        case "GetItem":
            return _read(size_of(answer.get("Item", {})), consistent=consistent)
        case "Query" | "Scan":
            return _read(sum(size_of(item) for item in answer.get("Items", ())), consistent=consistent)
        case "BatchGetItem":
            rows = [item for found in answer.get("Responses", {}).values() for item in found]
            return {"half read units": sum(2 * ceil(size_of(item) / READ_UNIT_BYTES) for item in rows)}
        case _:
            return {}


def _of_step(step: Mapping[str, Any]) -> int:
    return ceil(size_of(step["Put"]["Item"]) / UNIT_BYTES) if "Put" in step else 1


def _read(size: int, *, consistent: bool) -> dict[str, int]:
    return {"half read units": max(ceil(size / READ_UNIT_BYTES), 1) * (2 if consistent else 1)}


class MeteringProxy:
    """Listens on loopback and passes everything on to the store that `endpoint` names."""

    def __init__(self, endpoint: Callable[[], str]) -> None:
        self.meter = meter = Meter()

        class Handler(Between):
            def forward(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                at = urlsplit(endpoint())
                connection = http.client.HTTPConnection(at.hostname or "", at.port or 0, timeout=60)
                connection.request(self.command, self.path, body, dict(self.headers))
                answer = connection.getresponse()
                content = answer.read()
                if answer.status < 400:
                    meter.add(self.headers.get("x-amz-target", ""), self.command, body, content)
                self.send_response_only(answer.status)
                for name, value in answer.headers.items():
                    if name.lower() not in {"transfer-encoding", "connection", "content-length"}:
                        self.send_header(name, value)
                length = answer.headers.get("content-length", "0") if self.command == "HEAD" else str(len(content))
                self.send_header("content-length", length)
                self.end_headers()
                self.wfile.write(content)
                connection.close()

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = forward  # noqa: N815 - the base class looks for these names

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Listen no longer."""
        self._server.shutdown()
        self._server.server_close()

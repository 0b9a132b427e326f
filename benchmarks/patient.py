"""A client of the API that repeats a request until it is answered, as one does that must not lose anything."""

import base64
import http.client
import json
import threading
import time
from collections import Counter
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from local.testing import RunningStack

PAUSE_SECONDS = 0.1
WAIT_SECONDS = 900  # for one request; a stack that starts again takes seconds, on a busy machine minutes
TIMEOUT_SECONDS = 290  # as long as a function may take on a busy machine


class Patient:
    """Calls the API of a stack, which may die and come back meanwhile. `repeated` counts why calls were repeated."""

    def __init__(self, stack: RunningStack) -> None:
        self._credentials = stack.credentials
        self._token = ""
        self._lock = threading.Lock()
        self._own = threading.local()
        self._connections: list[http.client.HTTPConnection] = []
        self.repeated: Counter[str] = Counter()

    def close(self) -> None:
        """Once nobody calls any more."""
        for connection in self._connections:
            connection.close()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The answer, once it is 200; raises for what is wrong with the request. Bytes are sent as they are."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self.until(lambda: self._try(method, path, content))

    def until(self, attempt: Any) -> Any:
        """What `attempt` gives; it raises OSError or HTTPException to be tried again."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                return attempt()
            except (OSError, http.client.HTTPException) as failed:
                with self._lock:
                    self.repeated[str(failed) if isinstance(failed, RefusedError) else "no answer"] += 1
                if time.monotonic() > deadline:
                    raise
            time.sleep(PAUSE_SECONDS)

    def put(self, url: str, headers: dict[str, str], content: bytes) -> None:
        """Upload to a presigned URL; once, and `OSError` when that fails."""
        address = urlsplit(url)
        connection = http.client.HTTPConnection(address.netloc, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("PUT", f"{address.path}?{address.query}", content, headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise RefusedError(f"PUT {answer.status}")
        finally:
            connection.close()

    def _try(self, method: str, path: str, content: bytes) -> Any:
        if not self._token:
            self._token = self._ask_for_token()
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        status, text = self._request(method, f"/organizations/{self._credentials['org_id']}{path}", content, headers)
        if status == 429 or status >= 500:
            raise RefusedError(str(status))
        if status != 200:
            raise AssertionError(f"{method} {path}: {status} {text.decode()}")
        return json.loads(text, parse_float=Decimal)

    def _ask_for_token(self) -> str:
        keys = f"{self._credentials['api_key']}:{self._credentials['api_secret']}"
        headers = {"Authorization": f"Basic {base64.b64encode(keys.encode()).decode()}"}
        status, text = self._request("POST", "/oauth/token", b'{"grant_type": "client_credentials"}', headers)
        if status != 200:
            raise RefusedError(f"sign-in {status}")
        return str(json.loads(text)["access_token"])

    def _request(self, method: str, path: str, content: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        if not hasattr(self._own, "connection"):
            address = urlsplit(self._credentials["base_url"]).netloc
            self._own.connection = http.client.HTTPConnection(address, timeout=TIMEOUT_SECONDS)
            with self._lock:
                self._connections.append(self._own.connection)
        try:
            self._own.connection.request(method, path, content, headers)
            answer = self._own.connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            self._own.connection.close()  # and connects anew
            raise


class RefusedError(OSError):
    """An answer that asks to try again."""

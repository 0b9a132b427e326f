"""The code of docs/webhooks.md runs, and agrees with what is sent."""

import ast
import http.client
import http.server
import re
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from usance.domain.notifications.signature import sign

GUIDE = Path("docs/webhooks.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
VERIFIERS = [block for block in BLOCKS if "def is_authentic" in block]
[RECEIVER] = [block for block in BLOCKS if "class Receiver" in block]
SECRET = "a long random text"
BODY = b'{"id":"1","eventName":"billing.bill.updated","notification":{"code":"large_bill"}}'


def signed(body: bytes = BODY, *, secret: str = SECRET, age: int = 0) -> dict[str, str]:
    timestamp = str(int(time.time()) - age)
    return {"X-M3ter-Timestamp": timestamp, "X-M3ter-Signature": sign(secret, timestamp, body)}


def loaded(*blocks: str) -> dict[str, Any]:
    scope: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, "docs/webhooks.md", "exec"), scope)
    return scope


def test_every_block_of_python_is_python() -> None:
    assert len(BLOCKS) == 4
    for block in BLOCKS:
        ast.parse(block)


@pytest.mark.parametrize("block", VERIFIERS)
def test_a_documented_verifier_accepts_what_is_sent_and_nothing_else(block: str) -> None:
    is_authentic = loaded(block)["is_authentic"]
    assert is_authentic(signed(), BODY, SECRET)
    assert not is_authentic(signed(), BODY + b" ", SECRET)
    assert not is_authentic(signed(secret="other"), BODY, SECRET)
    assert not is_authentic(signed(age=302), BODY, SECRET)
    assert not is_authentic({}, BODY, SECRET)
    assert not is_authentic({**signed(), "X-M3ter-Signature": "é"}, BODY, SECRET)


def test_the_documented_receiver_takes_each_delivery_once(capsys: pytest.CaptureFixture[str]) -> None:
    handler = loaded(VERIFIERS[0], RECEIVER)["Receiver"]
    handler.log_message = lambda *_: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            assert [_post(server.server_port, headers) for headers in (signed(), signed(), {})] == [200, 200, 403]
        finally:
            server.shutdown()
            thread.join()
    assert capsys.readouterr().out == "billing.bill.updated large_bill\n"


def _post(port: int, headers: dict[str, str]) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/", BODY, headers)
    status = connection.getresponse().status
    connection.close()
    return status

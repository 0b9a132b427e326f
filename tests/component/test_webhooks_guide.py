"""The code of docs/webhooks.md runs, and agrees with what is sent."""

import ast
import http.client
import http.server
import json
import re
import shutil
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from usance.domain.notifications.signature import sign, signatures

GUIDE = Path("docs/webhooks.md").read_text()
TYPESCRIPT, GO = (
    re.findall(rf"^```{name}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL) for name in ("typescript", "go")
)
BLOCKS = re.findall(r"^```python\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
VERIFIERS = [block for block in BLOCKS if "def is_authentic" in block]
[RECEIVER] = [block for block in BLOCKS if "class Receiver" in block]
SECRET = "a long random text"
BODY = b'{"id":"1","eventName":"billing.bill.updated","notification":{"code":"large_bill"}}'


def signed(body: bytes = BODY, *, secret: str = SECRET, age: int = 0) -> dict[str, str]:
    timestamp = str(int(time.time()) - age)
    return {"X-M3ter-Timestamp": timestamp, "X-M3ter-Signature": sign(secret, timestamp, body)}


def rotating() -> dict[str, str]:
    """Signed by a new secret and by the one before it."""
    timestamp = str(int(time.time()))
    return {
        "X-M3ter-Timestamp": timestamp,
        "X-M3ter-Signature": signatures((SECRET, "the one before"), timestamp, BODY),
    }


def loaded(*blocks: str) -> dict[str, Any]:
    scope: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, "docs/webhooks.md", "exec"), scope)
    return scope


def test_every_block_of_python_is_python() -> None:
    assert len(BLOCKS) == 6
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
    assert is_authentic(rotating(), BODY, SECRET)
    assert is_authentic(rotating(), BODY, "the one before")
    assert not is_authentic(rotating(), BODY, "other")


def cases() -> list[tuple[dict[str, str], bytes, str, bool]]:
    """Headers, body, secret, and whether a verifier accepts them."""
    return [
        (signed(), BODY, SECRET, True),
        (signed(), BODY + b" ", SECRET, False),
        (signed(secret="other"), BODY, SECRET, False),
        (signed(age=302), BODY, SECRET, False),
        ({}, BODY, SECRET, False),
        ({**signed(), "X-M3ter-Signature": "zz"}, BODY, SECRET, False),
        (rotating(), BODY, SECRET, True),
        (rotating(), BODY, "the one before", True),
        (rotating(), BODY, "other", False),
    ]


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")
def test_the_documented_verifier_in_typescript_judges_alike(tmp_path: Path) -> None:
    [source] = TYPESCRIPT
    plain = re.sub(r": (Record<[^>]*>|Buffer|string|boolean)", "", source)  # what makes it more than JavaScript
    told = [
        {"headers": {name.lower(): value for name, value in headers.items()}, "body": body.decode(), "secret": secret}
        for headers, body, secret, _ in cases()
    ]
    script = tmp_path / "verify.mjs"
    script.write_text(
        f"{plain}\n"
        f"for (const one of {json.dumps(told)}) console.log(isAuthentic(one.headers, Buffer.from(one.body), one.secret));\n"
    )
    assert printed("node", str(script)) == [accepted for *_, accepted in cases()]


@pytest.mark.skipif(shutil.which("go") is None, reason="needs Go")
def test_the_documented_verifier_in_go_judges_alike(tmp_path: Path) -> None:
    [source] = GO
    calls = "".join(
        f"\tprintln(IsAuthentic({', '.join(map(json.dumps, _named(headers)))}, []byte({json.dumps(body.decode())}), "
        f"{json.dumps(secret)}))\n"
        for headers, body, secret, _ in cases()
    )
    script = tmp_path / "main.go"
    script.write_text(f"{source.replace('package webhooks', 'package main')}\nfunc main() {{\n{calls}}}\n")
    assert printed("go", "run", str(script)) == [accepted for *_, accepted in cases()]


def _named(headers: dict[str, str]) -> tuple[str, str]:
    return headers.get("X-M3ter-Timestamp", ""), headers.get("X-M3ter-Signature", "")


def printed(*command: str) -> list[bool]:
    """The booleans that a program prints, a line each."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return [line == "true" for line in (done.stdout + done.stderr).split()]


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

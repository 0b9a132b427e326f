"""Whatever is sent, nothing answers 5xx and no function fails: requests made up from `docs/openapi.json`."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx

from local.testing import RunningStack

PROJECT = Path(__file__).parents[2]
CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance")
DEEP = os.environ.get("USANCE_FUZZ") == "deep"  # some minutes, with every boundary value; else under half a minute
PHASES = "coverage,fuzzing,stateful" if DEEP else "fuzzing,stateful"
EXAMPLES_MAX = "40" if DEEP else "3"  # per operation
WAIT_SECONDS = 1_800


def test_no_request_breaks_the_server(
    stack: RunningStack, organize: Callable[[str], httpx.Client], tmp_path: Path
) -> None:
    client = organize("Fuzzing")  # what it leaves behind is nobody else's
    described = tmp_path / "openapi.json"
    described.write_text(json.dumps(description(str(client.base_url).rstrip("/").rsplit("/", 1)[1])), encoding="utf-8")
    assert stack.settle()
    failures = errors(stack)
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("st")),
            "run",
            described.name,
            *("--url", stack.base_url),
            *("--header", f"Authorization: {client.headers['Authorization']}"),
            *("--checks", ",".join(CHECKS)),
            *("--phases", PHASES),
            *("--max-examples", EXAMPLES_MAX),
            *(() if DEEP else ("--generation-deterministic",)),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout.partition(" FAILURES ")[2][:8000] + done.stderr[-2000:] + stack.log()
    assert stack.settle()
    assert errors(stack) == failures  # nor did what was accepted break a function behind a queue or a stream


def description(org_id: str) -> dict[str, object]:
    """The description of the API, for one organization: any other is 403 and ends the test of its operation."""
    described: dict[str, object] = json.loads((PROJECT / "docs" / "openapi.json").read_text(encoding="utf-8"))
    for methods in described["paths"].values():  # type: ignore[attr-defined]
        for operation in methods.values():
            for parameter in operation["parameters"]:
                if parameter["name"] == "orgId":
                    parameter["schema"] = {"type": "string", "enum": [org_id]}
    return described


def errors(stack: RunningStack) -> list[str]:
    """What the functions logged as errors so far."""
    files = sorted((stack.data_dir / "logs").glob("*.log"))
    lines = [line for file in files for line in file.read_text(errors="replace").splitlines()]
    return [line for line in lines if '"level":"ERROR"' in line]

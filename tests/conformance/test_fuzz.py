"""Whatever is sent, nothing answers 5xx: requests made up from `docs/openapi.json` against the running stack."""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
from m3ter import M3ter

from local.testing import RunningStack

PROJECT = Path(__file__).parents[2]
EXAMPLES = os.environ.get("USANCE_FUZZ_EXAMPLES", "8")  # per operation; more for a night
WAIT_SECONDS = 900


def test_no_request_breaks_the_server(stack: RunningStack, client: M3ter, tmp_path: Path) -> None:
    description = json.loads((PROJECT / "docs" / "openapi.json").read_text(encoding="utf-8"))
    for methods in description["paths"].values():
        for operation in methods.values():
            for parameter in operation["parameters"]:
                if parameter["name"] == "orgId":  # any other organization is 403 and ends the test of its operation
                    parameter["schema"] = {"type": "string", "enum": [client.org_id]}
    (tmp_path / "openapi.json").write_text(json.dumps(description), encoding="utf-8")
    token = httpx.post(
        f"{stack.base_url}/oauth/token",
        json={"grant_type": "client_credentials"},
        auth=(client.api_key, client.api_secret),
    ).json()["access_token"]
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("st")),
            "run",
            "openapi.json",
            *("--url", stack.base_url),
            *("--header", f"Authorization: Bearer {token}"),
            *("--checks", "not_a_server_error"),
            *("--phases", "fuzzing,stateful"),
            *("--max-examples", EXAMPLES),
            "--generation-deterministic",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:] + stack.log()

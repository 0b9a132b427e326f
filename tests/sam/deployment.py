"""The application deployed by the real `sam deploy` to ministack, its functions run by ministack's own Lambda."""

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from local.aws import client
from local.store import INTERPRETER
from local.template import read_template
from tests.sam.http_api import spelled_out

STACK: Final = "usance-test"
START_SECONDS: Final = 60
DEPLOY_SECONDS: Final = 300
STOP_SECONDS: Final = 60
# ministack runs functions by its own interpreter, so that the layers must be compiled for that one
PYTHON_VERSION: Final = "import sys; print('%d.%d' % sys.version_info[:2])"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gateway answered."""

    status: int
    body: Any


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployed stack. `outputs` are the template's, `api_id` is the gateway's."""

    endpoint: str
    outputs: Mapping[str, str]
    api_id: str

    def invoke(self, function: str, event: Mapping[str, Any]) -> Any:
        """Runs a function by its physical name."""
        answer = client("lambda", self.endpoint).invoke(FunctionName=function, Payload=json.dumps(event).encode())
        result = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, result
        return result

    def call(self, method: str, path: str, *, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """A request through the gateway, which finds the API by its host name."""
        port = self.endpoint.rpartition(":")[2]
        request = urllib.request.Request(
            self.endpoint + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Host": f"{self.api_id}.execute-api.localhost:{port}",
                "Content-Type": "application/json",
                **(headers or {}),
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return Answer(answer.status, json.loads(answer.read() or b"null"))
        except urllib.error.HTTPError as refused:
            return Answer(refused.code, json.loads(refused.read() or b"null"))


def lambda_python_version() -> str:
    """The version of Python that ministack runs functions with."""
    return subprocess.run(
        [INTERPRETER, "-c", PYTHON_VERSION], capture_output=True, text=True, check=True
    ).stdout.strip()


@contextmanager
def running_ministack(folder: Path, port: int) -> Iterator[str]:
    """A ministack of its own, on loopback, that runs functions as child processes; gives its address."""
    endpoint = f"http://127.0.0.1:{port}"
    settings = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "LAMBDA_EXECUTOR": "local",
        "STATE_DIR": str(folder / "state"),
        "S3_DATA_DIR": str(folder / "s3"),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    with (folder / "ministack.log").open("wb") as log:
        process = subprocess.Popen(
            [INTERPRETER.with_name("ministack")], env=inherited | settings, stdout=log, stderr=log, cwd=folder
        )
    try:
        wait_for(lambda: healthy(endpoint), START_SECONDS)
        yield endpoint
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def healthy(endpoint: str) -> bool:
    try:
        with urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def wait_for(look: Callable[[], Any], seconds: float) -> Any:
    """What `look` gives, once it gives something."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.1)
    return found


def deploy(sam: Callable[..., str], built: Path, endpoint: str, architecture: str) -> Deployment:
    """Deploys the built application, its routes spelled out, with `sam deploy`."""
    template = built / "spelled_out.json"
    template.write_text(json.dumps(spelled_out(read_template(built / "template.yaml"))))
    settings = built / "samconfig.toml"
    settings.write_text("version = 0.1\n")
    client("s3", endpoint).create_bucket(Bucket="deployments")
    sam(
        [
            *("deploy", "--template", template, "--config-file", settings, "--stack-name", STACK),
            *("--s3-bucket", "deployments", "--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset"),
            *("--parameter-overrides", f"Architecture={architecture}", "WebhookAllowedHosts=127.0.0.1"),
        ],
        DEPLOY_SECONDS,
        AWS_ENDPOINT_URL=endpoint,
    )
    (stack,) = client("cloudformation", endpoint).describe_stacks(StackName=STACK)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    (api,) = client("apigatewayv2", endpoint).get_apis()["Items"]
    return Deployment(endpoint, outputs, api["ApiId"])

"""Invokes the admin function from outside: of a deployment by Lambda, of the embedded stack by its control address."""

import json
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from usance.domain.kernel.errors import InvalidInputError, NotFoundError

Invoke = Callable[[Mapping[str, Any]], dict[str, Any]]

TIMEOUT_SECONDS: Final = 900  # of the function

_RECORD: Final = "serve.json"  # where a stack that runs says how it is reached
_CREDENTIALS: Final = "credentials.json"
_LOGICAL_ID: Final = "AdminFunction"
_DIRECT: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def of_deployment(function_name: str, client: Any = None) -> Invoke:
    """By the caller's own AWS credentials. A refusal of the function raises `InvalidInputError` with its message."""
    if client is None:
        import boto3
        from botocore.config import Config

        waiting = Config(read_timeout=TIMEOUT_SECONDS + 10, retries={"total_max_attempts": 1})
        client = boto3.client("lambda", config=waiting)

    def invoke(event: Mapping[str, Any]) -> dict[str, Any]:
        answer = client.invoke(FunctionName=function_name, Payload=json.dumps(event).encode())
        content = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise InvalidInputError(str(content.get("errorMessage", content)))
        return dict(content)

    return invoke


def of_embedded_stack(data_dir: Path) -> Invoke:
    """Of the stack that runs on `data_dir`. `NotFoundError` when none does."""
    try:
        record = json.loads((data_dir / _RECORD).read_text())
    except OSError:
        raise NotFoundError(f"no stack is running on {data_dir}: start one with `make serve`") from None

    def invoke(event: Mapping[str, Any]) -> dict[str, Any]:
        body = json.dumps({"function": _LOGICAL_ID, "event": event}).encode()
        headers = {"authorization": record["token"]}
        request = urllib.request.Request(f"{record['control_url']}/invoke", body, headers, method="POST")  # noqa: S310 - loopback
        try:
            with _DIRECT.open(request, timeout=TIMEOUT_SECONDS + 10) as answer:
                return dict(json.loads(answer.read())["result"])
        except urllib.error.HTTPError as refused:
            raise InvalidInputError(str(json.loads(refused.read())["error"])) from refused
        except urllib.error.URLError as unreachable:
            raise NotFoundError(f"no stack is running on {data_dir}: {unreachable}") from unreachable

    return invoke


def own_organization(data_dir: Path) -> str | None:
    """The id of the organization that the embedded stack made at its first start; None when it keeps no note of it."""
    try:
        return str(json.loads((data_dir / _CREDENTIALS).read_text())["org_id"])
    except (OSError, ValueError, KeyError):
        return None


def download(url: str) -> bytes:
    """What a presigned URL gives."""
    with _opener(url).open(url, timeout=TIMEOUT_SECONDS) as answer:
        return bytes(answer.read())


def fetch(url: str, path: Path) -> None:
    """Write what a presigned URL gives to a file, piece by piece; the file is there when all of it is."""
    beside = path.with_name(f"{path.name}.part")
    with _opener(url).open(url, timeout=TIMEOUT_SECONDS) as answer, beside.open("wb") as file:
        shutil.copyfileobj(answer, file)
    beside.replace(path)


def send(url: str, headers: Mapping[str, str], path: Path) -> None:
    """PUT a file to a presigned URL, piece by piece."""
    with path.open("rb") as file:
        length = {"Content-Length": str(path.stat().st_size)}
        request = urllib.request.Request(url, file, {**headers, **length}, method="PUT")  # noqa: S310 - of the deployment
        with _opener(url).open(request, timeout=TIMEOUT_SECONDS):
            pass


def _opener(url: str) -> urllib.request.OpenerDirector:
    return _DIRECT if url.startswith("http://127.0.0.1") else urllib.request.build_opener()

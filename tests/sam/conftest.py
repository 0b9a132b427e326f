"""The SAM command line, a Docker engine, and the application built for this machine's processor."""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest

from local import store
from tests.sam.deployment import Deployment, deploy, lambda_python_version, running_ministack
from tools.relay import reachable_from_containers
from tools.sam_local import ARCHITECTURE, PROJECT, SAM, environment, invoke_command, local_template

BUILD_SECONDS = 600
PULL_SECONDS = 300
INVOKE_SECONDS = 300  # the first one makes the image of the layers
IMAGE = f"public.ecr.aws/lambda/python:3.13-{ARCHITECTURE}"


class Run(Protocol):
    """Runs the SAM command line with a time limit and further environment variables; gives its standard output."""

    def __call__(self, arguments: Sequence[str | Path], seconds: int, **variables: str) -> str: ...


def missing(what: str) -> None:
    """Skip, saying why; fail where everything is required."""
    if os.environ.get("USANCE_REQUIRE_CONTAINERS"):
        pytest.fail(what)
    pytest.skip(what)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    own = Path(__file__).parent
    for item in items:
        if own in item.path.parents:
            item.add_marker(pytest.mark.sam)
            item.add_marker(pytest.mark.xdist_group("sam"))  # one build, one engine


def answers(*command: str, seconds: int = 30) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=seconds, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


@pytest.fixture(scope="session")
def sam() -> Run:
    if not SAM.exists():
        missing("the SAM command line is not installed: `make test-sam` installs it")

    def run(arguments: Sequence[str | Path], seconds: int, **variables: str) -> str:
        done = subprocess.run(
            [SAM, *arguments],
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            cwd=PROJECT,
            env=environment() | variables,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    return run


@pytest.fixture(scope="session")
def built(sam: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built application."""
    folder = tmp_path_factory.mktemp("sam") / "build"
    sam(["build", "--build-dir", folder, "--parameter-overrides", f"Architecture={ARCHITECTURE}"], BUILD_SECONDS)
    return folder


@pytest.fixture(scope="session")
def engine() -> None:
    """A Docker engine that has Lambda's base image."""
    if shutil.which("docker") is None or not answers("docker", "info"):
        missing("there is no Docker engine, which `sam local invoke` needs")
    if not answers("docker", "image", "inspect", IMAGE) and not answers("docker", "pull", IMAGE, seconds=PULL_SECONDS):
        missing(f"the image {IMAGE} is not here and cannot be pulled")


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The embedded stack's store process; its address."""
    folder = tmp_path_factory.mktemp("store")
    alive = store.start(folder)
    try:
        yield alive.endpoint
    finally:
        store.stop(folder)


@pytest.fixture(scope="session")
def embedded_template(engine: None, built: Path, stores: str) -> Iterator[Path]:
    """The built template, with functions that use the embedded stack's stores."""
    with reachable_from_containers(stores) as seen:
        yield local_template(built, stores, seen)


Invoke = Callable[[str, dict[str, Any]], Any]


@pytest.fixture(scope="session")
def invoke(sam: Run, embedded_template: Path, stores: str, tmp_path_factory: pytest.TempPathFactory) -> Invoke:
    """Invokes a function, by logical id, in its container; gives its answer as a value."""
    folder = tmp_path_factory.mktemp("events")

    def call(function: str, event: dict[str, Any]) -> Any:
        path = folder / "event.json"
        path.write_text(json.dumps(event))
        output = sam(invoke_command(function, path, embedded_template)[1:], INVOKE_SECONDS, **environment(stores))
        answer = json.loads(output.strip().splitlines()[-1])
        assert "errorType" not in answer, answer
        return answer

    return call


@pytest.fixture(scope="session")
def deployment(sam: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The application, deployed."""
    folder = tmp_path_factory.mktemp("deployment")
    built = folder / "build"
    arguments: list[str | Path] = [
        "build",
        "--build-dir",
        built,
        "--parameter-overrides",
        f"Architecture={ARCHITECTURE}",
    ]
    sam(arguments, BUILD_SECONDS, PYTHON_VERSION=lambda_python_version())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with running_ministack(folder, port) as endpoint:
        yield deploy(sam, built, endpoint, ARCHITECTURE)

"""The official SDK against a running stack, started once for all tests; each module has an organization of its own.

It ends with the last test of this folder, for it polls its queues, and would beside all tests that follow.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from m3ter import M3ter

from local.testing import RunningStack, running_stack
from tests.conformance.blocking import blocking
from tests.conformance.methods import ANSWERED, ASYNC, SYNC, answered, record
from tests.conformance.receiver import receiving

record()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the process that watches over this one which methods answered; see `tests/conftest.py`."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[ANSWERED] = sorted(answered)


@dataclass(frozen=True)
class Keys:
    """What a client of a `kind` is made with."""

    kind: str
    of_client: dict[str, str]


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    folder = tmp_path_factory.mktemp("conformance")
    with running_stack(
        folder, parameters={"WebhookAllowedHosts": "127.0.0.1", "MailFrom": "billing@example.com"}
    ) as running:
        yield running


@pytest.fixture(scope="module", params=[SYNC, pytest.param(ASYNC, marks=pytest.mark.async_client)])
def keys(stack: RunningStack, request: pytest.FixtureRequest) -> Keys:
    """Of an organization of the module's own; every test is tried with both clients of the SDK."""
    return Keys(request.param, new_organization(stack, request.module.__name__))


@pytest.fixture(scope="module")
def client(stack: RunningStack, keys: Keys) -> Iterator[M3ter]:
    """A client as its makers mean it to be used: it fetches a token before every request."""
    with connected(stack, keys) as client:
        yield client


@pytest.fixture(scope="module")
def strict(stack: RunningStack, keys: Keys) -> Iterator[M3ter]:
    """A client that takes no answer which its own types do not allow."""
    with connected(stack, keys, _strict_response_validation=True) as client:
        yield client


@pytest.fixture(scope="package")
def organize(stack: RunningStack) -> Iterator[Callable[[str], httpx.Client]]:
    """Makes an organization of its own and answers a client of plain HTTP that may do everything in it."""
    clients: list[httpx.Client] = []

    def make(name: str) -> httpx.Client:
        keys = new_organization(stack, name)
        answer = httpx.post(
            f"{stack.base_url}/oauth/token",
            json={"grant_type": "client_credentials"},
            auth=(keys["api_key"], keys["api_secret"]),
        )
        headers = {"Authorization": f"Bearer {answer.json()['access_token']}", "Content-Type": "application/json"}
        url = f"{stack.base_url}/organizations/{keys['org_id']}"
        clients.append(httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=60))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def receiver() -> Iterator[Any]:
    with receiving() as server:
        yield server


@contextmanager
def connected(stack: RunningStack, keys: Keys, **options: Any) -> Iterator[M3ter]:
    """A client of the kind that `keys` says."""
    if keys.kind == ASYNC:
        with blocking(keys.of_client, stack.base_url, **options) as client:
            yield client
    else:
        with M3ter(**keys.of_client, base_url=stack.base_url, **options) as client:
            yield client


def new_organization(stack: RunningStack, name: str) -> dict[str, str]:
    """An organization and the keys of its administrator, as the official SDK takes them."""
    org_id = admin(stack, "createOrganization", name=name)["orgId"]
    user = admin(stack, "createServiceUser", orgId=org_id, name=name, policies=["Administrator"])["serviceUserId"]
    key = admin(stack, "createAccessKey", orgId=org_id, serviceUserId=user)
    return {"org_id": org_id, "api_key": key["apiKey"], "api_secret": key["apiSecret"]}


def admin(stack: RunningStack, action: str, **more: Any) -> dict[str, str]:
    return dict(stack.invoke("AdminFunction", {"action": action, **more}))

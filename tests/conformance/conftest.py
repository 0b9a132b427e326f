"""The official SDK against a running stack, started once for all tests; each module has an organization of its own."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from m3ter import M3ter

from local.testing import RunningStack, running_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    folder = tmp_path_factory.mktemp("conformance")
    with running_stack(folder, parameters={"WebhookAllowedHosts": "127.0.0.1"}) as running:
        yield running


@pytest.fixture(scope="module")
def client(stack: RunningStack, request: pytest.FixtureRequest) -> Iterator[M3ter]:
    """A client as its makers mean it to be used: it fetches a token before every request."""
    with M3ter(**new_organization(stack, request.module.__name__), base_url=stack.base_url) as client:
        yield client


@pytest.fixture(scope="session")
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


def new_organization(stack: RunningStack, name: str) -> dict[str, str]:
    """An organization and the keys of its administrator, as the official SDK takes them."""
    org_id = admin(stack, "createOrganization", name=name)["orgId"]
    user = admin(stack, "createServiceUser", orgId=org_id, name=name, policies=["Administrator"])["serviceUserId"]
    key = admin(stack, "createAccessKey", orgId=org_id, serviceUserId=user)
    return {"org_id": org_id, "api_key": key["apiKey"], "api_secret": key["apiSecret"]}


def admin(stack: RunningStack, action: str, **more: Any) -> dict[str, str]:
    return dict(stack.invoke("AdminFunction", {"action": action, **more}))

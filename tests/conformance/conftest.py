"""The official SDK against a running stack, started once for all tests."""

from collections.abc import Iterator

import pytest
from m3ter import M3ter

from local.testing import RunningStack, running_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    folder = tmp_path_factory.mktemp("conformance")
    with running_stack(folder, parameters={"WebhookAllowedHosts": "127.0.0.1"}) as running:
        yield running


@pytest.fixture(scope="session")
def client(stack: RunningStack) -> Iterator[M3ter]:
    """A client as its makers mean it to be used: it fetches a token before every request."""
    keys = stack.credentials
    with M3ter(
        api_key=keys["api_key"], api_secret=keys["api_secret"], org_id=keys["org_id"], base_url=stack.base_url
    ) as client:
        yield client

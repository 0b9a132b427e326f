"""Every function runs in its container, from its event files, on the embedded stack's stores."""

import base64
import json

import pytest

from tests.component.event_cases import CASES, ORGANIZATION, Case, event_of, new_organization
from tests.sam.conftest import Invoke

Ids = dict[str, str]


@pytest.fixture(scope="module")
def organization(invoke: Invoke) -> tuple[Ids, dict[str, str]]:
    """Ids and an access key, made by the admin function in its container as an installation begins."""
    return new_organization(invoke)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.event)
def test_a_function_answers_its_event(invoke: Invoke, organization: tuple[Ids, dict[str, str]], case: Case) -> None:
    ids, _ = organization
    case.check(invoke(case.function, event_of(case.event, ids)))


def test_a_key_gets_a_token_that_the_authorizer_takes(invoke: Invoke, organization: tuple[Ids, dict[str, str]]) -> None:
    ids, key = organization
    basic = base64.b64encode(f"{key['apiKey']}:{key['apiSecret']}".encode()).decode()
    event = event_of("tokens_json", ids)
    event["headers"]["authorization"] = f"Basic {basic}"
    token = json.loads(invoke("TokensFunction", event)["body"])["access_token"]
    event = event_of("authorizer_request", ids)
    event["headers"]["authorization"] = f"Bearer {token}"
    caller = invoke("AuthorizerFunction", event)
    assert caller["isAuthorized"] is True
    assert caller["context"]["orgId"] == ids[ORGANIZATION]

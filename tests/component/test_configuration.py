"""Entities, tokens, authorizer and admin from their event files."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.clock import CountingIds, FrozenClock
from tests.fakes.entities import FakeEntityRepository
from tests.fakes.secrets import FakeSecrets
from usance.adapters.jwt_tokens import JwtTokens
from usance.application.access.issue_token import ClientCredentials
from usance.application.access.known_callers import KnownCallers
from usance.application.entities.ports import EntityPorts
from usance.bootstrap import access
from usance.domain.access import Caller, Statement
from usance.domain.kernel.errors import InvalidInputError
from usance.entrypoints import admin
from usance.entrypoints.http import authorizer, core, entities, tokens

EVENTS = Path(__file__).parents[2] / "events"


def event(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text())


@pytest.fixture
def handler() -> core.Handler:
    clock = FrozenClock()
    ports = EntityPorts(
        FakeEntityRepository(clock),
        clock,
        CountingIds(),
        FakeSecrets(),
        lambda _: None,
        lambda _: None,
        lambda _: None,
        lambda _: None,
    )
    return core.build(entities.routes(lambda: ports))


def test_products_are_created_listed_and_read(handler: core.Handler) -> None:
    created = handler(event("entities_create_product"), None)
    assert created["statusCode"] == 200
    product = json.loads(created["body"])
    assert product["version"] == 1
    listed = handler(event("entities_list_products"), None)
    assert json.loads(listed["body"]) == {"data": [product], "nextToken": None}
    read = handler(event("entities_get_product"), None)
    assert read["statusCode"] == 404
    assert "product" in json.loads(read["body"])["message"]


@pytest.mark.parametrize("name", ["tokens_json", "tokens_form"])
def test_a_key_is_exchanged(name: str) -> None:
    seen: list[ClientCredentials] = []

    def exchange(credentials: ClientCredentials) -> dict[str, Any]:
        seen.append(credentials)
        return {"access_token": "token"}

    answer = core.build(tokens.routes(exchange), authenticated=False)(event(name), None)
    assert json.loads(answer["body"]) == {"access_token": "token"}
    assert seen == [ClientCredentials("access-key-id", "access-key-secret")]


def test_a_caller_is_handed_over() -> None:
    def identify(token: str) -> Caller:
        assert token == "<token>"
        return Caller("org", "user", "SERVICE_USER", (Statement("allow", ("all",), ("*",)),))

    answer = authorizer.handler(identify)(event("authorizer_request"), None)
    assert answer["isAuthorized"] is True
    assert answer["context"]["orgId"] == "org"


class TestAdmin:
    @pytest.fixture(autouse=True)
    def stores(self, monkeypatch: pytest.MonkeyPatch) -> None:
        clock = FrozenClock()
        store, ids, secrets = FakeEntityRepository(clock), CountingIds(), FakeSecrets()
        for name, value in {"entities": store, "clock": clock, "ids": ids, "secrets": secrets}.items():
            monkeypatch.setattr(access.stores, name, lambda value=value: value)
        monkeypatch.setattr(access, "tokens", lambda: JwtTokens(secrets))
        monkeypatch.setattr(access, "_callers", lambda: KnownCallers(store, clock))

    def test_an_organization_a_user_and_a_key_give_a_caller(self) -> None:
        run = admin.handler()
        org = run(event("admin_create_organization"), None)["orgId"]
        user = run({"action": "createServiceUser", "orgId": org, "name": "CI", "policies": ["Administrator"]}, None)[
            "serviceUserId"
        ]
        key = run({"action": "createAccessKey", "orgId": org, "serviceUserId": user}, None)
        token = access.exchange_credentials(ClientCredentials(key["apiKey"], key["apiSecret"]))["access_token"]
        assert access.identify(token).org_id == org

    @pytest.mark.parametrize(
        ("request_", "word"),
        [
            ({}, "action"),
            ({"action": "dropTables"}, "createOrganization"),
            ({"action": "createOrganization"}, "name"),
            ({"action": "createOrganization", "name": 5}, "name"),
            ({"action": "createServiceUser", "orgId": "o"}, "name"),
            ({"action": "createServiceUser", "orgId": "o", "name": "n", "policies": "Administrator"}, "policies"),
            ({"action": "createAccessKey", "orgId": "o"}, "serviceUserId"),
        ],
    )
    def test_a_refusal_names_the_field(self, request_: dict[str, Any], word: str) -> None:
        with pytest.raises(InvalidInputError, match=word):
            admin.handler()(request_, None)

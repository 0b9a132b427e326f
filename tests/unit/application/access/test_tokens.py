"""From an access key to a caller: what a token needs, and what makes it worthless."""

import base64
import json
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest

from tests.fakes.clock import CountingIds, FrozenClock
from tests.fakes.entities import FakeEntityRepository
from tests.fakes.secrets import FakeSecrets
from usance.adapters.jwt_tokens import ISSUER, JwtTokens
from usance.application.access.create_access_key import AccessKey, create_access_key
from usance.application.access.create_organization import create_organization
from usance.application.access.create_service_user import create_service_user
from usance.application.access.credentials import ROOT
from usance.application.access.issue_token import ClientCredentials, issue_token
from usance.application.access.known_callers import REMEMBERED, KnownCallers
from usance.application.access.verify_token import verify_token
from usance.application.ports.entities import Delete, Put
from usance.domain.access import Action, Caller, allows
from usance.domain.kernel.errors import ForbiddenError, InvalidClientError, InvalidInputError, NotFoundError
from usance.entrypoints.http import authorizer, core, tokens


@dataclass
class World:
    clock: FrozenClock = field(default_factory=FrozenClock)
    ids: CountingIds = field(default_factory=CountingIds)
    secrets: FakeSecrets = field(default_factory=FakeSecrets)

    def __post_init__(self) -> None:
        self.store = FakeEntityRepository(self.clock)
        self.codec = JwtTokens(self.secrets)
        self.callers = KnownCallers(self.store, self.clock)
        self.org = create_organization(self.store, self.clock, self.ids, name="Example")
        self.user = create_service_user(
            self.store, self.clock, self.ids, org_id=self.org, name="Integration", policies=["Administrator"]
        )
        self.key = self.new_key()

    def new_key(self) -> AccessKey:
        return create_access_key(
            self.store, self.clock, self.ids, self.secrets, org_id=self.org, service_user_id=self.user
        )

    def exchange(self, credentials: ClientCredentials) -> dict[str, Any]:
        return issue_token(self.store, self.codec, self.clock, credentials)

    def token(self) -> str:
        return str(self.exchange(ClientCredentials(self.key.api_key, self.key.api_secret))["access_token"])

    def identify(self, token: str) -> Caller:
        return verify_token(self.callers, self.codec, self.clock, token)


@pytest.fixture
def world() -> World:
    return World()


def test_a_key_gives_a_token_that_names_its_user(world: World) -> None:
    answer = world.exchange(ClientCredentials(world.key.api_key, world.key.api_secret))
    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == 18_000
    assert answer["scope"] is None
    caller = world.identify(answer["access_token"])
    assert (caller.org_id, caller.principal_id) == (world.org, world.user)
    assert caller.audit_name == f"SERVICE_USER_{world.user}"
    assert allows(caller.statements, Action.CONFIG_DELETE, "meter")


def test_a_new_token_leaves_earlier_ones_valid(world: World) -> None:
    first = world.token()
    world.clock.advance(seconds=60)
    world.token()
    assert world.identify(first).org_id == world.org


@pytest.mark.parametrize("case", ["secret", "key", "empty", "none", "long"])
def test_wrong_credentials_say_nothing_of_what_was_wrong(world: World, case: str) -> None:
    wrong = {
        "secret": ClientCredentials(world.key.api_key, "wrong"),
        "key": ClientCredentials("00000000-0000-7000-8000-ffffffffffff", world.key.api_secret),
        "empty": ClientCredentials(world.key.api_key, ""),
        "none": ClientCredentials("", ""),
        "long": ClientCredentials("x" * 5000, "y" * 5000),
    }[case]
    with pytest.raises(InvalidClientError, match="not those of an active access key"):
        world.exchange(wrong)


def test_an_inactive_key_gives_no_token_while_another_works(world: World) -> None:
    second = world.new_key()
    document = world.store.get(ROOT, "accessKey", world.key.api_key)
    assert document is not None
    world.store.commit(ROOT, [Put("accessKey", {**document, "status": "INACTIVE", "version": 2}, expected_version=1)])
    with pytest.raises(InvalidClientError):
        world.token()
    assert world.exchange(ClientCredentials(second.api_key, second.api_secret))


def test_the_secret_is_kept_nowhere(world: World) -> None:
    stored = repr(world.store.rows)
    assert world.key.api_secret not in stored
    assert world.key.api_secret not in repr(world.key)


def test_a_token_ends_after_its_lifetime(world: World) -> None:
    token = world.token()
    world.clock.advance(seconds=17_999)
    world.identify(token)
    world.clock.advance(seconds=1)
    with pytest.raises(ForbiddenError, match="expired"):
        world.identify(token)


def forged(world: World, **changes: Any) -> dict[str, Any]:
    now = int(world.clock.now().timestamp())
    claims = {"iss": ISSUER, "sub": world.user, "orgId": world.org, "iat": now, "exp": now + 100, **changes}
    return {name: value for name, value in claims.items() if value is not None}


def unsigned(claims: dict[str, Any], algorithm: str) -> str:
    parts = [{"alg": algorithm, "typ": "JWT"}, claims]
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


def test_a_forged_token_is_worthless(world: World) -> None:
    key = world.secrets.signing_key()
    good = jwt.encode(forged(world), key, algorithm="HS256")
    world.identify(good)
    head, payload, signature = good.split(".")
    bad = [
        "",
        "nonsense",
        "a.b.c",
        unsigned(forged(world), "none"),
        unsigned(forged(world), "HS256"),
        jwt.encode(forged(world), b"x" * 32, algorithm="HS256"),
        jwt.encode(forged(world), b"x" * 64, algorithm="HS512"),
        jwt.encode(forged(world, iss="somebody"), key, algorithm="HS256"),
        *(jwt.encode(forged(world, **{name: None}), key, algorithm="HS256") for name in ("exp", "sub", "orgId", "iss")),
        f"{head}.{payload}.{signature[:-4]}AAAA",
        f"{head}.{payload[:-2]}AA.{signature}",
        good + "x",
        "é" * 20,
    ]
    for token in bad:
        with pytest.raises(ForbiddenError):
            world.identify(token)


def test_a_user_that_is_gone_or_of_another_organization_is_nobody(world: World) -> None:
    key = world.secrets.signing_key()
    other = create_organization(world.store, world.clock, world.ids, name="Other")
    with pytest.raises(ForbiddenError):
        world.identify(jwt.encode(forged(world, orgId=other), key, algorithm="HS256"))
    with pytest.raises(ForbiddenError):
        world.identify(jwt.encode(forged(world, sub="somebody"), key, algorithm="HS256"))


def test_a_withdrawn_permission_works_for_a_short_while_only(world: World) -> None:
    token = world.token()
    assert world.identify(token).statements
    [attached] = world.store.list_all(world.org, "principalPermission", filters={"principalId": [world.user]})
    world.store.commit(world.org, [Delete("principalPermission", attached["id"])])
    assert world.identify(token).statements
    world.clock.advance(seconds=int(REMEMBERED.total_seconds()))
    assert world.identify(token).statements == ()


def test_statements_are_those_in_force_now(world: World) -> None:
    plain = create_service_user(world.store, world.clock, world.ids, org_id=world.org, name="Plain", policies=[])
    token = jwt.encode(forged(world, sub=plain), world.secrets.signing_key(), algorithm="HS256")
    assert world.identify(token).statements == ()


def test_admin_refuses_what_is_not_there(world: World) -> None:
    with pytest.raises(InvalidInputError, match="Nonsense"):
        create_service_user(world.store, world.clock, world.ids, org_id=world.org, name="x", policies=["Nonsense"])
    with pytest.raises(NotFoundError):
        create_service_user(world.store, world.clock, world.ids, org_id="nowhere", name="x", policies=[])
    with pytest.raises(NotFoundError):
        create_access_key(
            world.store, world.clock, world.ids, world.secrets, org_id=world.org, service_user_id="nobody"
        )
    with pytest.raises(InvalidInputError, match="name"):
        create_organization(world.store, world.clock, world.ids, name=" ")


class TestAuthorizer:
    def ask(self, world: World, authorization: str | None) -> dict[str, Any]:
        headers = {} if authorization is None else {"Authorization": authorization}
        return authorizer.handler(world.identify)({"headers": headers}, None)

    def test_it_hands_over_the_caller(self, world: World) -> None:
        answer = self.ask(world, f"Bearer {world.token()}")
        assert answer["isAuthorized"] is True
        assert answer["context"]["orgId"] == world.org
        assert answer["context"]["principalId"] == world.user
        assert answer["context"]["principalType"] == "SERVICE_USER"
        assert json.loads(answer["context"]["statements"]) == [
            {"effect": "ALLOW", "action": ["ALL"], "resource": ["*"]}
        ]

    @pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic abc", "Bearer a.b.c"])
    def test_it_lets_nobody_else_in(self, world: World, header: str | None) -> None:
        assert self.ask(world, header) == {"isAuthorized": False}

    def test_the_scheme_is_read_in_any_case(self, world: World) -> None:
        assert self.ask(world, f"bearer {world.token()}")["isAuthorized"] is True


class TestTokenEndpoint:
    def post(self, world: World, body: str, kind: str, authorization: str | None = "right") -> tuple[int, Any]:
        right = base64.b64encode(f"{world.key.api_key}:{world.key.api_secret}".encode()).decode()
        headers = {"content-type": kind}
        if authorization is not None:
            headers["Authorization"] = f"Basic {right}" if authorization == "right" else authorization
        event = {
            "version": "2.0",
            "rawPath": "/oauth/token",
            "rawQueryString": "",
            "headers": headers,
            "requestContext": {"http": {"method": "POST", "path": "/oauth/token"}, "stage": "$default"},
            "body": base64.b64encode(body.encode()).decode(),
            "isBase64Encoded": True,
        }
        answer = core.build(tokens.routes(world.exchange), authenticated=False)(event, None)
        return answer["statusCode"], json.loads(answer["body"])

    @pytest.mark.parametrize(
        ("body", "kind"),
        [
            ('{"grant_type": "client_credentials"}', "application/json"),
            ('{"grant_type": "client_credentials", "scope": "any"}', "application/json; charset=utf-8"),
            ("grant_type=client_credentials", "application/x-www-form-urlencoded"),
            ("grant_type=client_credentials&scope=", "application/x-www-form-urlencoded;charset=UTF-8"),
        ],
    )
    def test_it_takes_json_and_forms(self, world: World, body: str, kind: str) -> None:
        status, answer = self.post(world, body, kind)
        assert status == 200
        assert world.identify(answer["access_token"]).org_id == world.org

    @pytest.mark.parametrize("header", [None, "", "Basic", "Basic !!!", "Basic eA==", "Bearer x", "Basic w6k6w6k="])
    def test_bad_credentials_are_401(self, world: World, header: str | None) -> None:
        status, answer = self.post(world, '{"grant_type": "client_credentials"}', "application/json", header)
        assert status == 401
        assert answer["error"] == "invalid_client"
        assert answer["message"]

    @pytest.mark.parametrize("body", ["", "{}", '{"grant_type": "password"}', '{"grant_type": 3}', "[", "[]"])
    def test_another_grant_is_400(self, world: World, body: str) -> None:
        status, answer = self.post(world, body, "application/json")
        assert status == 400
        assert answer["message"]
        status, _ = self.post(world, "grant_type=password", "application/x-www-form-urlencoded")
        assert status == 400

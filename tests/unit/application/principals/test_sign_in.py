"""People sign in at a provider with real keys, and get a token of one organization (platform.md 3)."""

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.fakes.http import Answer
from tests.fakes.openid import CLIENT, OpenIdServer, openid_server
from tests.fakes.organization import Organization
from usance.adapters.jwt_tokens import JwtTokens
from usance.adapters.openid import OpenIdProvider
from usance.application.access.known_callers import KnownCallers
from usance.application.access.verify_token import verify_token
from usance.application.ports.entities import Delete, Put
from usance.application.principals.sign_in import SignIn, sign_in
from usance.domain.access import Action, Caller, allows
from usance.domain.kernel.errors import ForbiddenError, InvalidClientError, UnavailableError, UnsupportedGrantError
from usance.entrypoints.http import core, tokens
from usance.resources import instants

TOKEN_EXCHANGE = tokens.TOKEN_EXCHANGE
EMAIL = "ann@example.com"
HELPER = "help@example.com"


@pytest.fixture(scope="module")
def server() -> Iterator[OpenIdServer]:
    with openid_server() as running:
        yield running


class World:
    def __init__(self, server: OpenIdServer) -> None:
        self.server = server
        self.org = Organization()
        self.now = self.org.clock.instant
        self.codec = JwtTokens(self.org.ports.secrets)
        desk = SignIn(self.org.ports, self.codec, OpenIdProvider(server.issuer, CLIENT), {HELPER})
        self.handler = core.build(
            tokens.routes(lambda _: {}, lambda *asked: sign_in(desk, *asked)), authenticated=False
        )

    def post(self, body: bytes, content_type: str = "application/json") -> Answer:
        event = {
            "version": "2.0",
            "rawPath": "/oauth/token",
            "rawQueryString": "",
            "headers": {"content-type": content_type},
            "body": body.decode(),
            "requestContext": {"http": {"method": "POST", "path": "/oauth/token"}, "stage": "$default"},
        }
        answer = self.handler(event, None)
        return Answer(answer["statusCode"], answer["body"], {})

    def exchange(self, email: str | None = EMAIL, **more: Any) -> Answer:
        claims = more.pop("claims", {})
        token = self.server.token(self.now, email=email, **claims)
        body = {"grant_type": TOKEN_EXCHANGE, "subject_token": token, "orgId": self.org.id, **more}
        return self.post(json.dumps(body).encode())

    def caller(self, answer: Answer) -> Caller:
        assert answer.status == 200, answer.text
        callers = KnownCallers(self.org.store, self.org.clock)
        return verify_token(callers, self.codec, self.org.clock, answer.json["access_token"])

    def open_support(self, until: str, **more: Any) -> None:
        version = self.org.client.get("/support").json["version"]
        answer = self.org.client.put("/support", {"dtEndSupportUsersAccess": until, "version": version, **more})
        assert answer.status == 200, answer.text


@pytest.fixture
def world(server: OpenIdServer) -> World:
    return World(server)


def test_a_user_signs_in_with_an_id_token_of_the_provider(world: World) -> None:
    user = world.org.make_user(email="Ann@Example.com")
    caller = world.caller(world.exchange("ANN@example.com"))
    assert (caller.org_id, caller.principal_id, caller.principal_type) == (world.org.id, user["id"], "USER")


def test_a_user_signs_in_with_an_authorization_code(world: World) -> None:
    user = world.org.make_user(email=EMAIL)
    world.server.codes["abc"] = world.server.token(world.now, email=EMAIL)
    form = {
        "grant_type": "authorization_code",
        "code": "abc",
        "redirect_uri": "https://example.com/in",
        "code_verifier": "v",
        "orgId": world.org.id,
    }
    caller = world.caller(world.post(urlencode(form).encode(), tokens.FORM))
    assert caller.principal_id == user["id"]
    assert world.server.forms[-1] == {
        "grant_type": ["authorization_code"],
        "client_id": [CLIENT],
        "code": ["abc"],
        "redirect_uri": ["https://example.com/in"],
        "code_verifier": ["v"],
    }
    refused = world.post(urlencode({**form, "code": "other"}).encode(), tokens.FORM)
    assert (refused.status, refused.json["errorCode"]) == (401, "INVALID_CLIENT")


@pytest.mark.parametrize("missing", ["code", "redirect_uri", "orgId"])
def test_what_a_sign_in_lacks_is_named(world: World, missing: str) -> None:
    body = {"grant_type": "authorization_code", "code": "a", "redirect_uri": "https://a", "orgId": world.org.id}
    answer = world.post(json.dumps({**body, missing: None}).encode())
    assert (answer.status, missing in answer.message) == (400, True)


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another"},
        {"iss": "https://elsewhere.example"},
        {"exp": 1},
        {"exp": None},
        {"email": None},
        {"email_verified": False},
        {"email_verified": None},
        {"kid": "unknown"},
        {"key": rsa.generate_private_key(public_exponent=65_537, key_size=2_048)},
    ],
    ids=lambda claims: next(iter(claims)),
)
def test_what_the_provider_does_not_vouch_for_is_refused(world: World, claims: dict[str, Any]) -> None:
    world.org.make_user(email=EMAIL)
    answer = world.exchange(claims.pop("email", EMAIL), claims=claims)
    assert (answer.status, answer.json["errorCode"]) == (401, "INVALID_CLIENT")


def test_a_provider_may_be_trusted_that_says_nothing_of_addresses(world: World) -> None:
    trusted = OpenIdProvider(world.server.issuer, CLIENT, trusted=True)
    assert trusted.email_of(world.server.token(world.now, email=EMAIL, email_verified=None), now=world.now) == EMAIL
    with pytest.raises(InvalidClientError, match="verified"):
        trusted.email_of(world.server.token(world.now, email=EMAIL, email_verified=False), now=world.now)


def test_who_has_no_access_any_more_gets_no_token(world: World) -> None:
    world.org.make_user(email=EMAIL, dtEndAccess="2026-01-16T00:00:00Z")
    assert world.exchange().status == 200
    world.org.clock.instant = world.now = instants.from_text("2026-01-16T00:00:00Z")
    assert world.exchange().status == 403


def test_a_token_of_ours_and_one_that_is_none_are_refused(world: World) -> None:
    world.org.make_user(email=EMAIL)
    ours = world.exchange().json["access_token"]
    for text in (ours, "x", "a.b.c"):
        body = {"grant_type": TOKEN_EXCHANGE, "subject_token": text, "orgId": world.org.id}
        assert world.post(json.dumps(body).encode()).status == 401


def test_nobody_signs_in_to_an_organization_that_does_not_know_them(world: World) -> None:
    world.org.make_user(email=EMAIL)
    assert world.exchange("bob@example.com").status == 403
    assert world.exchange(orgId=world.org.other_id).status == 403


def test_an_invitation_is_accepted_by_signing_in_with_its_address(world: World) -> None:
    policy = world.org.make("permissionPolicy")
    invitation = world.org.make("orgUserInvitation", email="Ann@Example.com", permissionPolicyIds=[policy["id"]])
    other = world.org.make("orgUserInvitation", email="bob@example.com")
    assert world.exchange(invitationId=other["id"]).status == 403
    assert world.exchange(invitationId="x").status == 400
    assert world.exchange(invitationId=world.org.id).status == 403
    assert world.exchange(orgId=f"{world.org.id}#product").status == 400
    caller = world.caller(world.exchange(invitationId=invitation["id"]))
    user = world.org.client.get(f"/users/{caller.principal_id}").json
    assert (user["email"], user["createdBy"]) == (EMAIL, f"USER_{user['id']}")
    assert caller.statements
    again = world.caller(world.exchange(invitationId=invitation["id"]))
    assert again.principal_id == caller.principal_id


def test_an_invitation_that_has_expired_lets_nobody_in(world: World) -> None:
    invitation = world.org.make("orgUserInvitation", email=EMAIL)
    world.org.clock.instant += timedelta(days=31)
    world.now = world.org.clock.instant
    answer = world.exchange(invitationId=invitation["id"])
    assert (answer.status, "expired" in answer.message) == (403, True)


@pytest.mark.parametrize("equal", [True, False], ids=["the same", "another to the same address"])
def test_two_sign_ins_that_accept_at_once_both_succeed(
    world: World, monkeypatch: pytest.MonkeyPatch, *, equal: bool
) -> None:
    policies = [world.org.make("permissionPolicy")["id"] for _ in range(2)]
    first, other = (
        world.org.make("orgUserInvitation", email=EMAIL, permissionPolicyIds=[policy])["id"] for policy in policies
    )
    commit, rivals = world.org.store.commit, [first if equal else other]
    seen = []

    def after_a_rival(org_id: str, changes: Sequence[Put | Delete]) -> None:
        if rivals:
            seen.append(world.caller(world.exchange(invitationId=rivals.pop())).principal_id)
        commit(org_id, changes)

    monkeypatch.setattr(world.org.store, "commit", after_a_rival)
    seen.append(world.caller(world.exchange(invitationId=first)).principal_id)
    [user] = world.org.client.get("/users").json["data"]
    assert seen == [user["id"]] * 2
    attached = world.org.client.get(f"/users/{user['id']}/permissions").json["data"]
    assert sorted(policy["id"] for policy in attached) == (policies[:1] if equal else policies)


class TestSupport:
    def test_support_users_come_in_only_while_the_organization_lets_them(self, world: World) -> None:
        assert world.exchange(HELPER).status == 403
        world.open_support("2026-01-15T13:00:00Z")
        answer = world.exchange(HELPER)
        caller = world.caller(answer)
        assert (caller.principal_type, caller.statements) == ("SUPPORT_USER", ())
        assert world.exchange(EMAIL).status == 403
        world.org.clock.instant = instants.from_text("2026-01-15T13:00:00Z")
        with pytest.raises(ForbiddenError, match="support"):
            world.caller(answer)

    def test_they_may_what_the_organization_says_and_what_is_attached_to_them(self, world: World) -> None:
        def statement(kind: str) -> dict[str, Any]:
            return {"effect": "ALLOW", "action": ["config:retrieve"], "resource": [f"config:{kind}/*"]}

        world.open_support("2027-01-01T00:00:00Z", supportUsersPermissionPolicy=[statement("plan")])
        policy = world.org.make("permissionPolicy", permissionPolicy=[statement("meter")])
        attached = world.org.client.post(f"/permissionpolicies/{policy['id']}/addtosupportusers")
        assert attached.status == 200
        caller = world.caller(world.exchange(HELPER))
        may = [kind for kind in ("plan", "meter", "account") if allows(caller.statements, Action.CONFIG_RETRIEVE, kind)]
        assert may == ["plan", "meter"]


class TestProvider:
    def test_one_that_does_not_answer_is_no_refusal(self) -> None:
        with openid_server() as gone:
            issuer = gone.issuer
        with pytest.raises(UnavailableError):
            OpenIdProvider(issuer, CLIENT).redeem("a", "b", None)

    def test_one_that_says_it_is_another_is_not_believed(self, server: OpenIdServer, world: World) -> None:
        provider = OpenIdProvider(server.issuer.replace("127.0.0.1", "localhost"), CLIENT)
        with pytest.raises(UnavailableError, match="another"):
            provider.email_of(server.token(world.now, email=EMAIL), now=world.now)

    def test_it_must_be_reached_by_https(self) -> None:
        with pytest.raises(LookupError, match="https"):
            OpenIdProvider("http://provider.example", CLIENT)

    def test_a_code_that_gives_no_id_token_is_refused(self, server: OpenIdServer) -> None:
        server.codes["empty"] = None  # type: ignore[assignment]
        with pytest.raises(InvalidClientError, match="openid"):
            OpenIdProvider(server.issuer, CLIENT).redeem("empty", "b", None)

    def test_a_deployment_without_one_says_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from usance.application.ports.identity import Proof
        from usance.bootstrap.access import exchange_proof

        monkeypatch.delenv("OIDC_ISSUER", raising=False)
        with pytest.raises(UnsupportedGrantError, match="OidcIssuer"):
            exchange_proof(Proof(id_token="x"), "org", None)


def test_nobody_enters_an_organization_that_is_being_put_back(world: World) -> None:
    """All that is its own may be there; its own row is put back last (docs/backup.md)."""
    world.org.make_user(email=EMAIL)
    entered = world.exchange()
    world.caller(entered)
    organization = world.org.store.get("-", "organization", world.org.id)
    assert organization
    world.org.store.commit("-", [Delete("organization", world.org.id, organization["version"])])
    assert world.exchange().status == 403
    with pytest.raises(ForbiddenError):
        world.caller(entered)

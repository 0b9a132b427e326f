"""Which statements are in force for a principal, and what they let it do, from its token to the answer."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.fakes.http import Answer, Client
from tests.fakes.organization import Organization
from tests.fakes.secrets import FakeSecrets
from usance.adapters.jwt_tokens import JwtTokens
from usance.application.access.issue_token import ClientCredentials, issue_token
from usance.application.access.known_callers import REMEMBERED, USER, KnownCallers
from usance.application.access.verify_token import verify_token
from usance.application.ports.entities import EntityRepository
from usance.domain.kernel.errors import ForbiddenError, InvalidClientError
from usance.entrypoints.http import authorizer
from usance.resources import wire

READ_PLANS = {"effect": "ALLOW", "action": ["CONFIG_RETRIEVE"], "resource": ["config:plan/*"]}
READS_WITHOUT_GROUPS_MAX = 5  # service user and key, or user and organization; attachments (index and rows), policies


class Counting:
    """A store that counts what is asked of it."""

    def __init__(self, inner: EntityRepository) -> None:
        self.inner = inner
        self.reads = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.inner, name)

        def counted(*arguments: Any, **named: Any) -> Any:
            # a list by a filter reads the index, then the rows
            self.reads += 2 if name == "list_all" else 1
            return method(*arguments, **named)

        return counted


@dataclass
class World:
    org: Organization = field(default_factory=Organization)

    def __post_init__(self) -> None:
        self.codec = JwtTokens(FakeSecrets())
        self.store = Counting(self.org.store)
        self.callers = KnownCallers(self.store, self.org.clock)  # type: ignore[arg-type]

    def post(self, path: str, body: Any = None) -> dict[str, Any]:
        answer = self.org.client.post(path, body)
        assert answer.status == 200, answer.text
        return dict(answer.json)

    def policy(self, *statements: dict[str, Any]) -> str:
        return str(self.org.make("permissionPolicy", permissionPolicy=list(statements))["id"])

    def attach(self, policy: str, kind: str, principal: str) -> None:
        self.post(f"/permissionpolicies/{policy}/addto{kind}", {"principalId": principal})

    def group(self, kind: str, *members: str, groups: tuple[str, ...] = ()) -> str:
        id_ = str(self.post(f"/resourcegroups/{kind}", {"name": "Group"})["id"])
        for target, type_ in [*((one, "ITEM") for one in members), *((one, "GROUP") for one in groups)]:
            self.post(f"/resourcegroups/{kind}/{id_}/addresource", {"targetId": target, "targetType": type_})
        return id_

    def user_token(self, user: str) -> str:
        now = int(self.org.clock.now().timestamp())
        return self.codec.encode({"sub": user, "orgId": self.org.id, "iat": now, "exp": now + 10_000, "pt": USER})

    def key(self, service_user: str) -> dict[str, Any]:
        return self.post(f"/serviceusers/{service_user}/accesskeys")

    def service_token(self, key: dict[str, Any]) -> str:
        credentials = ClientCredentials(key["apiKey"], key["apiSecret"])
        return str(issue_token(self.org.store, self.codec, self.org.clock, credentials)["access_token"])

    def client(self, token: str) -> Client:
        """What API Gateway does: the authorizer's context goes with the request."""
        answer = authorizer.handler(lambda text: verify_token(self.callers, self.codec, self.org.clock, text))(
            {"headers": {"authorization": f"Bearer {token}"}}, None
        )
        if not answer["isAuthorized"]:
            raise ForbiddenError("refused")
        client = Client(self.org.handler, answer["context"]["orgId"])
        client.statements = wire.loads(answer["context"]["statements"])
        return client

    def as_user(self, *statements: dict[str, Any], **more: Any) -> tuple[str, str]:
        """A user with inline statements, and its token."""
        user = self.org.make_user(**more)
        if statements:
            body = {"version": 1, "permissionPolicy": list(statements)}
            assert self.org.client.put(f"/users/{user['id']}", body).status == 200
        return user["id"], self.user_token(user["id"])


@pytest.fixture
def world() -> World:
    return World()


def ids(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.text
    return [item["id"] for item in answer.json["data"]]


def test_by_default_nothing_is_allowed(world: World) -> None:
    _, token = world.as_user()
    client = world.client(token)
    assert client.get("/plans").status == 403
    assert client.post("/products", world.org.body("product")).status == 403


def test_inline_statements_are_in_force_beside_attached_ones(world: World) -> None:
    user, token = world.as_user(READ_PLANS)
    world.attach(world.policy({**READ_PLANS, "resource": ["config:meter/*"]}), "user", user)
    client = world.client(token)
    assert client.get("/plans").status == 200
    assert client.get("/meters").status == 200
    assert client.get("/accounts").status == 403


def test_policies_of_a_group_reach_its_members_through_every_level(world: World) -> None:
    user, token = world.as_user()
    inner = world.group("user", user)
    outer = world.group("user", groups=(inner,))
    top = world.group("user", groups=(outer,))
    world.attach(world.policy(READ_PLANS), "usergroup", top)
    assert world.client(token).get("/plans").status == 200
    _, other = world.as_user()
    assert world.client(other).get("/plans").status == 403


def test_a_deny_of_a_group_beats_the_administrator_policy_of_its_member(world: World) -> None:
    user, token = world.as_user()
    policies = world.org.client.get("/permissionpolicies").json["data"]
    administrator = next(policy["id"] for policy in policies if policy["name"] == "Administrator")
    world.attach(administrator, "user", user)
    assert world.client(token).get("/plans").status == 200
    group = world.group("user", user)
    world.attach(world.policy({**READ_PLANS, "effect": "deny", "action": ["all"]}), "usergroup", group)
    world.org.clock.advance(seconds=REMEMBERED.seconds)
    assert world.client(token).get("/plans").status == 403
    assert world.client(token).get("/meters").status == 200


def test_a_statement_about_a_group_is_about_what_it_holds(world: World) -> None:
    held, nested, free = (world.org.make("plan")["id"] for _ in range(3))
    inner = world.group("plan", nested)
    group = world.group("plan", held, groups=(inner,))
    _, token = world.as_user({**READ_PLANS, "resource": [f"config:plan/group/{group.upper()}"]})
    client = world.client(token)
    assert ids(client.get("/plans")) == [nested, held]
    assert client.get(f"/plans/{held}").status == 200
    assert client.get(f"/plans/{nested}").status == 200
    assert client.get(f"/plans/{free}").status == 403
    assert client.get("/meters").status == 403
    assert client.put(f"/plans/{held}", {}).status == 403


def test_a_deny_of_a_group_leaves_its_items_out_of_the_list(world: World) -> None:
    held, nested, free = (world.org.make("plan")["id"] for _ in range(3))
    group = world.group("plan", held, groups=(world.group("plan", nested),))
    everything = {"effect": "allow", "action": ["all"], "resource": ["*"]}
    _, token = world.as_user(everything, {**everything, "effect": "deny", "resource": [f"config:plan/group/{group}"]})
    client = world.client(token)
    assert ids(client.get("/plans")) == [free]
    assert client.delete(f"/plans/{nested}").status == 403
    assert client.delete(f"/plans/{free}").status == 200


def test_a_star_for_a_group_is_any_group(world: World) -> None:
    held, free = (world.org.make("plan")["id"] for _ in range(2))
    world.group("plan", held)
    _, token = world.as_user({**READ_PLANS, "resource": ["config:plan/group/*"]})
    client = world.client(token)
    assert ids(client.get("/plans")) == [held]
    assert client.get(f"/plans/{free}").status == 403


def test_a_statement_about_one_item_lists_that_item(world: World) -> None:
    one, other = (world.org.make("plan")["id"] for _ in range(2))
    _, token = world.as_user({**READ_PLANS, "resource": [f"config:plan/item/{one}"]})
    client = world.client(token)
    assert ids(client.get("/plans")) == [one]
    assert client.get(f"/plans/{other}").status == 403


def test_a_deny_of_a_type_refuses_its_list(world: World) -> None:
    one = world.org.make("plan")["id"]
    _, token = world.as_user({**READ_PLANS, "resource": [f"config:plan/item/{one}"]}, {**READ_PLANS, "effect": "DENY"})
    assert world.client(token).get("/plans").status == 403


def test_access_ends_when_it_is_said_to(world: World) -> None:
    _, token = world.as_user(READ_PLANS)
    user, ending = world.as_user(dtEndAccess="2026-01-15T12:30:00Z")
    world.attach(world.policy(READ_PLANS), "user", user)
    assert world.client(ending).get("/plans").status == 200
    world.org.clock.advance(minutes=30)
    with pytest.raises(ForbiddenError):
        world.client(ending)
    assert world.client(token).get("/plans").status == 200


def test_a_user_that_is_not_there_is_nobody(world: World) -> None:
    service_user = world.org.make("serviceUser")["id"]
    with pytest.raises(ForbiddenError):
        world.client(world.user_token(service_user))


def test_a_key_is_worth_nothing_once_it_is_inactive(world: World) -> None:
    user = world.org.make("serviceUser")["id"]
    world.attach(world.policy(READ_PLANS), "serviceuser", user)
    old, new = world.key(user), world.key(user)
    old_token, new_token = world.service_token(old), world.service_token(new)
    assert world.client(old_token).get("/plans").status == 200
    path = f"/serviceusers/{user}/accesskeys/{old['id']}"
    assert world.org.client.put(path, {"status": "INACTIVE"}).status == 200
    with pytest.raises(InvalidClientError):
        world.service_token(old)
    world.org.clock.advance(seconds=REMEMBERED.seconds)
    with pytest.raises(ForbiddenError):
        world.client(old_token)
    assert world.client(new_token).get("/plans").status == 200
    world.org.client.put(path, {"status": "ACTIVE"})
    assert world.client(old_token).get("/plans").status == 200
    world.org.client.delete(path)
    world.org.clock.advance(seconds=REMEMBERED.seconds)
    with pytest.raises(ForbiddenError):
        world.client(old_token)


def test_the_authorizer_reads_little(world: World) -> None:
    user = world.org.make("serviceUser")["id"]
    for _ in range(30):
        world.attach(world.policy(READ_PLANS), "serviceuser", user)
    token = world.service_token(world.key(user))
    world.client(token)
    assert world.store.reads == READS_WITHOUT_GROUPS_MAX
    for _ in range(10):
        world.client(token)
    assert world.store.reads == READS_WITHOUT_GROUPS_MAX


def test_groups_cost_a_lookup_for_each_level(world: World) -> None:
    user, token = world.as_user()
    groups = [world.group("user", user)]
    for _ in range(3):
        groups.append(world.group("user", groups=(groups[-1],)))
    world.attach(world.policy(READ_PLANS), "usergroup", groups[-1])
    world.client(token)
    levels = len(groups) + 1  # one more to find that nothing is around the last
    assert world.store.reads == READS_WITHOUT_GROUPS_MAX + 2 * levels


def test_statements_without_groups_look_nothing_up(world: World) -> None:
    asked: list[Any] = []
    world.org.make("plan")
    _, token = world.as_user(READ_PLANS, {**READ_PLANS, "effect": "deny", "resource": ["config:meter/group/x"]})
    client = world.client(token)
    taken = world.org.store.taken
    world.org.store.taken = lambda *values: asked.append(values) or taken(*values)  # type: ignore[method-assign]
    assert client.get("/plans").status == 200
    assert asked == []

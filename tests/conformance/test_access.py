"""Policies and principals through the official SDK, with its own types as the judge of the answers."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import httpx
import m3ter
import pytest
from m3ter import M3ter

from local.aws import CREDENTIALS
from local.testing import RunningStack

KEYS_OF_STORE: Any = {name.lower(): value for name, value in CREDENTIALS.items() if name.startswith("AWS_")}
READ_PLANS: Any = {"effect": "ALLOW", "action": ["CONFIG_RETRIEVE"], "resource": ["config:plan/*"]}


def connected(client: M3ter, api_key: str, api_secret: str, **options: Any) -> M3ter:
    return M3ter(api_key=api_key, api_secret=api_secret, org_id=client.org_id, base_url=client.base_url, **options)


def bearer(stack: RunningStack, key: str, secret: str) -> str:
    asked = {"grant_type": "client_credentials"}
    return str(httpx.post(f"{stack.base_url}/oauth/token", auth=(key, secret), json=asked).json()["access_token"])


@pytest.fixture(scope="module")
def http(stack: RunningStack, strict: M3ter) -> Iterator[httpx.Client]:
    """For our own operations, which the SDK does not know."""
    token = bearer(stack, strict.api_key, strict.api_secret)
    base = f"{stack.base_url}/organizations/{strict.org_id}"
    with httpx.Client(base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
        yield client


def make(http: httpx.Client, path: str, body: Any = None) -> dict[str, Any]:
    answer = http.post(path, json=body or {})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def make_user(strict: M3ter, http: httpx.Client, email: str) -> str:
    invitation = strict.users.invitations.create(email=email, first_name="A", last_name="Person")
    return str(make(http, f"/invitations/{invitation.id}/accept")["id"])


def test_policies_are_made_changed_and_deleted(strict: M3ter) -> None:
    policy = strict.permission_policies.create(name="Planners", permission_policy=[READ_PLANS])
    assert policy.permission_policy is not None
    assert policy.permission_policy[0].resource == ["config:plan/*"]
    assert policy.managed_policy is False
    assert strict.permission_policies.retrieve(policy.id) == policy
    changed = strict.permission_policies.update(
        policy.id, name="Readers", permission_policy=[READ_PLANS, {**READ_PLANS, "effect": "DENY"}], version=1
    )
    assert (changed.name, changed.version) == ("Readers", 2)
    listed = list(strict.permission_policies.list())
    assert listed[0] == changed
    managed = {one.name: one for one in listed if one.managed_policy}
    assert managed.keys() == {"Administrator", "ReadOnly"}
    with pytest.raises(m3ter.BadRequestError, match="managed"):
        strict.permission_policies.delete(managed["Administrator"].id)
    with pytest.raises(m3ter.BadRequestError, match="action"):
        strict.permission_policies.create(name="x", permission_policy=[{**READ_PLANS, "action": ["FLY"]}])
    assert strict.permission_policies.delete(policy.id) == changed


def test_policies_are_attached_and_detached(strict: M3ter, http: httpx.Client, client: M3ter) -> None:
    policies = strict.permission_policies
    policy = policies.create(name="Attached", permission_policy=[READ_PLANS])
    user = make_user(strict, http, "attached@example.com")
    group = strict.resource_groups.create("user", name="Staff")
    service = make(http, "/serviceusers", {"name": "Program"})["id"]
    for add, remove, principal, kind in (
        (policies.add_to_user, policies.remove_from_user, user, "USER"),
        (policies.add_to_user_group, policies.remove_from_user_group, group.id, "USERGROUP"),
        (policies.add_to_service_user, policies.remove_from_service_user, service, "SERVICEUSER"),
    ):
        attached: Any = add(policy.id, principal_id=principal)
        assert (attached.principal_id, attached.principal_type) == (principal, kind)
        assert remove(policy.id, principal_id=principal).id == attached.id
        with pytest.raises(m3ter.NotFoundError):
            remove(policy.id, principal_id=principal)
        add(policy.id, principal_id=principal)
    assert policies.add_to_support_user(policy.id).principal_type == "SUPPORTUSERS"
    assert policies.remove_from_support_user(policy.id).permission_policy_id == policy.id
    assert [one.id for one in strict.resource_groups.list_permissions(group.id, type="user")] == [policy.id]
    # the SDK types this list as one policy (platform.md 3.3)
    shown: Any = client.users.get_permissions(user).model_extra
    assert [one["id"] for one in shown["data"]] == [policy.id]
    policies.delete(policy.id)
    assert not list(strict.resource_groups.list_permissions(group.id, type="user"))


def test_groups_hold_entities_and_groups(strict: M3ter) -> None:
    groups = strict.resource_groups
    outer, inner = (groups.create("meter", name=name) for name in ("Outer", "Inner"))
    meter = strict.meters.create(
        name="M",
        code="grouped",
        data_fields=[{"category": "MEASURE", "code": "n", "name": "N", "unit": "n"}],
        derived_fields=[],
    )
    assert groups.retrieve(outer.id, type="meter") == outer
    assert groups.update(outer.id, type="meter", name="Renamed", version=1).version == 2
    assert [one.id for one in groups.list("meter")] == [inner.id, outer.id]
    groups.add_resource(inner.id, type="meter", target_id=meter.id, target_type="ITEM")
    held = groups.add_resource(outer.id, type="meter", target_id=inner.id, target_type="GROUP")
    assert held.id == outer.id
    with pytest.raises(m3ter.BadRequestError, match="inside itself"):
        groups.add_resource(inner.id, type="meter", target_id=outer.id, target_type="GROUP")
    assert [(one.target_id, one.target_type) for one in groups.list_contents(outer.id, type="meter")] == [
        (inner.id, "GROUP")
    ]
    groups.remove_resource(outer.id, type="meter", target_id=inner.id, target_type="GROUP")
    assert not list(groups.list_contents(outer.id, type="meter"))
    assert groups.delete(inner.id, type="meter").id == inner.id
    with pytest.raises(m3ter.NotFoundError):
        groups.retrieve(inner.id, type="meter")


def test_users_come_by_invitation(strict: M3ter, http: httpx.Client, client: M3ter) -> None:
    invitation = strict.users.invitations.create(
        email="Invited@example.com", first_name="In", last_name="Vited", dt_end_access=datetime(2099, 1, 1, tzinfo=UTC)
    )
    assert invitation.accepted is False
    assert strict.users.invitations.retrieve(invitation.id) == invitation
    assert invitation.id in [one.id for one in strict.users.invitations.list()]
    id_ = make(http, f"/invitations/{invitation.id}/accept")["id"]
    assert strict.users.invitations.retrieve(invitation.id).accepted is True
    user = strict.users.retrieve(id_)
    assert (user.email, user.first_name, user.organizations) == ("invited@example.com", "In", [strict.org_id])
    changed = strict.users.update(id_, permission_policy=[READ_PLANS], version=1)
    assert changed.permission_policy is not None
    assert changed.permission_policy[0].effect == "ALLOW"
    assert changed.email == user.email
    assert changed.dt_end_access is None
    assert [one.id for one in strict.users.list(ids=[id_])] == [id_]
    group = strict.resource_groups.create("user", name="Everybody")
    strict.resource_groups.add_resource(group.id, type="user", target_id=id_, target_type="ITEM")
    groups: Any = client.users.get_user_groups(id_).model_extra
    assert [one["id"] for one in groups["data"]] == [group.id]


def test_a_caller_asks_who_it_is(strict: M3ter) -> None:
    me = strict.users.me()
    assert me.user is None
    assert me.service_user is not None
    assert me.organization is not None
    assert me.organization.org_id == strict.org_id
    assert strict.products.create(name="Mine", code="mine").created_by == f"SERVICE_USER_{me.service_user.id}"


def test_a_service_user_may_do_what_its_policies_say(strict: M3ter, http: httpx.Client) -> None:
    service = make(http, "/serviceusers", {"name": "Planner"})["id"]
    kept, hidden = (
        strict.products.create(name="P", code=code).id for code in ("for-the-planner", "hidden-from-the-planner")
    )
    group = strict.resource_groups.create("product", name="Secret")
    strict.resource_groups.add_resource(group.id, type="product", target_id=hidden, target_type="ITEM")
    policy = strict.permission_policies.create(
        name="Products",
        permission_policy=[
            {"effect": "ALLOW", "action": ["CONFIG_RETRIEVE"], "resource": ["config:product/*"]},
            {"effect": "DENY", "action": ["ALL"], "resource": [f"config:product/group/{group.id}"]},
        ],
    )
    strict.permission_policies.add_to_service_user(policy.id, principal_id=service)
    key = make(http, f"/serviceusers/{service}/accesskeys")
    with connected(strict, key["apiKey"], key["apiSecret"]) as planner:
        listed = [one.id for one in planner.products.list()]
        assert kept in listed
        assert hidden not in listed
        assert planner.products.retrieve(kept).id == kept
        for refused in (
            lambda: planner.products.retrieve(hidden),
            lambda: planner.products.create(name="x", code="x"),
            planner.meters.list,
            lambda: planner.permission_policies.add_to_service_user(policy.id, principal_id=service),
        ):
            with pytest.raises(m3ter.PermissionDeniedError):
                refused()


def test_a_key_that_is_switched_off_ends_its_tokens(stack: RunningStack, strict: M3ter, http: httpx.Client) -> None:
    service = make(http, "/serviceusers", {"name": "Rotating"})["id"]
    administrator = next(
        policy["id"] for policy in http.get("/permissionpolicies").json()["data"] if policy["name"] == "Administrator"
    )
    make(http, f"/permissionpolicies/{administrator}/addtoserviceuser", {"principalId": service})
    key = make(http, f"/serviceusers/{service}/accesskeys")
    unused = bearer(stack, key["apiKey"], key["apiSecret"])
    with connected(strict, key["apiKey"], key["apiSecret"]) as program:
        switched = http.put(f"/serviceusers/{service}/accesskeys/{key['id']}", json={"status": "INACTIVE"})
        assert switched.json()["status"] == "INACTIVE"
        with pytest.raises(m3ter.AuthenticationError):
            program.users.me()
    # nobody has used the key before, so that nothing remembers it
    assert http.get("/users/me", headers={"Authorization": f"Bearer {unused}"}).status_code == 403


def test_a_user_is_told_how_to_sign_in(client: M3ter, stack: RunningStack) -> None:
    mail = boto3.client("sesv2", endpoint_url=stack.store_endpoint, region_name="us-east-1", **KEYS_OF_STORE)
    mail.create_email_identity(EmailIdentity="billing@example.com")
    with pytest.raises(m3ter.NotFoundError):
        client.users.resend_password("x" * 36)
    invitation = client.users.invitations.create(email="resent@example.com", first_name="Re", last_name="Sent")
    user = client.post(f"/organizations/{client.org_id}/invitations/{invitation.id}/accept", cast_to=dict[str, Any])
    assert client.users.resend_password(user["id"]) is None

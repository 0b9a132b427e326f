"""Permission policies: what may be written in them, and what they are attached to."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.fakes.organization import Organization
from usance.application.ports.entities import Delete, Put
from usance.application.principals import attach_policy

NOUNS = {"user": "user", "usergroup": "resource group of type user", "serviceuser": "serviceUser"}
UNKNOWN = "00000000-0000-7000-8000-ffffffffffff"


@pytest.fixture
def org() -> Organization:
    return Organization()


def statement(**changes: Any) -> dict[str, Any]:
    return {"effect": "ALLOW", "action": ["ALL"], "resource": ["*"], **changes}


def managed(org: Organization, name: str = "Administrator") -> dict[str, Any]:
    found = org.client.get("/permissionpolicies").json["data"]
    return next(policy for policy in found if policy["name"] == name)


@pytest.mark.parametrize(
    "written",
    [
        statement(effect="allow", action=["config:create", "CONFIG_RETRIEVE"]),
        statement(effect="Deny", action=["measurements:fileUpload", "MEASUREMENTS_FILEUPLOAD"]),
        statement(action=["config:*", "*:retrieve", "*"], resource=["config:*", "*:meter/*", "billing:bill"]),
        statement(action=["MARKETPLACE_USAGE_CREATE"], resource=["config:plan/item/12345", "config:plan/group/987"]),
        statement(resource=["config:orgUserInvitation/*", "config:somethingNew/item/*"]),
    ],
)
def test_statements_are_kept_as_they_were_written(org: Organization, written: dict[str, Any]) -> None:
    policy = org.make("permissionPolicy", permissionPolicy=[written])
    assert policy["permissionPolicy"] == [written]
    assert org.client.get(f"/permissionpolicies/{policy['id']}").json["permissionPolicy"] == [written]


@pytest.mark.parametrize(
    ("written", "field"),
    [
        (statement(effect="permit"), "effect"),
        (statement(effect=None), "effect"),
        (statement(action=["config:fly"]), "action[0]"),
        (statement(action=["ALL", "nothing"]), "action[1]"),
        (statement(action="ALL"), "action"),
        (statement(resource=[]), "resource"),
        (statement(resource=["plan"]), "resource[0]"),
        (statement(resource=["config:plan/12345"]), "resource[0]"),
        (statement(resource=["config:plan/item"]), "resource[0]"),
        (statement(resource=["config:plan/item/1/2"]), "resource[0]"),
        (statement(resource=[""]), "resource[0]"),
    ],
)
def test_a_statement_that_could_never_match_is_refused(org: Organization, written: Any, field: str) -> None:
    answer = org.create("permissionPolicy", permissionPolicy=[written])
    assert answer.status == 400
    assert f"permissionPolicy[0].{field}" in answer.message


def test_a_policy_has_a_short_name_and_a_statement(org: Organization) -> None:
    assert org.create("permissionPolicy", name="x" * 101).status == 400
    assert org.create("permissionPolicy", permissionPolicy=[]).status == 400
    assert org.create("permissionPolicy", permissionPolicy=[statement()] * 51).status == 400


def test_managed_policies_cannot_be_changed_or_deleted(org: Organization) -> None:
    for name in ("Administrator", "ReadOnly"):
        policy = managed(org, name)
        assert policy["managedPolicy"] is True
        path = f"/permissionpolicies/{policy['id']}"
        for answer in (org.client.put(path, policy), org.client.delete(path)):
            assert answer.status == 400
            assert "managed" in answer.message
        assert org.client.get(path).json == policy


def test_what_a_client_makes_is_not_managed(org: Organization) -> None:
    policy = org.make("permissionPolicy", managedPolicy=True)
    assert policy["managedPolicy"] is False
    changed = org.client.put(f"/permissionpolicies/{policy['id']}", {**policy, "managedPolicy": True, "name": "Other"})
    assert changed.json["managedPolicy"] is False
    assert changed.json["name"] == "Other"


def principals(org: Organization) -> dict[str, dict[str, Any]]:
    user = org.make_user()
    group = org.client.post("/resourcegroups/user", {"name": "Staff"}).json
    service = org.make("serviceUser")
    return {
        "user": {"principalId": user["id"]},
        "usergroup": {"principalId": group["id"]},
        "serviceuser": {"principalId": service["id"]},
        "supportusers": {},
    }


def test_what_a_policy_is_attached_to_is_a_principal_of_its_own_kind_alone(org: Organization) -> None:
    path = f"/permissionpolicies/{org.make('permissionPolicy')['id']}"
    of_kind = {kind: body for kind, body in principals(org).items() if body}
    for kind, body in of_kind.items():
        assert org.client.post(f"{path}/addto{kind}", body).status == 200
        for other in of_kind.keys() - {kind}:
            answer = org.client.post(f"{path}/addto{other}", body)
            assert answer.status == 400, answer.text
            assert f"principalId: there is no {NOUNS[other]} {body['principalId']}" in answer.message


@pytest.mark.parametrize("kind", ["user", "usergroup", "serviceuser", "supportusers"])
def test_a_policy_is_attached_once_and_detached(org: Organization, kind: str) -> None:
    body = principals(org)[kind]
    policy = org.make("permissionPolicy")
    path = f"/permissionpolicies/{policy['id']}"
    attached = org.client.post(f"{path}/addto{kind}", body)
    assert attached.status == 200
    assert attached.json["permissionPolicyId"] == policy["id"]
    assert attached.json["principalType"] == kind.upper()
    assert attached.json["principalId"] == body.get("principalId", "SUPPORTUSERS")
    assert attached.json["version"] == 1
    again = org.client.post(f"{path}/addto{kind}", {**body, "version": 1})
    assert again.json == attached.json
    removed = org.client.post(f"{path}/removefrom{kind}", body or None)
    assert removed.json == attached.json
    assert org.client.post(f"{path}/removefrom{kind}", body or None).status == 404


def test_attaching_names_what_is_not_there(org: Organization) -> None:
    policy = org.make("permissionPolicy")
    plans = org.client.post("/resourcegroups/plan", {"name": "Plans"}).json
    path = f"/permissionpolicies/{policy['id']}"
    for kind, principal in (
        ("user", UNKNOWN),
        ("serviceuser", UNKNOWN),
        ("usergroup", UNKNOWN),
        ("usergroup", plans["id"]),
        ("user", org.make("serviceUser")["id"]),
        ("user", "short"),
    ):
        answer = org.client.post(f"{path}/addto{kind}", {"principalId": principal})
        assert answer.status == 400
        assert "principalId" in answer.message
    assert org.client.post(f"{path}/addtouser").status == 400
    body = principals(org)["user"]
    assert org.client.post(f"/permissionpolicies/{UNKNOWN}/addtouser", body).status == 404
    assert org.client.post(f"/permissionpolicies/{UNKNOWN}/removefromuser", body).status == 404


def test_a_principal_has_so_many_policies_at_most(org: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attach_policy, "ATTACHED_MAX", 2)
    body = principals(org)["serviceuser"]
    answers = [
        org.client.post(f"/permissionpolicies/{org.make('permissionPolicy')['id']}/addtoserviceuser", body).status
        for _ in range(3)
    ]
    assert answers == [200, 200, 400]


def test_two_that_attach_at_once_do_not_fill_the_same_room(org: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attach_policy, "ATTACHED_MAX", 1)
    body = principals(org)["serviceuser"]
    first, second = (f"/permissionpolicies/{org.make('permissionPolicy')['id']}/addtoserviceuser" for _ in range(2))
    commit, rivals = org.store.commit, [second]

    def after_a_rival(org_id: str, changes: Sequence[Put | Delete]) -> None:
        if rivals:
            assert org.client.post(rivals.pop(), body).status == 200
        commit(org_id, changes)

    monkeypatch.setattr(org.store, "commit", after_a_rival)
    refused = org.client.post(first, body)
    assert (refused.status, "detach some first" in refused.message) == (400, True)


def test_deleting_a_policy_detaches_it_everywhere(org: Organization) -> None:
    policy, kept = org.make("permissionPolicy"), org.make("permissionPolicy")
    services = [org.make("serviceUser")["id"] for _ in range(23)]
    for id_ in services:
        for one in (policy, kept):
            org.client.post(f"/permissionpolicies/{one['id']}/addtoserviceuser", {"principalId": id_})
    assert org.client.delete(f"/permissionpolicies/{policy['id']}").json == policy
    left = org.store.list_all(org.id, "principalPermission", filters={})
    assert {item["permissionPolicyId"] for item in left} == {kept["id"]}
    assert len(left) == len(services)
    listed = org.client.get(f"/serviceusers/{services[0]}/permissions").json
    assert listed == {"data": [kept], "nextToken": None}


def test_the_policies_of_a_principal_are_paged_newest_first(org: Organization) -> None:
    bodies = principals(org)
    policies = [org.make("permissionPolicy") for _ in range(3)]
    for kind in ("user", "usergroup"):
        for policy in policies:
            org.client.post(f"/permissionpolicies/{policy['id']}/addto{kind}", bodies[kind])
    user, group = bodies["user"]["principalId"], bodies["usergroup"]["principalId"]
    for path in (f"/users/{user}/permissions", f"/resourcegroups/user/{group}/permissions"):
        first = org.client.get(path, pageSize=2).json
        second = org.client.get(path, pageSize=2, nextToken=first["nextToken"]).json
        assert [*first["data"], *second["data"]] == policies[::-1]
        assert second["nextToken"] is None
    assert org.client.get(f"/users/{UNKNOWN}/permissions").status == 404
    assert org.client.get(f"/resourcegroups/plan/{group}/permissions").status == 404


def test_a_policy_under_a_deny_is_left_out(org: Organization) -> None:
    body = principals(org)["serviceuser"]
    policies = [org.make("permissionPolicy") for _ in range(2)]
    for policy in policies:
        org.client.post(f"/permissionpolicies/{policy['id']}/addtoserviceuser", body)
    caller = org.as_caller(
        statement(),
        statement(effect="DENY", resource=[f"config:permissionPolicy/item/{policies[1]['id']}"]),
    )
    path = f"/serviceusers/{body['principalId']}/permissions"
    assert caller.get(path).json == {"data": policies[:1], "nextToken": None}
    assert caller.post(f"/permissionpolicies/{policies[1]['id']}/addtoserviceuser", body).status == 403

"""Users come by invitation; of theirs, only the statements and the end of access can be changed."""

from typing import Any

import pytest

from tests.fakes.http import USER_ID, Answer, Client
from tests.fakes.organization import Organization
from usance.application.access.create_service_user import create_service_user
from usance.application.principals import attach_policy
from usance.application.principals.withdrawals import WITHDRAWAL

STATEMENT = {"effect": "allow", "action": ["config:retrieve"], "resource": ["config:plan/*"]}


@pytest.fixture
def org() -> Organization:
    return Organization()


def test_an_invitation_says_who_invites_and_until_when(org: Organization) -> None:
    invitation = org.make("orgUserInvitation", contactNumber="1", m3terUser=False)
    assert invitation["accepted"] is False
    assert invitation["invitingPrincipalId"] == USER_ID
    assert invitation["dtExpiry"] == "2026-02-14T12:00:00.000000Z"
    dated = org.make("orgUserInvitation", dtExpiry="2026-03-01T00:00:00Z", dtEndAccess="2027-01-01T00:00:00Z")
    assert dated["dtExpiry"] == "2026-03-01T00:00:00Z"
    assert dated["dtEndAccess"] == "2027-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "nobody"),
        ("firstName", "x" * 101),
        ("lastName", ""),
        ("contactNumber", "1" * 51),
        ("dtExpiry", "2026-01-15T12:00:00Z"),
        ("dtEndAccess", "2025-01-01T00:00:00Z"),
        ("permissionPolicyIds", ["00000000-0000-7000-8000-ffffffffffff"]),
        ("m3terUser", "yes"),
    ],
)
def test_an_invitation_that_could_not_be_accepted_is_refused(org: Organization, field: str, value: object) -> None:
    answer = org.create("orgUserInvitation", **{field: value})
    assert answer.status == 400
    assert field in answer.message


def test_accepting_makes_a_user_with_the_policies(org: Organization) -> None:
    kept, gone = org.make("permissionPolicy"), org.make("permissionPolicy")
    invitation = org.make("orgUserInvitation", email="A@Example.com", permissionPolicyIds=[kept["id"], gone["id"]])
    org.client.delete(f"/permissionpolicies/{gone['id']}")
    user = org.client.post(f"/invitations/{invitation['id']}/accept").json
    assert user["email"] == "a@example.com"
    assert user["organizations"] == [org.id]
    assert org.client.get(f"/users/{user['id']}").json == user
    assert org.client.get(f"/users/{user['id']}/permissions").json["data"] == [kept]
    accepted = org.client.get(f"/invitations/{invitation['id']}").json
    assert accepted["accepted"] is True
    assert accepted["version"] == 2


def test_an_invitation_is_accepted_once_and_in_time(org: Organization) -> None:
    invitation = org.make("orgUserInvitation")
    late = org.make("orgUserInvitation")
    assert org.client.post(f"/invitations/{invitation['id']}/accept").status == 200
    assert "already" in org.client.post(f"/invitations/{invitation['id']}/accept").message
    org.clock.advance(days=31)
    assert "expired" in org.client.post(f"/invitations/{late['id']}/accept").message


def test_who_is_a_user_already_accepts_for_policies_and_access(org: Organization) -> None:
    both, new = org.make("permissionPolicy"), org.make("permissionPolicy")
    user = org.make_user(email="a@example.com", permissionPolicyIds=[both["id"]])
    ended = org.client.put(f"/users/{user['id']}", {**user, "dtEndAccess": "2026-01-01T00:00:00Z"}).json
    again = org.make_user(email="A@example.com", firstName="Other", permissionPolicyIds=[both["id"], new["id"]])
    assert (again["id"], again["version"], again["firstName"]) == (user["id"], ended["version"] + 1, user["firstName"])
    assert "dtEndAccess" not in again
    attached = org.client.get(f"/users/{user['id']}/permissions").json["data"]
    assert [policy["id"] for policy in attached] == [new["id"], both["id"]]
    pending = org.make("orgUserInvitation", email="a@example.com")
    org.clock.advance(minutes=1)
    ended = org.client.put(f"/users/{user['id']}", {**again, "dtEndAccess": "2026-01-01T00:00:00Z"}).json
    assert "invite again" in org.client.post(f"/invitations/{pending['id']}/accept").message
    assert org.client.get(f"/users/{user['id']}").json == ended
    until = org.make_user(email="a@example.com", dtEndAccess="2027-01-01T00:00:00Z")
    assert until["dtEndAccess"] == "2027-01-01T00:00:00Z"
    assert len(org.client.get("/users").json["data"]) == 1


def test_who_was_invited_twice_accepts_both_one_after_the_other(org: Organization) -> None:
    policies = [org.make("permissionPolicy")["id"] for _ in range(2)]
    invitations = [org.make("orgUserInvitation", email="a@example.com", permissionPolicyIds=[id_]) for id_ in policies]
    for invitation in invitations:
        org.clock.advance(minutes=1)
        answer = org.client.post(f"/invitations/{invitation['id']}/accept")
        assert answer.status == 200, answer.text
    [user] = org.client.get("/users").json["data"]
    attached = org.client.get(f"/users/{user['id']}/permissions").json["data"]
    assert sorted(policy["id"] for policy in attached) == policies


def accept(org: Organization, invitation: dict[str, Any]) -> Answer:
    return org.client.post(f"/invitations/{invitation['id']}/accept")


def policies_of(org: Organization, user: dict[str, Any]) -> list[str]:
    return [policy["id"] for policy in org.client.get(f"/users/{user['id']}/permissions").json["data"]]


def test_a_policy_that_was_taken_away_does_not_come_back_by_an_invitation_from_before(org: Organization) -> None:
    taken, other = org.make("permissionPolicy")["id"], org.make("permissionPolicy")["id"]
    user = org.make_user(email="a@example.com", permissionPolicyIds=[taken])
    before = org.make("orgUserInvitation", email="a@example.com", permissionPolicyIds=[taken, other])
    org.clock.advance(minutes=1)
    body = {"principalId": user["id"]}
    for path in ("removefromuser", "addtouser", "removefromuser"):
        assert org.client.post(f"/permissionpolicies/{taken}/{path}", body).status == 200
    assert accept(org, before).status == 200
    assert policies_of(org, user) == [other]
    org.clock.advance(minutes=1)
    assert accept(org, org.make("orgUserInvitation", email="a@example.com", permissionPolicyIds=[taken])).status == 200
    assert policies_of(org, user) == [other, taken]


def test_what_was_taken_from_one_is_still_given_to_another(org: Organization) -> None:
    policy = org.make("permissionPolicy")["id"]
    ann = org.make_user(email="a@example.com", permissionPolicyIds=[policy])
    pending = org.make("orgUserInvitation", email="b@example.com", permissionPolicyIds=[policy])
    org.clock.advance(minutes=1)
    org.client.post(f"/permissionpolicies/{policy}/removefromuser", {"principalId": ann["id"]})
    bob = accept(org, pending).json
    assert (policies_of(org, ann), policies_of(org, bob)) == ([], [policy])


def test_what_is_known_of_a_policy_taken_away_goes_with_the_policy(org: Organization) -> None:
    policy = org.make("permissionPolicy")["id"]
    user = org.make_user(permissionPolicyIds=[policy])
    org.client.post(f"/permissionpolicies/{policy}/removefromuser", {"principalId": user["id"]})
    assert len(org.store.list_all(org.id, WITHDRAWAL, filters={})) == 1
    assert org.client.delete(f"/permissionpolicies/{policy}").status == 200
    assert not org.store.list_all(org.id, WITHDRAWAL, filters={})


def test_an_invitation_never_gives_more_policies_than_a_principal_can_have(
    org: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attach_policy, "ATTACHED_MAX", 3)
    first, second, third, fourth = (org.make("permissionPolicy")["id"] for _ in range(4))
    user = org.make_user(email="a@example.com", permissionPolicyIds=[first, second])
    pending = org.make("orgUserInvitation", email="a@example.com", permissionPolicyIds=[second, third, fourth])
    refused = accept(org, pending)
    assert (refused.status, "detach some first" in refused.message) == (400, True)
    assert sorted(policies_of(org, user)) == [first, second]
    assert org.client.get(f"/invitations/{pending['id']}").json == pending
    org.clock.advance(minutes=1)
    org.client.post(f"/permissionpolicies/{first}/removefromuser", {"principalId": user["id"]})
    assert accept(org, pending).status == 200
    assert sorted(policies_of(org, user)) == [second, third, fourth]


def test_an_invitation_to_access_that_is_over_changes_nothing(org: Organization) -> None:
    user = org.make_user(email="a@example.com")
    until = {"dtExpiry": "2026-02-01T00:00:00Z", "dtEndAccess": "2026-01-20T00:00:00Z"}
    pending = [org.make("orgUserInvitation", email=email, **until) for email in ("a@example.com", "b@example.com")]
    org.clock.advance(days=10)
    for invitation in pending:
        refused = accept(org, invitation)
        assert (refused.status, "2026-01-20" in refused.message, "invite again" in refused.message) == (400, True, True)
    assert org.client.get("/users").json["data"] == [user]


def test_an_invitation_from_before_does_not_shorten_access_that_was_set_after_it(org: Organization) -> None:
    user = org.make_user(email="a@example.com")
    before = org.make("orgUserInvitation", email="a@example.com", dtEndAccess="2026-03-01T00:00:00Z")
    org.clock.advance(minutes=1)
    assert org.client.put(f"/users/{user['id']}", {"version": user["version"]}).status == 200
    accepted = accept(org, before)
    assert (accepted.status, "dtEndAccess" in accepted.json) == (200, False)


def test_an_update_touches_statements_and_end_of_access_alone(org: Organization) -> None:
    user = org.make_user()
    path = f"/users/{user['id']}"
    body = {**user, "email": "x@example.com", "firstName": "Other", "permissionPolicy": [STATEMENT]}
    changed = org.client.put(path, {**body, "dtEndAccess": "2027-01-01T00:00:00Z"}).json
    assert changed["version"] == 2
    assert (changed["email"], changed["firstName"]) == (user["email"], user["firstName"])
    assert changed["permissionPolicy"] == [STATEMENT]
    assert changed["dtEndAccess"] == "2027-01-01T00:00:00Z"
    cleared = org.client.put(path, {"version": 2}).json
    assert "dtEndAccess" not in cleared
    assert "permissionPolicy" not in cleared
    assert cleared["email"] == user["email"]
    assert org.client.put(path, {"permissionPolicy": []}).status == 400
    assert org.client.put(path, {"version": 2}).status == 409
    refused = org.client.put(path, {"version": 3, "permissionPolicy": [{**STATEMENT, "action": ["fly"]}]})
    assert "permissionPolicy[0].action[0]" in refused.message


def test_users_are_listed_and_found_by_id(org: Organization) -> None:
    users = [org.make_user() for _ in range(3)]
    assert org.client.get("/users").json["data"] == users[::-1]
    two = org.client.get("/users", ids=f"{users[0]['id']},{users[2]['id']}").json["data"]
    assert two == [users[2], users[0]]
    assert org.client.get("/users/unknown").status == 404


def test_groups_of_a_user_are_direct_or_inherited(org: Organization) -> None:
    user = org.make_user()
    inner, outer, far = (org.client.post("/resourcegroups/user", {"name": name}).json for name in "abc")
    for group, target, kind in ((inner, user, "ITEM"), (outer, inner, "GROUP"), (far, outer, "GROUP")):
        body = {"targetId": target["id"], "targetType": kind}
        assert org.client.post(f"/resourcegroups/user/{group['id']}/addresource", body).status == 200
    path = f"/users/{user['id']}/usergroups"
    assert org.client.get(path).json == {"data": [inner], "nextToken": None}
    assert org.client.get(path, inherited="false").json["data"] == [inner]
    assert org.client.get(path, inherited="true").json["data"] == [far, outer, inner]
    first = org.client.get(path, inherited="true", pageSize=2).json
    assert org.client.get(path, inherited="true", nextToken=first["nextToken"]).json["data"] == [inner]


def test_a_caller_asks_who_it_is(org: Organization) -> None:
    assert org.client.get("/users/me").status == 404
    id_ = create_service_user(org.store, org.clock, org.ids, org_id=org.id, name="CI", policies=[])
    me = org.as_principal(id_).get("/users/me").json
    assert me["serviceUser"]["name"] == "CI"
    assert me["organization"]["organizationName"] == "Example"
    assert me["organization"]["orgId"] == org.id
    user = org.make_user()
    person = org.as_principal(user["id"], "USER").get("/users/me").json
    assert person["user"]["email"] == user["email"]
    assert "serviceUser" not in person
    support = org.as_principal("helper", "SUPPORT_USER").get("/users/me").json
    assert support["user"] == {"id": "helper", "supportUser": True, "organizations": [org.id]}
    uploads = {"effect": "allow", "action": ["measurements:upload"], "resource": ["*"]}
    program = Client(org.handler, org.id, [uploads], principal_id=id_)
    assert program.get("/users/me").json["serviceUser"]["name"] == "CI"

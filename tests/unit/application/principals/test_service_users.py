"""Service users and their access keys, through the API."""

from collections.abc import Callable, Sequence

import pytest

from tests.fakes.http import Answer
from tests.fakes.organization import Organization
from usance.application.access.credentials import ROOT
from usance.application.ports.entities import Delete, Put
from usance.application.principals import access_keys


@pytest.fixture
def org() -> Organization:
    return Organization()


def test_the_secret_of_a_key_is_shown_once(org: Organization) -> None:
    user = org.make("serviceUser")["id"]
    key = org.client.post(f"/serviceusers/{user}/accesskeys").json
    assert key["apiKey"] == key["id"]
    assert key["status"] == "ACTIVE"
    assert key["serviceUserId"] == user
    assert key["createdBy"].startswith("SERVICE_USER_")
    shown = {name: value for name, value in key.items() if name != "apiSecret"}
    assert key["apiSecret"]
    assert org.client.get(f"/serviceusers/{user}/accesskeys").json == {"data": [shown], "nextToken": None}
    assert org.client.get(f"/serviceusers/{user}/accesskeys/{key['id']}").json == shown
    assert key["apiSecret"] not in repr(org.store.rows)


def test_keys_are_listed_newest_first(org: Organization) -> None:
    user, other = org.make("serviceUser")["id"], org.make("serviceUser")["id"]
    keys = [org.client.post(f"/serviceusers/{user}/accesskeys").json["id"] for _ in range(3)]
    org.client.post(f"/serviceusers/{other}/accesskeys")
    first = org.client.get(f"/serviceusers/{user}/accesskeys", pageSize=2).json
    second = org.client.get(f"/serviceusers/{user}/accesskeys", nextToken=first["nextToken"]).json
    assert [key["id"] for key in [*first["data"], *second["data"]]] == keys[::-1]


def test_a_key_is_switched_off_and_on(org: Organization) -> None:
    user = org.make("serviceUser")["id"]
    key = org.client.post(f"/serviceusers/{user}/accesskeys").json["id"]
    path = f"/serviceusers/{user}/accesskeys/{key}"
    off = org.client.put(path, {"status": "INACTIVE"})
    assert (off.json["status"], off.json["version"]) == ("INACTIVE", 2)
    assert "apiSecret" not in off.json
    assert org.client.put(path, {"status": "ACTIVE", "version": 1}).status == 409
    assert org.client.put(path, {"status": "ACTIVE", "version": 2}).json["version"] == 3
    assert org.store.get_private(ROOT, "accessKey", [key])[key]["secretHash"]
    for wrong in ({}, {"status": "OFF"}, {"status": None}):
        refused = org.client.put(path, wrong)
        assert refused.status == 400
        assert "status" in refused.message


def test_a_key_belongs_to_one_user_of_one_organization(org: Organization) -> None:
    user, other = org.make("serviceUser")["id"], org.make("serviceUser")["id"]
    key = org.client.post(f"/serviceusers/{user}/accesskeys").json["id"]
    stranger = org.as_caller(org_id=org.other_id)
    for caller, owner in ((org.client, other), (stranger, user)):
        path = f"/serviceusers/{owner}/accesskeys/{key}"
        assert caller.get(path).status == 404
        assert caller.put(path, {"status": "INACTIVE"}).status == 404
        assert caller.delete(path).status == 404
    assert stranger.get(f"/serviceusers/{user}/accesskeys").status == 404
    assert stranger.post(f"/serviceusers/{user}/accesskeys").status == 404
    assert org.client.get(f"/serviceusers/{user}/accesskeys/{key}").json["version"] == 1


def test_a_user_has_so_many_keys_at_most(org: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_keys, "KEYS_MAX", 2)
    user = org.make("serviceUser")["id"]
    keys = [org.client.post(f"/serviceusers/{user}/accesskeys") for _ in range(3)]
    assert [key.status for key in keys] == [200, 200, 400]
    deleted = org.client.delete(f"/serviceusers/{user}/accesskeys/{keys[0].json['id']}")
    assert deleted.json["id"] == keys[0].json["id"]
    assert org.client.post(f"/serviceusers/{user}/accesskeys").status == 200


def test_two_keys_made_at_one_moment_do_not_fill_one_place(org: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_keys, "KEYS_MAX", 1)
    user = org.make("serviceUser")["id"]
    rival = meanwhile(org, monkeypatch, lambda: org.client.post(f"/serviceusers/{user}/accesskeys"))
    assert org.client.post(f"/serviceusers/{user}/accesskeys").status == 400
    assert [answer.status for answer in rival] == [200]


def test_no_key_outlives_its_user(org: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    user = org.make("serviceUser")["id"]
    meanwhile(org, monkeypatch, lambda: org.client.delete(f"/serviceusers/{user}"))
    assert org.client.post(f"/serviceusers/{user}/accesskeys").status == 404
    assert not org.store.list_all(ROOT, "accessKey", filters={})


def test_a_key_that_is_made_while_its_user_is_deleted_goes_too(
    org: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = org.make("serviceUser")["id"]
    made = meanwhile(org, monkeypatch, lambda: org.client.post(f"/serviceusers/{user}/accesskeys"))
    assert org.client.delete(f"/serviceusers/{user}").status == 200
    assert [answer.status for answer in made] == [200]
    assert not org.store.list_all(ROOT, "accessKey", filters={})


def test_a_user_goes_also_where_somebody_deletes_a_key_of_it_right_now(
    org: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = org.make("serviceUser")["id"]
    key = org.client.post(f"/serviceusers/{user}/accesskeys").json["id"]
    rival = meanwhile(org, monkeypatch, lambda: org.client.delete(f"/serviceusers/{user}/accesskeys/{key}"))
    assert org.client.delete(f"/serviceusers/{user}").status == 200
    assert [answer.status for answer in rival] == [200]
    assert org.client.get(f"/serviceusers/{user}").status == 404


def meanwhile(org: Organization, monkeypatch: pytest.MonkeyPatch, rival: Callable[[], Answer]) -> list[Answer]:
    """What `rival` was answered, which goes between the decision of the next request and what it writes."""
    answers: list[Answer] = []
    commit = org.store.commit

    def late(org_id: str, changes: Sequence[Put | Delete]) -> None:
        monkeypatch.setattr(org.store, "commit", commit)
        answers.append(rival())
        commit(org_id, changes)

    monkeypatch.setattr(org.store, "commit", late)
    return answers


def test_a_key_needs_permission_on_its_user_too(org: Organization) -> None:
    """Whoever may make keys could otherwise take on the permissions of any service user."""
    user, other = org.make("serviceUser")["id"], org.make("serviceUser")["id"]
    caller = org.as_caller(
        {"effect": "allow", "action": ["all"], "resource": ["config:accessKey/*", f"config:serviceUser/item/{user}"]}
    )
    assert caller.post(f"/serviceusers/{user}/accesskeys").status == 200
    assert caller.post(f"/serviceusers/{other}/accesskeys").status == 403
    assert caller.get(f"/serviceusers/{other}/accesskeys").status == 403


def test_keys_under_a_deny_are_left_out_of_the_list(org: Organization) -> None:
    user = org.make("serviceUser")["id"]
    first, second = (org.client.post(f"/serviceusers/{user}/accesskeys").json["id"] for _ in range(2))
    everything = {"effect": "allow", "action": ["all"], "resource": ["*"]}
    on_first = {"action": ["all"], "resource": [f"config:accessKey/item/{first}", f"config:serviceUser/item/{user}"]}
    denied = {**everything, "effect": "deny", "resource": [f"config:accessKey/item/{first}"]}
    for caller, shown in (
        (org.as_caller(everything, denied), second),
        (org.as_caller({"effect": "allow", **on_first}), first),
    ):
        answer = caller.get(f"/serviceusers/{user}/accesskeys")
        assert [key["id"] for key in answer.json["data"]] == [shown]


def test_deleting_a_user_takes_keys_and_attachments_along(org: Organization) -> None:
    user, kept = org.make("serviceUser")["id"], org.make("serviceUser")["id"]
    policy = org.make("permissionPolicy")["id"]
    for id_ in (user, kept):
        org.client.post(f"/serviceusers/{id_}/accesskeys")
        org.client.post(f"/permissionpolicies/{policy}/addtoserviceuser", {"principalId": id_})
    assert org.client.delete(f"/serviceusers/{user}").json["id"] == user
    assert [key["serviceUserId"] for key in org.store.list_all(ROOT, "accessKey", filters={})] == [kept]
    left = org.store.list_all(org.id, "principalPermission", filters={})
    assert [item["principalId"] for item in left] == [kept]
    assert org.client.delete(f"/serviceusers/{user}").status == 404

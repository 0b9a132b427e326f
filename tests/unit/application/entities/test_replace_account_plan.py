"""An account plan is replaced whole or not at all (billing.md 5.3)."""

from typing import Any

import pytest

from tests.fakes.entities import FakeEntityRepository
from tests.fakes.organization import Organization
from usance.application.ports.entities import Guard, StaleGuardError


@pytest.fixture
def org() -> Organization:
    return Organization()


def plans(org: Organization) -> tuple[dict[str, Any], dict[str, Any]]:
    """An account plan from 2025 on, and another plan of the same product."""
    product = org.make("product")["id"]
    old = org.make("plan", planTemplateId=org.make("planTemplate", productId=product)["id"])
    new = org.make("plan", planTemplateId=org.make("planTemplate", productId=product)["id"])
    attached = org.make("accountPlan", planId=old["id"], startDate="2025-01-01T00:00:00Z")
    return attached, new


def test_the_old_one_ends_where_the_new_one_starts(org: Organization) -> None:
    old, plan = plans(org)
    body = {"planId": plan["id"], "startDate": "2026-03-15T00:00:00Z", "version": old["version"]}
    answer = org.client.post(f"/accountplans/{old['id']}/replace", body)
    assert answer.status == 200, answer.text
    original, new = answer.json["originalAccountPlan"], answer.json["newAccountPlan"]
    assert original == {**old, **{name: original[name] for name in ("version", "endDate", "dtLastModified")}}
    assert (original["version"], original["endDate"]) == (2, "2026-03-15T00:00:00Z")
    assert (new["accountId"], new["planId"], new["startDate"]) == (old["accountId"], plan["id"], body["startDate"])
    for one in (original, new):
        assert org.client.get(f"/accountplans/{one['id']}").json == one
    listed = org.client.get("/accountplans", account=old["accountId"], includeall="true").json["data"]
    assert {one["id"] for one in listed} == {original["id"], new["id"]}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"startDate": "2025-01-01T00:00:00Z"}, "startDate must be later than 2025-01-01"),
        ({"startDate": "2024-01-01T00:00:00Z"}, "startDate must be later than 2025-01-01"),
        ({"startDate": None}, "startDate"),
        ({"planId": None}, "planId"),
        ({"accountId": "x" * 36}, "accountId"),
        ({"endDate": "2026-03-01T00:00:00Z"}, "endDate"),
        ({"version": "1"}, "version"),
    ],
)
def test_what_is_wrong_is_named_and_changes_nothing(org: Organization, changes: dict[str, Any], named: str) -> None:
    old, plan = plans(org)
    body = {"planId": plan["id"], "startDate": "2026-03-15T00:00:00Z", **changes}
    answer = org.client.post(f"/accountplans/{old['id']}/replace", body)
    assert (answer.status, named in answer.message) == (400, True), answer.text
    assert org.client.get(f"/accountplans/{old['id']}").json == old


def test_an_old_version_is_a_conflict(org: Organization) -> None:
    old, plan = plans(org)
    body = {"planId": plan["id"], "startDate": "2026-03-15T00:00:00Z", "version": 7}
    assert org.client.post(f"/accountplans/{old['id']}/replace", body).status == 409


def test_a_third_plan_in_the_way_is_named(org: Organization) -> None:
    old, plan = plans(org)
    ended = org.client.put(f"/accountplans/{old['id']}", {**old, "endDate": "2026-02-01T00:00:00Z"}).json
    third = org.make("accountPlan", planId=plan["id"], accountId=old["accountId"], startDate="2026-05-01T00:00:00Z")
    body = {"planId": plan["id"], "startDate": "2026-01-20T00:00:00Z"}
    answer = org.client.post(f"/accountplans/{old['id']}/replace", body)
    assert (answer.status, third["id"] in answer.message) == (400, True)
    assert org.client.get(f"/accountplans/{old['id']}").json == ended
    body["endDate"] = "2026-05-01T00:00:00Z"
    assert org.client.post(f"/accountplans/{old['id']}/replace", body).status == 200


def test_a_rival_between_the_two_decisions_makes_it_decide_again(
    org: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, plan = plans(org)
    read = FakeEntityRepository.read_guard
    calls: list[str] = []

    def moved(store: FakeEntityRepository, org_id: str, name: str) -> Guard:
        calls.append(name)
        guard = read(store, org_id, name)
        return Guard(name, guard.seen + 1) if len(calls) == 2 else guard

    monkeypatch.setattr(FakeEntityRepository, "read_guard", moved)
    body = {"planId": plan["id"], "startDate": "2026-03-15T00:00:00Z"}
    assert org.client.post(f"/accountplans/{old['id']}/replace", body).status == 200
    assert len(calls) > 2


def test_one_that_ended_before_is_not_made_longer(org: Organization) -> None:
    old, plan = plans(org)
    ended = org.client.put(f"/accountplans/{old['id']}", {**old, "endDate": "2026-02-01T00:00:00Z"}).json
    body = {"planId": plan["id"], "startDate": "2026-03-15T00:00:00Z"}
    answer = org.client.post(f"/accountplans/{old['id']}/replace", body)
    assert (answer.status, "startDate" in answer.message) == (400, True), answer.text
    assert org.client.get(f"/accountplans/{old['id']}").json == ended
    body["startDate"] = ended["endDate"]
    assert org.client.post(f"/accountplans/{old['id']}/replace", body).status == 200


def test_the_version_holds_however_often_it_decides(org: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    old, plan = plans(org)
    commit = FakeEntityRepository.commit
    rivals: list[str] = []

    def beaten(store: FakeEntityRepository, org_id: str, changes: Any) -> None:
        if not rivals:
            rivals.append("first")
            org.client.put(f"/accountplans/{old['id']}", {**old, "code": "rival"})
            raise StaleGuardError("the plans changed")
        commit(store, org_id, changes)

    monkeypatch.setattr(FakeEntityRepository, "commit", beaten)
    body = {"planId": plan["id"], "startDate": "2026-03-15T00:00:00Z", "version": old["version"]}
    assert org.client.post(f"/accountplans/{old['id']}/replace", body).status == 409
    assert "endDate" not in org.client.get(f"/accountplans/{old['id']}").json

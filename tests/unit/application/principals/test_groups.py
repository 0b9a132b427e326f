"""Resource groups: what they hold, how they nest, and that nothing in them dangles."""

import itertools
from typing import Any

import pytest

from tests.fakes.http import Answer
from tests.fakes.organization import Organization
from usance.application.access import groups

UNKNOWN = "00000000-0000-7000-8000-ffffffffffff"


@pytest.fixture
def org() -> Organization:
    return Organization()


def new(org: Organization, kind: str = "plan", name: str = "Group") -> dict[str, Any]:
    answer = org.client.post(f"/resourcegroups/{kind}", {"name": name})
    assert answer.status == 200, answer.text
    return dict(answer.json)


def add(org: Organization, group: dict[str, Any], target: str, kind: str = "ITEM", **more: Any) -> Answer:
    body = {"targetId": target, "targetType": kind, **more}
    return org.client.post(f"/resourcegroups/{group['type']}/{group['id']}/addresource", body)


def remove(org: Organization, group: dict[str, Any], target: str, kind: str = "ITEM", **more: Any) -> Answer:
    body = {"targetId": target, "targetType": kind, **more}
    return org.client.post(f"/resourcegroups/{group['type']}/{group['id']}/removeresource", body)


def contents(org: Organization, group: dict[str, Any], **query: Any) -> dict[str, Any]:
    answer = org.client.post(f"/resourcegroups/{group['type']}/{group['id']}/contents", query=query)
    assert answer.status == 200, answer.text
    return dict(answer.json)


def test_a_group_is_created_read_listed_renamed_and_deleted(org: Organization) -> None:
    group = new(org)
    path = f"/resourcegroups/plan/{group['id']}"
    assert group["name"] == "Group"
    assert group["version"] == 1
    assert org.client.get(path).json == group
    renamed = org.client.put(path, {**group, "name": "Other"}).json
    assert (renamed["name"], renamed["version"]) == ("Other", 2)
    assert org.client.put(path, group).status == 409
    other = new(org)
    new(org, "meter")
    assert org.client.get("/resourcegroups/plan").json == {"data": [other, renamed], "nextToken": None}
    first = org.client.get("/resourcegroups/plan", pageSize=1).json
    assert org.client.get("/resourcegroups/plan", nextToken=first["nextToken"]).json["data"] == [renamed]
    assert org.client.delete(path).json == renamed
    assert org.client.get(path).status == 404


def test_a_group_is_found_only_under_its_type(org: Organization) -> None:
    group = new(org)
    for method in ("GET", "PUT", "DELETE"):
        assert (
            org.client.call(method, f"/resourcegroups/meter/{group['id']}", {"version": 1, "name": "x"}).status == 404
        )
    assert org.client.post(f"/resourcegroups/meter/{group['id']}/contents").status == 404
    assert org.client.get(f"/resourcegroups/PLAN/{group['id']}").status == 200
    assert org.client.post("/resourcegroups/no%20type", {"name": "x"}).status == 400
    assert org.client.post("/resourcegroups/plan", {"name": "x" * 101}).status == 400
    assert org.client.post("/resourcegroups/plan", {}).status == 400


@pytest.mark.parametrize("spelling", ["ITEM", "item"])
def test_a_group_holds_entities_of_its_type_once(org: Organization, spelling: str) -> None:
    group, plan = new(org), org.make("plan")
    assert add(org, group, plan["id"], spelling).json == group
    assert add(org, group, plan["id"], spelling, version=1).json == group
    [member] = contents(org, group)["data"]
    assert (member["targetId"], member["targetType"]) == (plan["id"], "ITEM")
    assert member["version"] == 1
    assert remove(org, group, plan["id"], "GROUP").status == 404
    assert remove(org, group, plan["id"], spelling).json == group
    assert contents(org, group) == {"data": [], "nextToken": None}
    assert remove(org, group, plan["id"], spelling).status == 404


def test_contents_are_paged_the_latest_first(org: Organization) -> None:
    group, plans = new(org), [org.make("plan")["id"] for _ in range(3)]
    for plan in plans:
        add(org, group, plan)
    first = contents(org, group, pageSize=2)
    second = contents(org, group, pageSize=2, nextToken=first["nextToken"])
    assert [item["targetId"] for item in [*first["data"], *second["data"]]] == plans[::-1]
    assert org.client.get(f"/resourcegroups/plan/{group['id']}/contents").json == contents(org, group)


def test_what_is_not_there_cannot_be_added(org: Organization) -> None:
    group = new(org)
    for target, kind in (
        (UNKNOWN, "ITEM"),
        (org.make("meter")["id"], "ITEM"),
        (UNKNOWN, "GROUP"),
        (new(org, "meter")["id"], "GROUP"),
    ):
        answer = add(org, group, target, kind)
        assert answer.status == 400
        assert "targetId" in answer.message
    assert add(org, group, org.make("plan")["id"], "OTHER").status == 400
    assert add(org, group, org.make("plan")["id"], version=7).status == 409
    assert add(org, {**group, "id": UNKNOWN}, org.make("plan")["id"]).status == 404


def test_a_group_is_never_inside_itself(org: Organization) -> None:
    a, b, c = (new(org, name=name) for name in "abc")
    assert add(org, a, a["id"], "GROUP").status == 400
    assert add(org, a, b["id"], "GROUP").status == 200
    assert add(org, b, c["id"], "GROUP").status == 200
    for closing in (b, c):
        assert "inside itself" in add(org, closing, a["id"], "GROUP").message
    remove(org, a, b["id"], "GROUP")
    assert add(org, c, a["id"], "GROUP").status == 200


def test_of_two_nestings_that_would_close_a_ring_one_is_refused(org: Organization) -> None:
    a, b = new(org), new(org)
    commit = org.store.commit
    rivals = [lambda: add(org, b, a["id"], "GROUP")]

    def contested(org_id: str, changes: Any) -> None:
        while rivals:
            assert rivals.pop()().status == 200
        commit(org_id, changes)

    org.store.commit = contested  # type: ignore[method-assign]
    assert add(org, a, b["id"], "GROUP").status == 400
    assert contents(org, a)["data"] == []


def test_groups_nest_so_deep_and_so_many(org: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = [new(org) for _ in range(groups.LEVELS_MAX + 2)]
    answers = [add(org, outer, inner["id"], "GROUP").status for outer, inner in itertools.pairwise(chain)]
    assert answers == [200] * groups.LEVELS_MAX + [400]
    monkeypatch.setattr("usance.application.principals.add_to_group.NESTED_MAX", 2)
    top = new(org)
    assert [add(org, top, new(org)["id"], "GROUP").status for _ in range(3)] == [200, 200, 400]


def test_deleting_takes_memberships_along(org: Organization) -> None:
    inner, outer, plan = new(org), new(org), org.make("plan")
    add(org, outer, inner["id"], "GROUP")
    add(org, inner, plan["id"])
    add(org, outer, plan["id"])
    assert org.client.delete(f"/plans/{plan['id']}").status == 200
    assert contents(org, inner)["data"] == []
    assert [item["targetType"] for item in contents(org, outer)["data"]] == ["GROUP"]
    assert org.client.delete(f"/resourcegroups/plan/{inner['id']}").status == 200
    assert contents(org, outer)["data"] == []
    assert org.store.list_all(org.id, "resourceGroupMember", filters={}) == ()


def test_members_under_a_deny_are_left_out(org: Organization) -> None:
    group, one, two = new(org), org.make("plan")["id"], org.make("plan")["id"]
    add(org, group, one)
    add(org, group, two)
    caller = org.as_caller(
        {"effect": "allow", "action": ["all"], "resource": ["*"]},
        {"effect": "deny", "action": ["all"], "resource": [f"config:plan/item/{one}"]},
    )
    found = caller.post(f"/resourcegroups/plan/{group['id']}/contents").json["data"]
    assert [item["targetId"] for item in found] == [two]


@pytest.mark.parametrize(
    ("written", "type_"),
    [("orgUser", "user"), ("integrationDestination", "webhook"), ("integrationConfig", "integrationConfiguration")],
)
def test_a_group_is_of_a_type_by_any_name_that_policies_have_for_it(
    org: Organization, written: str, type_: str
) -> None:
    group = org.client.post(f"/resourcegroups/{written}", {"name": "x"}).json
    assert group["type"] == type_
    assert org.client.get(f"/resourcegroups/{type_}").json["data"] == [group]

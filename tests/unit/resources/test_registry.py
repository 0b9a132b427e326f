"""What holds for every resource of the registry, whatever it is."""

from decimal import Decimal
from typing import Any

import pytest

from tests.fakes.organization import Organization
from usance.adapters.dynamodb.keys import WIDE
from usance.application.entities.wide_references import CHECKED_MAX, GUARDED
from usance.resources.registry import REGISTRY
from usance.resources.resource import Filter, Resource, Verb

AUDIT = {"dtCreated", "dtLastModified", "createdBy", "lastModifiedBy"}
COLLECTIONS = [resource for resource in REGISTRY if Verb.CREATE in resource.verbs]
EDITABLE = [resource for resource in COLLECTIONS if Verb.UPDATE in resource.verbs]
CREATABLE_OR_SINGLE = [resource for resource in REGISTRY if resource.singleton or resource in COLLECTIONS]
SINGLETONS = [resource for resource in REGISTRY if resource.singleton]
CODED = [resource for resource in EDITABLE if "code" in resource.unique]


def rows(resources: list[Resource]) -> Any:
    return pytest.mark.parametrize("row", resources, ids=lambda resource: resource.type)


@pytest.fixture
def org() -> Organization:
    return Organization()


def test_models_are_sound() -> None:
    for resource in REGISTRY:
        resource.model.model_rebuild()
        assert resource.model.model_json_schema()["type"] == "object"


def test_rows_fit_together() -> None:
    types = {resource.type for resource in REGISTRY}
    assert len(types) == len({resource.path for resource in REGISTRY}) == len(REGISTRY)
    for resource in REGISTRY:
        indexes = {index.name for index in resource.indexes} | {"id"}
        assert {filter_.index for filter_ in resource.filters} <= indexes
        for dependant in resource.dependants:
            if dependant.type in types:
                [other] = [other for other in REGISTRY if other.type == dependant.type]
                assert dependant.index in {index.name for index in other.indexes}, (resource.type, dependant)


MAY_GO: dict[tuple[str, str], str] = {
    (
        "orgUserInvitation",
        "permissionPolicyIds[]",
    ): "an invitation never changes, and accepting it passes over what is gone"
}


def test_what_is_referred_to_cannot_be_deleted() -> None:
    by_type = {resource.type: resource for resource in REGISTRY}
    for row in REGISTRY:
        for reference in row.references:
            target = by_type[reference.type]
            watched = {dependant.type for dependant in (*target.dependants, *target.parts)}
            assert row.type in watched or (row.type, reference.path) in MAY_GO, (row.type, reference.path)


def items_max(row: Resource, path: str) -> int:
    """How many items the model takes in the list at the beginning of a path."""
    name, list_, _ = path.partition("[]")
    if not list_:
        return 1
    schema = row.model.model_json_schema()["properties"][name]
    return int(next(one["maxItems"] for one in (schema, *schema.get("anyOf", ())) if "maxItems" in one))


def test_what_names_more_than_a_transaction_can_check_is_marked_on_both_sides() -> None:
    """It needs a guard where they are deleted, and buckets where they are found."""
    marked = {(one.type, one.index) for row in REGISTRY for one in row.dependants if one.wide}
    assert marked | {("bill", "commitmentId")} == WIDE.keys()  # bills are stored by a repository of their own
    for row in REGISTRY:
        checked = sum(items_max(row, one.path) for one in row.references if one.type not in GUARDED)
        assert checked <= CHECKED_MAX, row.type


@rows(COLLECTIONS)
def test_what_was_created_is_read_and_listed(org: Organization, row: Resource) -> None:
    body = org.body(row.type)
    created = org.client.post(f"/{org.path(row)}", body)
    assert created.status == 200
    document = created.json
    assert document["version"] == 1
    assert len(document["id"]) == 36
    assert document.keys() >= AUDIT
    assert document["createdBy"].startswith("SERVICE_USER_")
    assert document["dtCreated"].endswith("Z")
    for name, value in body.items():
        if name not in {"credentials", "pricingBands"}:
            assert document[name] == value, name
    assert org.client.get(f"/{org.path(row)}/{document['id']}").json == document
    listed = org.client.get(f"/{org.path(row)}", **org.query(row)).json
    assert listed["data"][0] == document
    assert listed["nextToken"] is None


@rows(COLLECTIONS)
def test_lists_are_paged_newest_first(org: Organization, row: Resource) -> None:
    made = [org.make(row.type)["id"] for _ in range(3)]
    first = org.client.get(f"/{org.path(row)}", **org.query(row), pageSize=2).json
    second = org.client.get(f"/{org.path(row)}", **org.query(row), pageSize=2, nextToken=first["nextToken"]).json
    assert [item["id"] for item in [*first["data"], *second["data"]]][:3] == made[::-1]
    assert org.client.get(f"/{org.path(row)}", **org.query(row), pageSize=row.page_size_max).status == 200
    for size in (0, row.page_size_max + 1, "x", "1.5", ""):
        assert org.client.get(f"/{org.path(row)}", **org.query(row), pageSize=size).status == (
            200 if size == "" else 400
        )
    refused = org.client.get(f"/{org.path(row)}", **org.query(row), nextToken="junk")
    assert refused.status == 400
    assert "nextToken" in refused.message


@rows(COLLECTIONS)
def test_pages_of_one_hold_what_a_large_page_holds_for_who_may_not_see_all(org: Organization, row: Resource) -> None:
    """Clients, the official SDK among them, stop at a page without data."""
    made = [org.make(row.type)["id"] for _ in range(4)]
    everything = {"effect": "allow", "action": ["all"], "resource": ["*"]}
    denied = [f"{service}:{row.type}/item/{id_}" for id_ in made[1:] for service in ("config", "billing")]
    restricted = org.as_caller(everything, {"effect": "deny", "action": ["all"], "resource": denied})
    query = org.query(row)
    large = restricted.get(f"/{org.path(row)}", **query, pageSize=row.page_size_max).json["data"]
    found: list[str] = []
    token: dict[str, Any] = {}
    while True:
        page = restricted.get(f"/{org.path(row)}", **query, pageSize=1, **token).json
        found += [item["id"] for item in page["data"]]
        if page["nextToken"] is None:
            break
        assert page["data"]
        token = {"nextToken": page["nextToken"]}
    assert found == [item["id"] for item in large]
    assert made[0] in found
    assert not set(made[1:]) & set(found)


@rows(EDITABLE)
def test_an_update_replaces_and_counts(org: Organization, row: Resource) -> None:
    body = org.body(row.type)
    old = org.client.post(f"/{org.path(row)}", body).json
    org.clock.advance(seconds=5)
    echoed = {**old, **body, "version": 1}
    new = org.client.put(f"/{org.path(row)}/{old['id']}", echoed)
    assert new.status == 200, new.text
    assert new.json["version"] == 2
    assert new.json["dtCreated"] == old["dtCreated"]
    assert new.json["dtLastModified"] > old["dtLastModified"]
    assert org.client.get(f"/{org.path(row)}/{old['id']}").json == new.json


@rows(EDITABLE)
def test_a_stale_or_missing_version_is_refused(org: Organization, row: Resource) -> None:
    body = org.body(row.type)
    old = org.client.post(f"/{org.path(row)}", body).json
    path = f"/{org.path(row)}/{old['id']}"
    assert org.client.put(path, {**body, "version": 1}).status == 200
    stale = org.client.put(path, {**body, "version": 1})
    assert stale.status == 409
    assert stale.json["errorCode"] == "VERSION_CONFLICT"
    assert stale.headers["x-should-retry"] == "false"
    missing = org.client.put(path, body)
    assert missing.status == 400
    assert "version" in missing.message
    for wrong in ("1", True, 1.5, [1]):
        assert org.client.put(path, {**body, "version": wrong}).status == 400
    assert org.client.get(path).json["version"] == 2


@rows(CREATABLE_OR_SINGLE)
def test_a_whole_number_may_be_written_with_a_point(org: Organization, row: Resource) -> None:
    """JSON has one kind of number: what means 3 is 3, however a client writes it, and is answered as 3."""
    body = org.body(row.type)
    path = f"/{org.path(row)}"
    made = org.client.get(path).json if row.singleton else org.client.post(path, body).json
    if row in EDITABLE or row.singleton:
        one = path if row.singleton else f"{path}/{made['id']}"
        again = org.client.put(one, {**body, "version": Decimal("1.0")})
        assert again.status == 200, again.text
        assert again.json["version"] == 2
        assert org.client.put(one, {**body, "version": Decimal("1.5")}).status == 400
    schema = row.model.model_json_schema()["properties"]
    for name, property_ in schema.items():
        if not any(kind.get("type") == "integer" for kind in (property_, *property_.get("anyOf", ()))):
            continue
        for text in ("3.0", "3.5"):
            version = org.client.get(path).json["version"] if row.singleton else None
            sent = {**org.body(row.type), name: Decimal(text), "version": version}
            answer = org.client.put(path, sent) if row.singleton else org.client.post(path, sent)
            assert (f"{name}: must be a whole number" in answer.text) is (text == "3.5"), answer.text
            assert answer.status == 400 or str(answer.json[name]) == "3"


@rows(EDITABLE)
def test_deleting_answers_what_was_deleted(org: Organization, row: Resource) -> None:
    document = org.make(row.type)
    path = f"/{org.path(row)}/{document['id']}"
    deleted = org.client.delete(path)
    assert deleted.status == 200
    assert deleted.json == document
    gone = org.client.get(path)
    assert gone.status == 404
    assert "message" in gone.json
    assert org.client.delete(path).status == 404
    assert org.client.put(path, {**document}).status == 404
    assert document["id"] not in [
        item["id"] for item in org.client.get(f"/{org.path(row)}", **org.query(row)).json["data"]
    ]


@rows(COLLECTIONS)
def test_another_organization_sees_nothing(org: Organization, row: Resource) -> None:
    document = org.make(row.type)
    stranger = org.as_caller(org_id=org.other_id)
    path = f"/{org.path(row)}/{document['id']}"
    assert stranger.get(path).status == 404
    if row in EDITABLE:
        assert stranger.put(path, {**document}).status == 404
        assert stranger.delete(path).status == 404
    assert document["id"] not in [
        item["id"] for item in stranger.get(f"/{org.path(row)}", **org.query(row)).json.get("data", ())
    ]
    assert stranger.call("GET", path, org=org.id).status == 403


@rows(CODED)
def test_a_code_is_taken_once(org: Organization, row: Resource) -> None:
    one = org.make(row.type)
    duplicate = org.create(row.type, code=one["code"])
    assert duplicate.status == 409
    assert duplicate.json["errorCode"] == "DUPLICATE_CODE"
    assert "code" in duplicate.message
    assert duplicate.headers["x-should-retry"] == "false"
    two = org.body(row.type)
    other = org.client.post(f"/{org.path(row)}", two).json
    assert org.client.put(f"/{org.path(row)}/{other['id']}", {**two, "code": one["code"], "version": 1}).status == 409


@rows(CREATABLE_OR_SINGLE)
def test_unknown_and_read_only_properties_are_ignored(org: Organization, row: Resource) -> None:
    noise = {"id": "mine", "dtCreated": "never", "createdBy": 5, "unheardOf": {"deep": [1]}, "orgId": "other"}
    if row.singleton:
        answer = org.client.put(f"/{org.path(row)}", {**org.body(row.type), **noise, "version": 1})
    else:
        answer = org.create(row.type, **noise, version=7)
    assert answer.status == 200, answer.text
    assert answer.json["id"] != "mine"
    assert answer.json["dtCreated"] != "never"
    assert "unheardOf" not in answer.json


@rows(CREATABLE_OR_SINGLE)
def test_null_means_absent(org: Organization, row: Resource) -> None:
    body = org.body(row.type)
    optional = {
        field.alias: None
        for field in row.model.model_fields.values()
        if not field.is_required() and field.alias not in body
    }
    if row.singleton:
        answer = org.client.put(f"/{org.path(row)}", {**body, **optional, "version": 1})
    else:
        answer = org.client.post(f"/{org.path(row)}", {**body, **optional})
    assert answer.status == 200, answer.text
    assert None not in answer.json.values()


@rows(CREATABLE_OR_SINGLE)
def test_a_missing_property_is_named(org: Organization, row: Resource) -> None:
    body = org.body(row.type)
    for field in row.model.model_fields.values():
        if not field.is_required():
            continue
        for left_out in ({}, {field.alias: None}):
            sent = {**{name: value for name, value in body.items() if name != field.alias}, **left_out}
            answer = (
                org.client.put(f"/{org.path(row)}", {**sent, "version": 1})
                if row.singleton
                else org.client.post(f"/{org.path(row)}", sent)
            )
            assert answer.status == 400
            assert f"{field.alias} is required" in answer.message


def test_refusals_count_in_plain_words(org: Organization) -> None:
    for count, body in (("at least 1 item", {"dataFields": []}), ("at least 1 character", {"name": ""})):
        assert org.create("meter", **body).message.endswith(f"must have {count}")
    assert org.create("meter", name="x" * 201).message == "name: must have at most 200 characters"


@rows(CREATABLE_OR_SINGLE)
@pytest.mark.parametrize("junk", [[], {}, "", "x" * 5000, -1, True, 1e300, {"a": {"b": 1}}, [None], [[1]], "\u0000"])
def test_no_value_of_any_type_breaks_anything(org: Organization, row: Resource, junk: Any) -> None:
    body = org.body(row.type)
    path = f"/{org.path(row)}"
    for name in {field.alias for field in row.model.model_fields.values()}:
        answer = (
            org.client.put(path, {**body, name: junk, "version": 1})
            if row.singleton
            else org.client.post(path, {**body, name: junk})
        )
        assert answer.status in {200, 400, 409}, (name, answer.text)
        if answer.status == 400:
            assert name in answer.message
        if answer.status == 200 and row.singleton:
            org = Organization()


@rows(CREATABLE_OR_SINGLE)
@pytest.mark.parametrize(
    "body", ["", "{", "[]", "null", "3", '"text"', '{"name": NaN}', '{"name": 1e999999999}', "\ud800"]
)
def test_a_body_that_is_no_object_is_refused(org: Organization, row: Resource, body: str) -> None:
    if body == "\ud800":
        body = '{"name": "\\ud800"}'
    answer = (
        org.client.call("PUT", f"/{org.path(row)}", body)
        if row.singleton
        else org.client.call("POST", f"/{org.path(row)}", body)
    )
    assert answer.status == 400
    assert answer.message


@rows(SINGLETONS)
def test_a_singleton_is_read_and_replaced(org: Organization, row: Resource) -> None:
    old = org.client.get(f"/{org.path(row)}", **org.query(row)).json
    assert old["id"] == org.id
    assert old["version"] == 1
    new = org.client.put(f"/{org.path(row)}", {**old, **org.body(row.type)})
    assert new.status == 200, new.text
    assert new.json["version"] == 2
    assert new.json["id"] == org.id
    assert org.client.put(f"/{org.path(row)}", old).status == 409
    assert org.client.get(f"/{org.path(row)}", **org.query(row)).json == new.json


@rows(CREATABLE_OR_SINGLE)
def test_each_verb_needs_its_permission(org: Organization, row: Resource) -> None:
    document = org.client.get(f"/{org.path(row)}", **org.query(row)).json if row.singleton else org.make(row.type)
    path = f"/{org.path(row)}" if row.singleton else f"/{org.path(row)}/{document['id']}"
    nobody = org.as_caller({"effect": "allow", "action": ["measurements:upload"], "resource": ["*"]})
    reader = org.as_caller({"effect": "allow", "action": ["config:retrieve"], "resource": [f"config:{row.type}/*"]})
    assert nobody.get(path).status == 403
    assert reader.get(path).status == 200
    if row in EDITABLE or row.singleton:
        assert reader.put(path, document).status == 403
    if not row.singleton:
        assert nobody.get(f"/{org.path(row)}", **org.query(row)).status == 403
        assert reader.get(f"/{org.path(row)}", **org.query(row)).status == 200
        assert reader.post(f"/{org.path(row)}", org.body(row.type)).status == 403
        if row in EDITABLE:
            assert reader.delete(path).status == 403
        blind = org.as_caller(
            *reader.statements,
            {"effect": "deny", "action": ["all"], "resource": [f"config:{row.type}/item/{document['id']}"]},
        )
        assert blind.get(path).status == 403
        assert document["id"] not in [
            item["id"] for item in blind.get(f"/{org.path(row)}", **org.query(row)).json["data"]
        ]


@pytest.mark.parametrize(
    ("row", "filter_"),
    [(row, filter_) for row in REGISTRY for filter_ in row.filters if filter_.choices],
    ids=lambda value: getattr(value, "type", getattr(value, "parameter", "")),
)
def test_a_filter_takes_none_but_its_choices(org: Organization, row: Resource, filter_: Filter) -> None:
    for choice in filter_.choices:
        assert org.client.get(f"/{org.path(row)}", **{filter_.parameter: choice}).status == 200
    refused = org.client.get(f"/{org.path(row)}", **{filter_.parameter: "NOTHING"})
    assert refused.status == 400
    assert refused.message.startswith(f"{filter_.parameter} must be one of {filter_.choices[0]}")

"""Rivals of every resource, at one moment: one wins, the other is told so, and nothing refers to what is gone."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Barrier
from typing import Any

import pytest

from tests.contract.stores import DYNAMODB_TARGETS, StoreTarget
from tests.fakes.clock import CountingIds, FrozenClock
from tests.fakes.http import Answer
from tests.fakes.organization import Organization
from usance.adapters.dynamodb.entities import DynamoEntityRepository
from usance.resources.registry import BY_TYPE, REGISTRY
from usance.resources.resource import Ref, Resource, Verb

COLLECTIONS = [row for row in REGISTRY if Verb.CREATE in row.verbs]
CODED = [row for row in COLLECTIONS if "code" in row.unique]
EDITABLE = [row for row in COLLECTIONS if Verb.UPDATE in row.verbs]
CHILDREN = [
    (row, reference)
    for row in COLLECTIONS
    for reference in row.references
    if reference.compute is None
    and reference.path.isidentifier()
    and Verb.DELETE in BY_TYPE[reference.type].verbs
    and not (row.within and row.within.field == reference.path)
]
REFUSED = {400, 404, 409}  # a rule, an entity that is gone, a rival
NUMBERS = count(1)
IDS_OF_ONE = 10_000
BUSY = 503  # met half-way too often; the client repeats it


def of_row(row: Resource) -> str:
    return row.type


@pytest.fixture(scope="module", params=DYNAMODB_TARGETS)
def table(request: pytest.FixtureRequest) -> tuple[Any, str]:
    target: StoreTarget = request.getfixturevalue(request.param)
    return target.table("EntitiesTable")


@pytest.fixture
def org(table: tuple[Any, str]) -> Organization:
    """One of many in a table, with ids that no other has."""
    clock, ids = FrozenClock(), CountingIds(next(NUMBERS) * IDS_OF_ONE)
    return Organization(clock, ids, real=DynamoEntityRepository(*table, clock))


def at_once(*acts: Callable[[], Answer]) -> list[Answer]:
    """What acts are answered that begin together."""
    barrier = Barrier(len(acts))

    def start(act: Callable[[], Answer]) -> Answer:
        barrier.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(start, acts))


def one_won(answers: list[Answer]) -> None:
    assert [answer.status for answer in answers].count(200) == 1
    assert all(answer.status in {*REFUSED, BUSY} for answer in answers if answer.status != 200)
    assert all(answer.message for answer in answers if answer.status != 200)


@pytest.mark.parametrize("row", CODED, ids=of_row)
def test_a_code_goes_to_one_of_its_rivals(org: Organization, row: Resource) -> None:
    path, body = f"/{org.path(row)}", org.body(row.type)
    one_won(at_once(*(lambda: org.client.post(path, body) for _ in range(2))))


@pytest.mark.parametrize("row", EDITABLE, ids=of_row)
def test_a_version_is_replaced_by_one_of_its_rivals(org: Organization, row: Resource) -> None:
    made = org.make(row.type)
    path = f"/{org.path(row)}/{made['id']}"
    one_won(at_once(*(lambda: org.client.put(path, made) for _ in range(2))))
    assert org.client.get(path).json["version"] == made["version"] + 1


def test_invitations_of_one_person_that_are_accepted_at_once_make_one_user(org: Organization) -> None:
    policies = [org.make("permissionPolicy")["id"] for _ in range(3)]
    email = "ann@example.com"
    invitations = [org.make("orgUserInvitation", email=email, permissionPolicyIds=[id_])["id"] for id_ in policies]
    answers = at_once(*(lambda id_=id_: org.client.post(f"/invitations/{id_}/accept") for id_ in invitations))
    assert [answer.status for answer in answers] == [200, 200, 200], [answer.text for answer in answers]
    [user] = org.client.get("/users").json["data"]
    attached = org.client.get(f"/users/{user['id']}/permissions").json["data"]
    assert sorted(policy["id"] for policy in attached) == sorted(policies)


def test_an_invitation_that_is_accepted_twice_at_once_is_accepted_once(org: Organization) -> None:
    path = f"/invitations/{org.make('orgUserInvitation')['id']}/accept"
    one_won(at_once(*(lambda: org.client.post(path) for _ in range(2))))
    assert len(org.client.get("/users").json["data"]) == 1


@pytest.mark.parametrize("type_", ["commitment", "balance"])
def test_a_hundred_products_are_found_by_each_and_one_of_them_stays(org: Organization, type_: str) -> None:
    """More than a transaction can check one by one, and more rows than it has room for."""
    row = BY_TYPE[type_]
    products = [org.make("product")["id"] for _ in range(102)]
    first, others, last = products[:1], products[1:101], products[101:]
    made = org.make(type_, productIds=first + others[:99])
    few = org.make(type_, productIds=others[:1])
    path = f"/{org.path(row)}/{made['id']}"
    assert org.client.put(path, {**made, "productIds": others}).status == 200

    def naming(product_id: str) -> list[str]:
        found = org.store.list_page(org.id, type_, filters={"productId": [product_id]}, page_size=100)
        return [document["id"] for document in found.data]

    assert naming(others[0]) == [few["id"], made["id"]]
    assert [naming(id_) for id_ in others[1:]] == [[made["id"]]] * 99
    assert naming(first[0]) == naming(last[0]) == []
    assert "is used by" in org.client.delete(f"/products/{others[50]}").message
    assert org.client.delete(f"/products/{first[0]}").status == 200
    refused = org.client.put(path, {**made, "version": 2, "productIds": first + others[:99]})
    assert refused.message == f"productIds: there is no product {first[0]}"
    assert org.client.put(path, {**made, "version": 2, "productIds": last}).status == 200
    assert (naming(others[50]), naming(last[0])) == ([], [made["id"]])


def test_a_product_goes_or_what_names_a_hundred_comes(org: Organization) -> None:
    for _ in range(5):
        products = [org.make("product")["id"] for _ in range(30)]
        body = org.body("commitment", productIds=products)
        gone, came = at_once(
            lambda: org.client.delete(f"/products/{products[7]}"),  # noqa: B023
            lambda: org.client.post("/commitments", body),  # noqa: B023
        )
        one_won([gone, came])


@pytest.mark.parametrize(
    ("row", "reference"), CHILDREN, ids=[f"{row.type}.{reference.path}" for row, reference in CHILDREN]
)
def test_a_parent_goes_or_its_child_comes(org: Organization, row: Resource, reference: Ref) -> None:
    parent = BY_TYPE[reference.type]
    id_ = org.make(parent.type)["id"]
    path, body = f"/{org.path(row)}", org.body(row.type, **{reference.path: id_})
    gone, came = at_once(lambda: org.client.delete(f"/{org.path(parent)}/{id_}"), lambda: org.client.post(path, body))
    assert {gone.status, came.status} <= {200, *REFUSED, BUSY}, (gone.text, came.text)
    if (gone.status, came.status) == (200, 200):  # the child came first and went with its parent
        assert (row.type, reference.path) in {(part.type, part.index) for part in parent.parts}
        assert not org.store.get_many(org.id, row.type, [came.json["id"]])
    if 200 not in {gone.status, came.status}:  # they met half-way
        assert {gone.status, came.status} <= {409, BUSY}, (gone.text, came.text)
    there = org.store.get_many(org.id, parent.type, [id_])
    assert bool(there) is (gone.status != 200)

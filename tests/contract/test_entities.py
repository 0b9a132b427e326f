"""What every store of entities promises; the fake and the real one answer alike."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.contract.stores import DYNAMODB_TARGETS
from tests.fakes.clock import CountingIds, FrozenClock
from tests.fakes.entities import FakeEntityRepository
from usance.adapters.dynamodb.entities import DynamoEntityRepository
from usance.application.ports.entities import Delete, EntityRepository, Guard, Put, Reference, StaleGuardError
from usance.domain.kernel.errors import (
    DuplicateCodeError,
    InvalidInputError,
    NotFoundError,
    UsanceError,
    VersionConflictError,
)

ORG, OTHER = "11111111-1111-7111-8111-111111111111", "22222222-2222-7222-8222-222222222222"


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture(params=["fake", *DYNAMODB_TARGETS])
def store(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def repository(store: str, clock: FrozenClock, fresh_table: Callable[[str, str], tuple[Any, str]]) -> EntityRepository:
    if store == "fake":
        return FakeEntityRepository(clock)
    client, table = fresh_table(store, "EntitiesTable")
    return DynamoEntityRepository(client, table, clock)


@pytest.fixture
def new_id() -> Callable[[], str]:
    return CountingIds().new


def put(id_: str, code: str = "", version: int = 1, **more: object) -> Put:
    document = {"id": id_, "version": version, "code": code, **more}
    return Put("product", document, unique={"code": code} if code else {}, indexed={"codes": [code]} if code else {})


def meter(id_: str, product: str, *codes: str) -> Put:
    return Put(
        "meter",
        {"id": id_, "version": 1, "productId": product},
        indexed={"productId": [product], "codes": codes},
        references=(Reference("product", product, "productId"),),
    )


def pays_for(id_: str, *products: str, version: int = 1, expected: int | None = None) -> Put:
    document = {"id": id_, "version": version}
    return Put("commitment", document, expected, indexed={"productId": products, "accountId": ["a"]})


def ids(documents: object) -> list[str]:
    return [document["id"] for document in documents]  # type: ignore[attr-defined]


def test_what_was_put_is_read_back_digit_for_digit(repository: EntityRepository, new_id: Callable[[], str]) -> None:
    one = new_id()
    repository.commit(
        ORG, [put(one, "a", price=Decimal("0.0000030"), big=Decimal("12345678901234567890.123456789012345678"))]
    )
    read = repository.get(ORG, "product", one)
    assert read is not None
    assert str(read["price"]) == "0.0000030"
    assert str(read["big"]) == "12345678901234567890.123456789012345678"
    assert repository.get(ORG, "product", new_id()) is None
    for never in ("", "x" * 3000, "é#="):
        assert repository.get(ORG, "product", never) is None
        assert not repository.get_many(ORG, "product", [never])
        assert repository.find_unique(ORG, "product", "code", never) is None
        assert not repository.list_all(ORG, "product", filters={"codes": [never]})


def test_an_organization_sees_nothing_of_another(repository: EntityRepository, new_id: Callable[[], str]) -> None:
    one = new_id()
    repository.commit(ORG, [put(one, "a")])
    assert repository.get(OTHER, "product", one) is None
    assert repository.find_unique(OTHER, "product", "code", "a") is None
    assert not repository.list_all(OTHER, "product", filters={})
    repository.commit(OTHER, [put(one, "a")])
    with pytest.raises(InvalidInputError):
        repository.commit("33333333-3333-7333-8333-333333333333", [meter(new_id(), one)])


def test_a_code_belongs_to_one_entity_of_a_type(repository: EntityRepository, new_id: Callable[[], str]) -> None:
    one, two = new_id(), new_id()
    repository.commit(ORG, [put(one, "a")])
    with pytest.raises(DuplicateCodeError, match="code"):
        repository.commit(ORG, [put(two, "a")])
    assert repository.get(ORG, "product", two) is None
    with pytest.raises(DuplicateCodeError):
        repository.commit(ORG, [put(new_id(), "b"), put(new_id(), "b")])
    found = repository.find_unique(ORG, "product", "code", "a")
    assert found is not None
    assert found["id"] == one
    assert repository.find_unique(ORG, "product", "code", "b") is None


def test_a_code_is_free_again_after_a_change_or_a_delete(
    repository: EntityRepository, new_id: Callable[[], str]
) -> None:
    one, two = new_id(), new_id()
    repository.commit(ORG, [put(one, "a")])
    renamed = put(one, "b", version=2)
    repository.commit(ORG, [Put(**{**_fields(renamed), "expected_version": 1})])
    repository.commit(ORG, [put(two, "a")])
    assert repository.find_unique(ORG, "product", "code", "b") == renamed.document
    assert ids(repository.list_all(ORG, "product", filters={"codes": ["b"]})) == [one]
    assert ids(repository.list_all(ORG, "product", filters={"codes": ["a"]})) == [two]
    repository.commit(ORG, [Delete("product", one)])
    assert repository.find_unique(ORG, "product", "code", "b") is None
    assert repository.list_all(ORG, "product", filters={"codes": ["b"]}) in ([], ())


def test_a_code_may_move_within_one_commit(repository: EntityRepository, new_id: Callable[[], str]) -> None:
    one, two = new_id(), new_id()
    repository.commit(ORG, [put(one, "a")])
    repository.commit(ORG, [Delete("product", one), put(two, "a")])
    found = repository.find_unique(ORG, "product", "code", "a")
    assert found is not None
    assert found["id"] == two


def test_a_stale_version_changes_nothing(repository: EntityRepository, new_id: Callable[[], str]) -> None:
    one = new_id()
    repository.commit(ORG, [put(one, "a")])
    repository.commit(ORG, [Put("product", {"id": one, "version": 2}, expected_version=1)])
    with pytest.raises(VersionConflictError):
        repository.commit(ORG, [Put("product", {"id": one, "version": 2}, expected_version=1)])
    with pytest.raises(VersionConflictError):
        repository.commit(ORG, [Delete("product", one, expected_version=1)])
    with pytest.raises(VersionConflictError):
        repository.commit(ORG, [put(one, "z")])
    assert repository.get(ORG, "product", one) == {"id": one, "version": 2}


def test_nothing_of_a_refused_commit_is_written(repository: EntityRepository, new_id: Callable[[], str]) -> None:
    one, two = new_id(), new_id()
    repository.commit(ORG, [put(one, "a")])
    with pytest.raises(UsanceError):
        repository.commit(ORG, [put(two, "b"), put(new_id(), "a")])
    assert repository.get(ORG, "product", two) is None
    assert repository.find_unique(ORG, "product", "code", "b") is None


def test_updating_or_deleting_nothing_is_not_found(repository: EntityRepository, new_id: Callable[[], str]) -> None:
    with pytest.raises(NotFoundError):
        repository.commit(ORG, [Put("product", {"id": new_id(), "version": 2}, expected_version=1)])
    with pytest.raises(NotFoundError):
        repository.commit(ORG, [Delete("product", new_id())])
    with pytest.raises(NotFoundError):
        repository.claim_deletion(ORG, "product", new_id())


def test_a_missing_reference_is_named_with_its_field(repository: EntityRepository, new_id: Callable[[], str]) -> None:
    product, missing = new_id(), new_id()
    with pytest.raises(InvalidInputError, match=f"productId.*{missing}"):
        repository.commit(ORG, [meter(new_id(), missing)])
    repository.commit(ORG, [put(product, "a"), meter(new_id(), product)])
    with pytest.raises(InvalidInputError, match="productId"):
        repository.commit(ORG, [Delete("product", product), meter(new_id(), product)])


def test_nothing_may_refer_to_an_entity_that_is_being_deleted(
    repository: EntityRepository, clock: FrozenClock, new_id: Callable[[], str]
) -> None:
    product = new_id()
    repository.commit(ORG, [put(product, "a")])
    claim = repository.claim_deletion(ORG, "product", product)
    with pytest.raises(InvalidInputError):
        repository.commit(ORG, [meter(new_id(), product)])
    with pytest.raises(VersionConflictError):
        repository.claim_deletion(ORG, "product", product)
    repository.release_deletion(ORG, claim)
    repository.commit(ORG, [meter(new_id(), product)])
    clock.advance(seconds=1)
    second = repository.claim_deletion(ORG, "product", product)
    repository.commit(ORG, [Delete("product", product, second.version, claim=second)])
    assert repository.get(ORG, "product", product) is None
    repository.release_deletion(ORG, second)


def test_a_claim_that_expired_deletes_nothing(
    repository: EntityRepository, clock: FrozenClock, new_id: Callable[[], str]
) -> None:
    product = new_id()
    repository.commit(ORG, [put(product, "a")])
    claim = repository.claim_deletion(ORG, "product", product)
    clock.advance(seconds=40)
    repository.commit(ORG, [meter(new_id(), product)])
    with pytest.raises(VersionConflictError):
        repository.commit(ORG, [Delete("product", product, claim.version, claim=claim)])
    assert repository.get(ORG, "product", product) is not None


def test_a_change_breaks_a_claim(repository: EntityRepository, new_id: Callable[[], str]) -> None:
    product = new_id()
    repository.commit(ORG, [put(product, "a")])
    claim = repository.claim_deletion(ORG, "product", product)
    repository.commit(ORG, [Put("product", {"id": product, "version": 2}, expected_version=1)])
    with pytest.raises(VersionConflictError):
        repository.commit(ORG, [Delete("product", product, claim.version, claim=claim)])


def test_lists_show_the_newest_first_page_by_page(repository: EntityRepository, new_id: Callable[[], str]) -> None:
    made = [new_id() for _ in range(7)]
    repository.commit(ORG, [put(id_, f"c{n}") for n, id_ in enumerate(made)])
    first = repository.list_page(ORG, "product", filters={}, page_size=3)
    second = repository.list_page(ORG, "product", filters={}, page_size=3, next_token=first.next_token)
    third = repository.list_page(ORG, "product", filters={}, page_size=3, next_token=second.next_token)
    assert ids([*first.data, *second.data, *third.data]) == made[::-1]
    assert third.next_token is None
    exact = repository.list_page(ORG, "product", filters={}, page_size=7)
    assert exact.next_token is None


def test_a_page_token_survives_inserts_and_deletes(repository: EntityRepository, new_id: Callable[[], str]) -> None:
    made = [new_id() for _ in range(4)]
    repository.commit(ORG, [put(id_, f"c{n}") for n, id_ in enumerate(made)])
    first = repository.list_page(ORG, "product", filters={}, page_size=2)
    repository.commit(ORG, [put(new_id(), "new"), Delete("product", made[2]), Delete("product", made[1])])
    second = repository.list_page(ORG, "product", filters={}, page_size=2, next_token=first.next_token)
    assert ids(second.data) == [made[0]]
    assert second.next_token is None


@pytest.mark.parametrize("token", ["x", "!!!", "AAAA", "bm90IGFuIGlk", "é", "a" * 3000])
def test_a_token_that_is_not_ours_is_refused(repository: EntityRepository, token: str) -> None:
    with pytest.raises(InvalidInputError, match="nextToken"):
        repository.list_page(ORG, "product", filters={}, page_size=2, next_token=token)


def test_a_filter_matches_any_of_its_values_and_filters_all_hold(
    repository: EntityRepository, new_id: Callable[[], str]
) -> None:
    product, other = new_id(), new_id()
    repository.commit(ORG, [put(product, "p"), put(other, "o")])
    a, b, c, d = (new_id() for _ in range(4))
    repository.commit(ORG, [meter(a, product, "x"), meter(b, other, "x"), meter(c, product, "y"), meter(d, product)])

    def found(**filters: list[str]) -> list[str]:
        return ids(repository.list_all(ORG, "meter", filters=filters))

    assert found(productId=[product]) == [d, c, a]
    assert found(codes=["x", "y"]) == [c, b, a]
    assert found(codes=["x"], productId=[product]) == [a]
    assert found(codes=["x"], productId=[product, other]) == [b, a]
    assert found(codes=["nothing"], productId=[product]) == []
    assert found(id=[a, d, "unknown"]) == [d, a]
    assert found(id=[a, b, a], codes=["x"], productId=[other]) == [b]


def test_filtered_lists_page_like_others(repository: EntityRepository, new_id: Callable[[], str]) -> None:
    product, other = new_id(), new_id()
    repository.commit(ORG, [put(product, "p"), put(other, "o")])
    made = [new_id() for _ in range(20)]
    repository.commit(
        ORG, [meter(id_, product if n % 3 else other, "even" if n % 2 else "odd") for n, id_ in enumerate(made)]
    )
    filters = {"productId": [product], "codes": ["even"]}
    seen: list[str] = []
    token = None
    while True:
        page = repository.list_page(ORG, "meter", filters=filters, page_size=2, next_token=token)
        assert len(page.data) <= 2
        seen += ids(page.data)
        token = page.next_token
        if token is None:
            break
    assert seen == [id_ for n, id_ in enumerate(made) if n % 3 and n % 2][::-1]


def test_get_many_answers_in_the_order_asked(repository: EntityRepository, new_id: Callable[[], str]) -> None:
    made = [new_id() for _ in range(130)]
    for start in range(0, 130, 40):
        repository.commit(ORG, [put(id_) for id_ in made[start : start + 40]])
    wanted = [made[100], "unknown", made[3], *made[50:60], made[3]]
    assert ids(repository.get_many(ORG, "product", wanted)) == [made[100], made[3], *made[50:60]]
    assert len(repository.get_many(ORG, "product", made)) == 130


def test_private_text_stays_beside_the_document(repository: EntityRepository, new_id: Callable[[], str]) -> None:
    one = new_id()
    repository.commit(ORG, [Put("webhook", {"id": one, "version": 1}, private={"sealed": "s"})])
    assert repository.get(ORG, "webhook", one) == {"id": one, "version": 1}
    assert repository.get_private(ORG, "webhook", [one]) == {one: {"sealed": "s"}}
    repository.commit(ORG, [Put("webhook", {"id": one, "version": 2}, expected_version=1)])
    assert repository.get_private(ORG, "webhook", [one]) == {one: {"sealed": "s"}}
    repository.commit(ORG, [Put("webhook", {"id": one, "version": 3}, expected_version=2, private={})])
    assert repository.get_private(ORG, "webhook", [one]) == {one: {}}
    assert repository.get_private(ORG, "webhook", [new_id()]) == {}


def test_changes_under_one_guard_come_one_after_another(
    repository: EntityRepository, new_id: Callable[[], str]
) -> None:
    def guarded(guard: Guard) -> Put:
        return Put("accountPlan", {"id": new_id(), "version": 1}, guards=(guard,))

    first, second = repository.read_guard(ORG, "account=a"), repository.read_guard(ORG, "account=a")
    assert first == second == Guard("account=a", 0)
    repository.commit(ORG, [guarded(first)])
    late = guarded(second)
    with pytest.raises(StaleGuardError):
        repository.commit(ORG, [late])
    assert repository.get(ORG, "accountPlan", late.document["id"]) is None
    repository.commit(ORG, [guarded(repository.read_guard(ORG, "account=a"))])
    assert repository.read_guard(ORG, "account=a").seen == 2
    assert repository.read_guard(OTHER, "account=a").seen == 0


def test_a_guard_that_is_held_stops_who_comes_after_its_move_and_nobody_else(
    repository: EntityRepository, new_id: Callable[[], str]
) -> None:
    def guarded(*guards: Guard) -> Put:
        return Put("accountPlan", {"id": new_id(), "version": 1}, guards=guards)

    name = "bill lock 1"
    held = replace(repository.read_guard(ORG, name), holds=True)
    repository.commit(ORG, [guarded(held)])
    repository.commit(ORG, [guarded(held)])
    assert repository.read_guard(ORG, name).seen == 0
    repository.commit(ORG, [guarded(held, repository.read_guard(ORG, name))])
    late = guarded(held)
    with pytest.raises(StaleGuardError):
        repository.commit(ORG, [late])
    assert repository.get(ORG, "accountPlan", late.document["id"]) is None
    now = replace(repository.read_guard(ORG, name), holds=True)
    with pytest.raises(StaleGuardError):
        repository.commit(ORG, [guarded(held), guarded(now)])
    repository.commit(ORG, [guarded(now)])
    assert now.seen == 1


def test_a_split_type_lists_across_its_partitions(repository: EntityRepository, new_id: Callable[[], str]) -> None:
    made = [new_id() for _ in range(18)]
    indexed = {"accountId": ["a"], "status": ["PENDING"]}  # one partition, and several
    repository.commit(ORG, [Put("bill", {"id": id_, "version": 1}, indexed=indexed) for id_ in made])
    first = repository.list_page(ORG, "bill", filters={}, page_size=10)
    for filters in ({"accountId": ["a"]}, {"status": ["PENDING"]}):
        second = repository.list_page(ORG, "bill", filters=filters, page_size=10, next_token=first.next_token)
        assert ids([*first.data, *second.data]) == made[::-1]


def test_an_id_that_cannot_be_a_key_matches_nothing(
    repository: EntityRepository, new_id: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("usance.adapters.dynamodb.entities.CHUNK_MAX", 1)
    product, *meters = [new_id() for _ in range(4)]
    repository.commit(ORG, [Put("product", {"id": product, "version": 1})])
    repository.commit(ORG, [meter(id_, product, "a") for id_ in meters])
    asked = ["!" * 2_000, meters[-1]]
    for filters in ({"id": asked, "productId": [product]}, {"id": asked}):
        assert ids(repository.list_page(ORG, "meter", filters=filters, page_size=10).data) == meters[-1:]


def test_an_entity_too_large_for_the_store_is_refused(repository: EntityRepository, new_id: Callable[[], str]) -> None:
    with pytest.raises(InvalidInputError, match="bytes"):
        repository.commit(ORG, [put(new_id(), "a", text="x" * 400_000)])


def test_of_many_writers_of_one_version_one_wins(
    repository: EntityRepository, new_id: Callable[[], str], store: str
) -> None:
    if store == "fake":
        pytest.skip("a dictionary knows no rivals")
    one = new_id()
    repository.commit(ORG, [put(one, "a")])

    def attempt(n: int) -> bool:
        try:
            repository.commit(ORG, [Put("product", {"id": one, "version": 2, "by": n}, expected_version=1)])
        except VersionConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(8))) == 1


def _fields(change: Put) -> dict[str, object]:
    return {name: getattr(change, name) for name in change.__dataclass_fields__}


def test_values_that_are_taken_are_known_in_one_question(
    repository: EntityRepository, new_id: Callable[[], str]
) -> None:
    repository.commit(ORG, [put(new_id(), f"code {number}") for number in range(8)])
    repository.commit(OTHER, [put(new_id(), "elsewhere")])
    asked = [f"code {number}" for number in range(4, 150)]
    wanted = {f"code {number}" for number in range(4, 8)}
    assert repository.taken(ORG, "product", "code", [*asked, "elsewhere", "x" * 3000]) == wanted
    assert repository.taken(ORG, "meter", "code", asked) == frozenset()
    assert repository.taken(ORG, "product", "code", []) == frozenset()


def test_what_has_many_values_is_found_by_each_and_by_no_other(
    repository: EntityRepository, new_id: Callable[[], str]
) -> None:
    values = [f"product {number}" for number in range(150)]
    many, few = new_id(), new_id()
    repository.commit(ORG, [pays_for(many, *values[:100]), pays_for(few, values[0], values[120])])

    def found(*wanted: str, **more: list[str]) -> list[str]:
        return ids(repository.list_page(ORG, "commitment", filters={"productId": wanted, **more}, page_size=10).data)

    assert found(values[0]) == [few, many]
    assert all(found(value) == [many] for value in values[1:100])
    assert [found(value) for value in values[100:]] == [[few] if value == values[120] else [] for value in values[100:]]
    assert found(values[120], values[50], accountId=["a"]) == [few, many]
    assert found(values[0], accountId=["b"]) == []
    repository.commit(ORG, [pays_for(many, *values[50:], version=2, expected=1)])
    assert [found(values[10]), found(values[60]), found(values[140])] == [[], [many], [many]]
    repository.commit(ORG, [pays_for(many, values[10], version=3, expected=2)])
    assert [found(values[10]), found(values[60])] == [[many], []]
    repository.commit(ORG, [Delete("commitment", many, 3)])
    assert found(*values) == [few]


def test_a_deletion_that_was_decided_on_something_else_is_refused(
    repository: EntityRepository, new_id: Callable[[], str]
) -> None:
    one, other = new_id(), new_id()
    repository.commit(ORG, [put(one), put(other)])
    guard = repository.read_guard(ORG, "deletions")
    repository.commit(ORG, [Delete("product", one, 1, guards=(guard,))])
    with pytest.raises(StaleGuardError):
        repository.commit(ORG, [Delete("product", other, 1, guards=(guard,))])
    assert repository.get(ORG, "product", other) is not None

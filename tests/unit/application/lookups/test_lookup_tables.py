"""Lookup tables through the API: revisions, their life and their items (metering.md 9)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.http import Answer
from tests.fakes.organization import Organization
from tests.fakes.queue import FakeQueue
from usance.application.lookups.item_store import SHARDS, shard_of
from usance.application.ports.entities import StaleGuardError

FIELDS = [
    {"name": "country", "type": "STRING"},
    {"name": "level", "type": "NUMBER"},
    {"name": "rate", "type": "NUMBER"},
]


@dataclass
class Tables:
    """An organization with a lookup table and a draft by country and level."""

    org: Organization = field(default_factory=Organization)
    queue: FakeQueue = field(default_factory=FakeQueue)

    def __post_init__(self) -> None:
        self.table = self.org.make("lookupTable")
        self.path = f"/lookuptables/{self.table['id']}"
        self.draft = self.revision()
        self.data = f"{self.path}/revisions/{self.draft['id']}/data"

    def revision(self, **more: Any) -> dict[str, Any]:
        body = {"name": "First", "fields": FIELDS, "keys": ["country", "level"], **more}
        return self.ok(self.org.client.post(f"{self.path}/revisions", body))

    def put(self, *rows: tuple[str, Any, Any], version: int | None = None, data: str = "") -> Answer:
        items = [{"country": country, "level": level, "rate": rate} for country, level, rate in rows]
        body: dict[str, Any] = {"items": items} | ({} if version is None else {"version": version})
        return self.org.client.put(data or self.data, body)

    def items(self, **query: Any) -> list[dict[str, Any]]:
        return list(self.ok(self.org.client.get(self.data, **query))["items"])

    def move(self, status: str, revision: Mapping[str, Any] | None = None) -> dict[str, Any]:
        one = f"{self.path}/revisions/{(revision or self.draft)['id']}"
        version = self.ok(self.org.client.get(one))["version"]
        return self.ok(self.org.client.put(f"{one}/status", {"status": status, "version": version}))

    @staticmethod
    def ok(answer: Answer) -> dict[str, Any]:
        assert answer.status == 200, answer.text
        return dict(answer.json)


@pytest.fixture
def tables() -> Tables:
    return Tables()


class TestRevisions:
    def test_a_new_one_is_an_empty_draft(self, tables: Tables) -> None:
        assert (tables.draft["status"], tables.draft["itemCount"], tables.draft["version"]) == ("DRAFT", 0, 1)

    def test_publishing_archives_the_one_before(self, tables: Tables) -> None:
        tables.move("PUBLISHED")
        second = tables.revision(name="Second")
        published = tables.move("PUBLISHED", second)
        assert (published["status"], published["version"]) == ("PUBLISHED", 2)
        revisions = tables.org.client.get(f"{tables.path}/revisions").json["data"]
        assert [(one["name"], one["status"], one["version"]) for one in revisions] == [
            ("Second", "PUBLISHED", 2),
            ("First", "ARCHIVED", 3),
        ]

    def test_the_table_shows_its_published_revision_when_asked(self, tables: Tables) -> None:
        tables.put(("UK", 1, 2))
        assert "activeRevision" not in tables.org.client.get(tables.path, additional="activeRevision").json
        tables.move("PUBLISHED")
        shown = tables.org.client.get(tables.path, additional="activeRevision").json["activeRevision"]
        assert (shown["id"], shown["status"], shown["itemCount"]) == (tables.draft["id"], "PUBLISHED", 1)
        [listed] = tables.org.client.get("/lookuptables", additional="activeRevision").json["data"]
        assert listed["activeRevision"] == shown
        assert "activeRevision" not in tables.org.client.get(tables.path).json

    def test_a_revision_that_may_not_be_read_is_not_shown_with_its_table(self, tables: Tables) -> None:
        tables.move("PUBLISHED")
        everything = {"effect": "allow", "action": ["all"], "resource": ["*"]}
        tables_alone = {**everything, "resource": ["config:lookupTable/*"]}
        revision = {**everything, "resource": [f"config:lookupTableRevision/item/{tables.draft['id']}"]}
        for statements, shown in (
            ([everything, {**revision, "effect": "deny"}], False),
            ([tables_alone], False),
            ([tables_alone, revision], True),
        ):
            answer = tables.org.as_caller(*statements).get(tables.path, additional="activeRevision")
            assert answer.status == 200
            assert ("activeRevision" in answer.json) is shown

    @pytest.mark.parametrize(
        ("steps", "refused"),
        [
            ([], None),
            (["PUBLISHED"], "DRAFT"),
            (["ARCHIVED"], "DRAFT"),
            (["ARCHIVED"], "PUBLISHED"),
            (["PUBLISHED", "ARCHIVED"], "PUBLISHED"),
        ],
    )
    def test_nothing_leaves_the_archive(self, tables: Tables, steps: list[str], refused: str | None) -> None:
        for step in steps:
            tables.move(step)
        one = f"{tables.path}/revisions/{tables.draft['id']}"
        if refused:
            answer = tables.org.client.put(f"{one}/status", {"status": refused, "version": 1 + len(steps)})
            assert answer.status == 400
            assert "status" in answer.message
        stale = tables.org.client.put(f"{one}/status", {"status": "ARCHIVED", "version": 99})
        assert stale.status == 409

    def test_the_schema_changes_in_an_empty_draft_alone(self, tables: Tables) -> None:
        one = f"{tables.path}/revisions/{tables.draft['id']}"
        body = {"name": "First", "fields": FIELDS[:2], "keys": ["country"], "version": 1}
        assert tables.org.client.put(one, body).json["keys"] == ["country"]
        back = {**body, "fields": FIELDS, "keys": ["country", "level"], "version": 2}
        assert tables.org.client.put(one, back).status == 200
        tables.put(("UK", 1, 2))
        assert "has items" in tables.org.client.put(one, {**body, "version": 3}).message
        renamed = tables.org.client.put(one, {**back, "name": "Second", "version": 3}).json
        assert (renamed["name"], renamed["itemCount"], renamed["status"]) == ("Second", 1, "DRAFT")
        tables.move("PUBLISHED")
        assert "PUBLISHED" in tables.org.client.put(one, {**body, "version": 5}).message

    @pytest.mark.parametrize(
        ("wrong", "named"),
        [
            ({"keys": ["nothing"]}, "keys"),
            ({"keys": ["country", "country"]}, "keys"),
            ({"keys": ["country", "level", "rate"]}, "keys"),
            ({"keys": []}, "keys"),
            ({"fields": FIELDS[:1], "keys": ["country"]}, "fields"),
            ({"fields": [*FIELDS, FIELDS[0]]}, "fields"),
            ({"fields": [{"name": "a b", "type": "STRING"}, *FIELDS]}, "fields"),
            ({"fields": [{"name": "a"}, *FIELDS]}, "fields"),
        ],
    )
    def test_a_wrong_schema_is_refused_by_name(self, tables: Tables, wrong: dict[str, Any], named: str) -> None:
        body = {"name": "First", "fields": FIELDS, "keys": ["country", "level"], **wrong}
        refused = tables.org.client.post(f"{tables.path}/revisions", body)
        assert refused.status == 400
        assert named in refused.message

    def test_one_is_deleted_with_its_items_unless_it_is_published(self, tables: Tables) -> None:
        tables.put(("UK", 1, 2))
        tables.move("PUBLISHED")
        one = f"{tables.path}/revisions/{tables.draft['id']}"
        assert tables.org.client.delete(one).status == 400
        assert "lookupTableRevision" in tables.org.client.delete(tables.path).message
        tables.move("ARCHIVED")
        gone = tables.ok(tables.org.client.delete(one))
        assert (gone["id"], gone["itemCount"]) == (tables.draft["id"], 1)
        assert tables.org.client.get(one).status == 404
        assert tables.org.client.get(tables.data).status == 404
        assert tables.org.blobs.objects == {}
        assert tables.org.client.delete(tables.path).status == 200


class TestItems:
    def test_they_are_put_replaced_and_read_in_the_order_of_their_keys(self, tables: Tables) -> None:
        answer = tables.ok(tables.put(("UK", 2, Decimal("0.10")), ("DE", 1, 3)))
        assert answer["version"] == 1
        assert [item["country"] for item in answer["items"]] == ["UK", "DE"]
        tables.ok(tables.put(("UK", 2, Decimal("0.20")), ("UK", 10, 4), version=1))
        read = tables.ok(tables.org.client.get(tables.data))
        assert [(item["country"], item["level"], str(item["rate"])) for item in read["items"]] == [
            ("DE", 1, "3"),
            ("UK", 10, "4"),
            ("UK", 2, "0.20"),
        ]
        assert (read["version"], read["createdBy"]) == (2, tables.draft["createdBy"])
        assert tables.org.client.get(f"{tables.path}/revisions/{tables.draft['id']}").json["itemCount"] == 3

    def test_keys_are_shown_when_asked_and_limits_hold(self, tables: Tables) -> None:
        tables.put(("UK", Decimal("2.50"), 1), ("DE", 1, 3))
        assert [item["lookupKey"] for item in tables.items(additional="lookupKey")] == ["DE,1", "UK,2.5"]
        assert len(tables.items(limit=1)) == 1
        for limit in (0, 2001, "x"):
            assert tables.org.client.get(tables.data, limit=limit).status == 400

    def test_items_may_be_sent_back_with_the_keys_that_were_shown(self, tables: Tables) -> None:
        tables.put(("UK", 1, 1), ("DE", 1, 3))
        read = tables.ok(tables.org.client.get(tables.data, additional="lookupKey"))
        put = tables.ok(tables.org.client.put(tables.data, {"items": read["items"], "version": read["version"]}))
        one = {"item": read["items"][0], "version": put["version"]}
        assert tables.org.client.put(f"{tables.data}/{read['items'][0]['lookupKey']}", one).status == 200
        assert all("lookupKey" not in item for item in tables.items())

    def test_a_zero_has_one_key_whatever_its_sign(self, tables: Tables) -> None:
        assert tables.put(("UK", Decimal("-0.0"), 1), ("DE", 0, 2)).status == 200
        assert [item["lookupKey"] for item in tables.items(additional="lookupKey")] == ["DE,0", "UK,0"]

    def test_an_empty_revision_has_no_items_at_version_0(self, tables: Tables) -> None:
        assert tables.ok(tables.org.client.get(tables.data)) == {"items": [], "version": 0}

    def test_one_item_is_read_put_and_deleted_by_its_key(self, tables: Tables) -> None:
        one = f"{tables.data}/UK,2"
        assert tables.org.client.get(one).status == 404
        item = {"country": "UK", "level": 2, "rate": 7}
        assert tables.ok(tables.org.client.put(one, {"item": item}))["version"] == 1
        assert tables.ok(tables.org.client.get(one))["items"] == [item]
        wrong = tables.org.client.put(f"{tables.data}/UK,3", {"item": item, "version": 1})
        assert (wrong.status, "UK,2" in wrong.message) == (400, True)
        assert tables.ok(tables.org.client.call("DELETE", one, {"version": 1}))["items"] == [item]
        assert tables.org.client.delete(one).status == 404
        assert tables.items() == []

    def test_an_item_is_taken_out_of_the_version_that_is_named(self, tables: Tables) -> None:
        one = f"{tables.data}/UK,1"
        tables.put(("UK", 1, 1))
        for version, status in ((7, 409), (0, 409), ("1", 400), (True, 400)):
            refused = tables.org.client.call("DELETE", one, {"version": version})
            assert (refused.status, "version" in refused.message) == (status, True)
        assert [item["rate"] for item in tables.items()] == [1]
        for body in ({"version": Decimal("1.0")}, {"version": None}, {}):
            tables.ok(tables.org.client.call("DELETE", one, body))
            version = tables.ok(tables.org.client.get(tables.data))["version"]
            tables.ok(tables.put(("UK", 1, 1), version=version))

    def test_clearing_takes_all_out(self, tables: Tables) -> None:
        tables.put(("UK", 1, 1), ("DE", 1, 1))
        assert tables.ok(tables.org.client.delete(tables.data)) == {"result": "deleted"}
        assert tables.items() == []
        assert tables.org.blobs.objects == {}

    def test_a_stale_or_missing_version_changes_nothing(self, tables: Tables) -> None:
        tables.put(("UK", 1, 1))
        assert tables.put(("UK", 1, 2)).status == 400
        assert tables.put(("UK", 1, 2), version=7).status == 409
        assert [item["rate"] for item in tables.items()] == [1]

    def test_only_a_draft_changes(self, tables: Tables) -> None:
        tables.put(("UK", 1, 1))
        tables.move("PUBLISHED")
        refused = tables.put(("UK", 1, 2), version=1)
        assert (refused.status, "DRAFT" in refused.message) == (400, True)
        assert tables.org.client.delete(tables.data).status == 400

    @pytest.mark.parametrize(
        ("item", "named"),
        [
            ({"country": "UK", "level": 1}, "items[0].rate"),
            ({"country": "UK", "level": 1, "rate": "x"}, "items[0].rate"),
            ({"country": 1, "level": 1, "rate": 1}, "items[0].country"),
            ({"country": "UK", "level": True, "rate": 1}, "items[0].level"),
            ({"country": "UK", "level": None, "rate": 1}, "items[0].level"),
            ({"country": "U,K", "level": 1, "rate": 1}, "items[0].country"),
            ({"country": "UK", "level": 1, "rate": 1, "more": 1}, "items[0].more"),
            ({"country": "UK", "level": 10**40, "rate": 1}, "items[0].level"),
        ],
    )
    def test_a_wrong_item_keeps_all_out(self, tables: Tables, item: dict[str, Any], named: str) -> None:
        good = {"country": "DE", "level": 1, "rate": 1}
        refused = tables.org.client.put(tables.data, {"items": [item, good]})
        assert refused.status == 400
        assert named in refused.message
        assert tables.items() == []

    def test_two_items_with_one_key_are_refused(self, tables: Tables) -> None:
        refused = tables.put(("UK", 1, 1), ("UK", Decimal("1.0"), 2))
        assert (refused.status, "UK,1" in refused.message) == (400, True)
        assert tables.org.client.put(tables.data, {"items": [{}] * 2001}).status == 400

    def test_a_single_key_may_hold_commas(self, tables: Tables) -> None:
        one = tables.revision(keys=["country"])
        data = f"{tables.path}/revisions/{one['id']}/data"
        assert tables.put(("a,b", 1, 1), data=data).status == 200
        assert tables.ok(tables.org.client.get(f"{data}/a%2Cb"))["items"][0]["country"] == "a,b"

    def test_an_interrupted_change_is_as_if_it_had_not_been(
        self, tables: Tables, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tables.put(("UK", 1, 1))
        with monkeypatch.context() as broken:
            broken.setattr(tables.org.store, "commit", _fails)
            with pytest.raises(ConnectionError):
                _raise(tables)
        assert [item["rate"] for item in tables.items()] == [1]
        assert tables.put(("UK", 1, 2), version=1).status == 200
        assert [item["rate"] for item in tables.items()] == [2]

    def test_rivals_are_decided_one_after_another(self, tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
        commit, refusals = tables.org.store.commit, [StaleGuardError("moved")] * 2

        def sometimes(*arguments: Any) -> None:
            if refusals:
                raise refusals.pop()
            commit(*arguments)

        monkeypatch.setattr(tables.org.store, "commit", sometimes)
        assert tables.put(("UK", 1, 1)).status == 200
        assert len(tables.items()) == 1


def _fails(*_: Any) -> None:
    raise ConnectionError


def _raise(tables: Tables) -> None:
    """A request whose commit fails; the handler answers 500, so the use case is called past it."""
    if tables.put(("UK", 1, 2), version=1).status == 500:
        raise ConnectionError


keys = st.tuples(st.sampled_from(["UK", "DE", "FR"]), st.integers(0, 30))


@given(st.lists(st.lists(st.tuples(keys, st.integers(0, 9)), max_size=8, unique_by=lambda row: row[0]), max_size=4))
def test_items_equal_a_dictionary_that_was_told_the_same(batches: list[list[tuple[tuple[str, int], int]]]) -> None:
    tables, expected, version = Tables(), {}, None
    for batch in batches:
        rows = [(country, level, rate) for (country, level), rate in batch]
        version = tables.ok(tables.put(*rows, version=version))["version"]
        expected |= dict(batch)
    found = {(item["country"], item["level"]): item["rate"] for item in tables.items()}
    assert found == expected
    assert len(tables.org.blobs.objects) <= SHARDS


def test_keys_are_spread_over_all_shards() -> None:
    assert len({shard_of(f"key-{number}") for number in range(500)}) == SHARDS

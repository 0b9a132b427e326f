"""Merging and intersecting sorted ids equals what sets say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.clock import FrozenClock
from usance.adapters.dynamodb.id_pages import page_of
from usance.adapters.dynamodb.id_streams import (
    AllOf,
    AnyOf,
    IdStream,
    KnownIds,
    PartitionIds,
)
from usance.application.paging import decode_token, encode_token
from usance.application.ports.deadline import Deadline
from usance.application.ports.entities import Page


@dataclass
class FakeClient:
    """Sorted partitions, read as DynamoDB reads them backwards; counts the reads."""

    partitions: Mapping[str, Sequence[str]]
    reads: int = 0

    def query(self, **request: Any) -> dict[str, Any]:
        self.reads += 1
        values = request["ExpressionAttributeValues"]
        limit = values.get(":limit", {}).get("S")
        ids = sorted(self.partitions[values[":pk"]["S"]], reverse=True)
        below = [id_ for id_ in ids if limit is None or id_ < limit]
        page = below[: request["Limit"]]
        answer: dict[str, Any] = {"Items": [{"sk": {"S": id_}} for id_ in page]}
        return answer | ({"LastEvaluatedKey": {}} if len(below) > len(page) else {})


def drained(stream: IdStream) -> list[str]:
    found: list[str] = []
    while (id_ := stream.below(found[-1] if found else None)) is not None:
        found.append(id_)
    return found


FOREVER = Deadline(FrozenClock(), FrozenClock().now() + timedelta(seconds=1))
NUMBERS = st.sets(st.integers(0, 60), max_size=40)


@given(st.lists(st.lists(NUMBERS, min_size=1, max_size=3), min_size=1, max_size=3), st.integers(1, 7))
def test_filters_are_sets(filters: list[list[set[int]]], chunk: int) -> None:
    partitions = {
        f"{f}.{v}": [f"{number:04}" for number in numbers]
        for f, values in enumerate(filters)
        for v, numbers in enumerate(values)
    }
    client = FakeClient(partitions)
    stream = AllOf(
        [
            AnyOf([PartitionIds(client, "table", f"{f}.{v}", chunk) for v in range(len(values))])
            for f, values in enumerate(filters)
        ],
        FOREVER,
    )
    expected = set.intersection(*(set().union(*values) for values in filters))
    assert drained(stream) == sorted((f"{number:04}" for number in expected), reverse=True)


def test_a_rare_filter_spares_reading_a_frequent_one() -> None:
    client = FakeClient({"all": [f"{number:04}" for number in range(5_000)], "rare": ["0007", "4000"]})
    stream = AllOf([PartitionIds(client, "table", "all", 10), PartitionIds(client, "table", "rare", 10)], FOREVER)
    assert drained(stream) == ["4000", "0007"]
    assert client.reads <= 6


def test_known_ids_are_a_stream() -> None:
    asked = [id_of(number) for number in (2, 3, 1, 2)]
    assert drained(KnownIds(asked)) == [id_of(3), id_of(2), id_of(1)]
    assert drained(KnownIds(())) == []


def test_what_is_no_id_is_on_no_stream() -> None:
    for text in ("", "zzz", "f" * 36, id_of(5).replace("7000", "700G"), id_of(0xF).upper(), id_of(5) + "0", "é"):
        assert drained(KnownIds((text, id_of(1)))) == [id_of(1)], text


@given(st.text(max_size=40), st.integers(0, 30))
def test_a_list_of_asked_ids_that_is_cut_at_its_deadline_can_be_gone_on_with(text: str, reads: int) -> None:
    client = FakeClient({"odd": [id_of(number) for number in range(1, 100, 2)]})
    texts = [text, "zzzz", *(id_of(number) for number in range(0, 100, 2)), id_of(9)]
    found: list[str] = []
    token: str | None = None
    while True:
        client.reads = 0
        deadline = deadline_after(reads, client)
        stream = AllOf([KnownIds(texts), PartitionIds(client, "table", "odd", 10)], deadline)
        limit = decode_token(token) if token else None
        page = page_of(stream, limit, 5, deadline, lambda ids: [{"id": id_} for id_ in ids])
        found += [one["id"] for one in page.data]
        token = page.next_token
        if token is None:
            break
    assert found == [id_of(9)]


@given(st.uuids())
def test_a_page_token_holds_its_id(id_: Any) -> None:
    assert decode_token(encode_token(str(id_))) == str(id_)


@dataclass
class ReadingClock:
    """A second passes with every read of a client."""

    client: FakeClient
    start: datetime = field(default_factory=FrozenClock().now)

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.client.reads)


def deadline_after(reads: int, client: FakeClient) -> Deadline:
    clock = ReadingClock(client)
    return Deadline(clock, clock.now() + timedelta(seconds=reads))


def id_of(number: int) -> str:
    return f"{number:08x}-0000-7000-8000-000000000000"


class Crowds:
    """Two filters that match hundreds of entities each, of which `common` are in both."""

    def __init__(self, common: Sequence[int]) -> None:
        even = {id_of(number) for number in range(0, 2_000, 2)}
        odd = {id_of(number) for number in range(1, 2_000, 2)}
        both = {id_of(number) for number in common}
        self.client = FakeClient({"even": sorted(even | both), "odd": sorted(odd | both)})

    def page(self, size: int, token: str | None = None) -> Page:
        deadline = deadline_after(20, self.client)
        streams = [PartitionIds(self.client, "table", pk, 10) for pk in ("even", "odd")]
        limit = decode_token(token) if token else None
        return page_of(AllOf(streams, deadline), limit, size, deadline, lambda ids: [{"id": id_} for id_ in ids])


def test_crowds_with_nothing_in_common_are_left_in_time_and_gone_on_with() -> None:
    crowds, reads, token = Crowds([7]), [0], None
    found: list[str] = []
    while True:
        page = crowds.page(10, token)
        reads.append(crowds.client.reads)
        found += [one["id"] for one in page.data]
        token = page.next_token
        if token is None:
            break
    assert found == [id_of(7)]
    assert len(reads) > 5
    assert max(after - before for before, after in pairwise(reads)) <= 22


def test_what_crowds_have_in_common_is_a_short_page_and_the_rest_follows() -> None:
    crowds = Crowds([1_990, 1_950, 1_900])
    first = crowds.page(10)
    assert [one["id"] for one in first.data] == [id_of(number) for number in (1_990, 1_950, 1_900)]
    assert first.next_token
    assert crowds.page(3).next_token
    full = crowds.page(2)
    assert [one["id"] for one in full.data] == [id_of(1_990), id_of(1_950)]
    assert [one["id"] for one in crowds.page(1, full.next_token).data] == [id_of(1_900)]


def test_ids_whose_entities_are_not_wanted_are_read_until_the_deadline() -> None:
    client = FakeClient({"all": [id_of(number) for number in range(1_000)]})
    deadline = deadline_after(20, client)
    for wanted in (set[str](), {id_of(990)}):
        client.reads = 0
        stream = AllOf([PartitionIds(client, "table", "all", 10)], deadline)

        def load(ids: Sequence[str], wanted: set[str] = wanted) -> list[dict[str, str]]:
            return [{"id": id_} for id_ in ids if id_ in wanted]

        page = page_of(stream, None, 5, deadline, load)
        assert [one["id"] for one in page.data] == sorted(wanted)
        assert page.next_token
        assert decode_token(page.next_token) < id_of(990)
        assert client.reads <= 22

"""Merging and intersecting sorted ids equals what sets say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from usance.adapters.dynamodb.id_streams import AllOf, AnyOf, IdStream, KnownIds, PartitionIds
from usance.application.paging import decode_token, encode_token


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
        ]
    )
    expected = set.intersection(*(set().union(*values) for values in filters))
    assert drained(stream) == sorted((f"{number:04}" for number in expected), reverse=True)


def test_a_rare_filter_spares_reading_a_frequent_one() -> None:
    client = FakeClient({"all": [f"{number:04}" for number in range(5_000)], "rare": ["0007", "4000"]})
    stream = AllOf([PartitionIds(client, "table", "all", 10), PartitionIds(client, "table", "rare", 10)])
    assert drained(stream) == ["4000", "0007"]
    assert client.reads <= 6


def test_known_ids_are_a_stream() -> None:
    assert drained(KnownIds(("b", "c", "a", "b"))) == ["c", "b", "a"]
    assert drained(KnownIds(())) == []


@given(st.uuids())
def test_a_page_token_holds_its_id(id_: Any) -> None:
    assert decode_token(encode_token(str(id_))) == str(id_)

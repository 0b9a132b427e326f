"""Ids in descending order out of sorted partitions, merged (any of several values) and intersected (several filters).

A list is read by skipping: each stream is asked for its greatest id below a limit, so an intersection reads about as
much as its smallest member and never a whole filter.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from typing import Any, Final, Protocol

from usance.adapters.dynamodb.transactions import store_faults
from usance.application.ports.deadline import Deadline
from usance.domain.kernel.ids import is_id

CHUNK_MAX: Final = 200  # ids per read: some 20 kB, one round trip for most filters


class LateError(Exception):
    """The deadline passed before an id was found that is in every stream; `last` may be one, none above it is."""

    def __init__(self, last: str) -> None:
        super().__init__(last)
        self.last = last


class IdStream(Protocol):
    """Ids by descending order."""

    def below(self, limit: str | None) -> str | None:
        """The greatest id smaller than `limit` (None: the greatest of all). Limits must not grow from call to call."""
        ...


@dataclass(slots=True)
class PartitionIds:
    """The sort keys of one partition."""

    client: Any
    table: str
    pk: str
    chunk: int = CHUNK_MAX
    _buffer: list[str] = field(default_factory=list)
    _position: int = 0
    _exhausted: bool = False

    def below(self, limit: str | None) -> str | None:
        """See `IdStream`."""
        while self._position < len(self._buffer) and limit is not None and self._buffer[self._position] >= limit:
            self._position += 1
        if self._position >= len(self._buffer) and not self._exhausted:
            self._read(limit)
        return self._buffer[self._position] if self._position < len(self._buffer) else None

    def between(self, low: str, high: str) -> Sequence[str]:
        """All from `low` to `high`, neither of which is an id itself, at once."""
        ids: list[str] = []
        more: dict[str, Any] = {}
        while True:
            values = {":pk": {"S": self.pk}, ":low": {"S": low}, ":high": {"S": high}}
            answer = self._query("pk = :pk AND sk BETWEEN :low AND :high", values, **more)
            ids += (item["sk"]["S"] for item in answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return ids
            more = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _read(self, limit: str | None) -> None:
        condition, values = "pk = :pk", {":pk": {"S": self.pk}}
        if limit is not None:
            condition, values = "pk = :pk AND sk < :limit", {**values, ":limit": {"S": limit}}
        answer = self._query(condition, values, Limit=self.chunk)
        self._buffer = [item["sk"]["S"] for item in answer["Items"]]
        self._position = 0
        self._exhausted = "LastEvaluatedKey" not in answer

    def _query(self, condition: str, values: Mapping[str, Any], **more: Any) -> Any:
        with store_faults():
            return self.client.query(
                TableName=self.table,
                KeyConditionExpression=condition,
                ExpressionAttributeValues=values,
                ProjectionExpression="sk",
                ScanIndexForward=False,
                ConsistentRead=True,
                **more,
            )


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Ids that are in at least one stream."""

    streams: Sequence[IdStream]

    def below(self, limit: str | None) -> str | None:
        """See `IdStream`."""
        return max((found for stream in self.streams if (found := stream.below(limit)) is not None), default=None)


@dataclass(frozen=True, slots=True)
class AllOf:
    """Ids that are in every stream. `LateError` when the deadline passes before one is found."""

    streams: Sequence[IdStream]
    deadline: Deadline | None = None

    def below(self, limit: str | None) -> str | None:
        """See `IdStream`."""
        while True:
            found = [stream.below(limit) for stream in self.streams]
            smallest = min((id_ for id_ in found if id_ is not None), default=None)
            if smallest is None or None in found:
                return None
            if all(id_ == smallest for id_ in found):
                return smallest
            if self.deadline is not None and self.deadline.passed():
                raise LateError(smallest)
            limit = _just_above(smallest)


@dataclass(slots=True)
class KnownIds:
    """Texts given by a client, as far as they are ids: pages and their tokens are made of ids alone."""

    texts: InitVar[Iterable[str]]
    _ids: list[str] = field(init=False)

    def __post_init__(self, texts: Iterable[str]) -> None:
        """Keep the ids, in ascending order."""
        self._ids = sorted(text for text in set(texts) if is_id(text))

    def below(self, limit: str | None) -> str | None:
        """See `IdStream`."""
        while self._ids and limit is not None and self._ids[-1] >= limit:
            self._ids.pop()
        return self._ids[-1] if self._ids else None


def _just_above(id_: str) -> str:
    return id_ + " "  # no id is the prefix of another

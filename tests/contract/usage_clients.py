"""Clients of a table of measurements that show readers what a table may show them."""

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

Row = dict[str, Any]


class LaggingIndex:
    """A client whose index is behind with merging, by any time and in any order.

    A query of it may still have items that are gone, and may not have merged ones yet; the next query decides anew, as if
    another copy of the index answered. Items that were put, and are there, it has.
    """

    def __init__(self, client: Any, random: Random) -> None:
        self._client = client
        self._random = random
        self._known: dict[str, Row] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def get_paginator(self, operation: str) -> "LaggingIndex":
        assert operation in {"query", "scan"}
        return self if operation == "query" else self._client.get_paginator(operation)

    def put_item(self, **request: Any) -> Any:
        answer = self._client.put_item(**request)
        if "received" in request["Item"]:
            self._known[request["Item"]["received"]["S"]] = {"received": request["Item"]["received"]}
        return answer

    def paginate(self, **request: Any) -> Iterator[Row]:
        pages = self._client.get_paginator("query").paginate(**request)
        if "IndexName" not in request:
            return iter(pages)
        there = {row["received"]["S"]: row for page in pages for row in page["Items"]}
        first, last = (request["ExpressionAttributeValues"][name]["S"] for name in (":first", ":last"))
        gone = [key for key in self._known if first <= key <= last and key not in there]
        rows = [row for key, row in there.items() if not _merged(key) or self._random.random() < 0.5]
        rows += [self._known[key] for key in gone if self._random.random() < 0.5]
        self._known |= there
        return iter([{"Items": rows}])


class Interrupted:
    """A client whose call number `at` is preceded by something else."""

    def __init__(self, client: Any, at: int, meanwhile: Callable[[], object]) -> None:
        self._client = client
        self._left = at
        self._meanwhile = meanwhile
        self.interrupted = False

    def batch_get_item(self, **request: Any) -> Any:
        self._count()
        return self._client.batch_get_item(**request)

    def get_paginator(self, operation: str) -> "Interrupted":
        assert operation == "query"
        return self

    def paginate(self, **request: Any) -> Any:
        self._count()
        return self._client.get_paginator("query").paginate(**request)

    def _count(self) -> None:
        if self._left == 0:
            self._meanwhile()
            self.interrupted = True
        self._left -= 1


def _merged(received: str) -> bool:
    return received.rpartition("#")[0].rpartition("#")[2].startswith("m")

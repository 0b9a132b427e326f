"""Line items of a bill as compressed rows beside it: 30,000 of them fit the transaction that writes the bill.

Their partition is `{org}#bill#{id}`, their sort keys `lines#0000`, `lines#0001`, …. Together the rows hold one
compressed JSON array, cut at `CHUNK_BYTES`. Each row carries the same `calculation`, so that a reader knows whether the
rows it got belong together.
"""

import zlib
from collections.abc import Sequence
from typing import Any, Final

from usance.adapters.dynamodb import keys
from usance.adapters.dynamodb.transactions import Step, store_faults
from usance.domain.kernel.errors import InvalidInputError, VersionConflictError
from usance.domain.kernel.ids import derived_id
from usance.resources import wire
from usance.resources.wire import Document

CHUNK_BYTES: Final = 350_000  # DynamoDB rows stop at 400 KB
TOTAL_MAX_BYTES: Final = 3_500_000  # DynamoDB transactions stop at 4 MB; the rest is for the header and its indexes
READS_MAX: Final = 5  # a bill is recalculated every few minutes at most
LEVEL: Final = 6


def line_partition(org_id: str, bill_id: str) -> str:
    """Where a bill's line items are."""
    return f"{org_id}#bill#{bill_id}"


def put_lines(
    table: str, org_id: str, bill_id: str, line_items: Sequence[Document], *, chunks_before: int
) -> list[Step]:
    """Replace the line items. Rows are read back by their number; `chunks_before` tells how many were there."""
    text = wire.dumps(line_items)
    packed = zlib.compress(text, LEVEL)
    if len(packed) > TOTAL_MAX_BYTES:
        raise InvalidInputError(
            f"the bill {bill_id} has {len(line_items)} line items, more than one bill holds; use fewer segments or plans"
        )
    calculation = derived_id(text.decode())
    chunks = [packed[start : start + CHUNK_BYTES] for start in range(0, len(packed), CHUNK_BYTES)]
    puts = [_put(table, org_id, bill_id, number, chunk, calculation) for number, chunk in enumerate(chunks)]
    return [*puts, *drop_lines(table, org_id, bill_id, range(len(chunks), chunks_before))]


def drop_lines(table: str, org_id: str, bill_id: str, numbers: range) -> list[Step]:
    """Remove the rows of these numbers."""
    return [
        _step({"Delete": {"TableName": table, "Key": keys.key(line_partition(org_id, bill_id), _sort_key(number))}})
        for number in numbers
    ]


def chunk_count(steps: Sequence[Step]) -> int:
    """How many rows `steps` of `put_lines` write."""
    return sum("Put" in step.item for step in steps)


def read_lines(client: Any, table: str, org_id: str, bill_id: str) -> list[Document]:
    """The line items of one calculation, in order; none when there is no bill."""
    for _ in range(READS_MAX):
        rows = _rows(client, table, line_partition(org_id, bill_id))
        if len({row["calculation"]["S"] for row in rows}) <= 1:
            packed = b"".join(row["chunk"]["B"] for row in rows)
            return list(wire.loads(zlib.decompress(packed))) if packed else []
    raise VersionConflictError(f"the bill {bill_id} is being calculated again; repeat the request")


def _rows(client: Any, table: str, pk: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    start: dict[str, Any] = {}
    while True:
        with store_faults():
            answer = client.query(
                TableName=table,
                KeyConditionExpression="pk = :pk AND begins_with(sk, :lines)",
                ExpressionAttributeValues={":pk": {"S": pk}, ":lines": {"S": "lines#"}},
                ConsistentRead=True,
                **start,
            )
        rows += answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return rows
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def _put(table: str, org_id: str, bill_id: str, number: int, chunk: bytes, calculation: str) -> Step:
    item = {
        **keys.key(line_partition(org_id, bill_id), _sort_key(number)),
        "chunk": {"B": chunk},
        "calculation": {"S": calculation},
    }
    return _step({"Put": {"TableName": table, "Item": item}})


def _sort_key(number: int) -> str:
    return f"lines#{number:04d}"


def _step(item: dict[str, Any]) -> Step:
    return Step(item, lambda _: VersionConflictError("the bill changed meanwhile; read it again"))

"""Bills in DynamoDB: the header is an entity row of type `bill`, its line items are rows beside it (`bill_lines.py`).

Everything one change touches commits together: header, index rows, line items and, for a new bill of an organization
that numbers its bills, the counter at `{org}#bill#number`.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from usance.adapters.clock import SystemClock
from usance.adapters.dynamodb import keys
from usance.adapters.dynamodb.batch_reads import read_items
from usance.adapters.dynamodb.bill_lines import chunk_count, drop_lines, put_lines, read_lines
from usance.adapters.dynamodb.bill_streams import BILL, BillStreams, first_id, is_redated, matches
from usance.adapters.dynamodb.entities import DynamoEntityRepository
from usance.adapters.dynamodb.entity_steps import Row, change_steps
from usance.adapters.dynamodb.id_pages import page_of
from usance.adapters.dynamodb.id_streams import PartitionIds
from usance.adapters.dynamodb.transactions import ITEMS_MAX, Step, pause, store_faults, transact
from usance.application.paging import decode_token
from usance.application.ports.bills import INDEXED, INDEXED_BY_LINES, BillQuery, DateRange, StoredBill
from usance.application.ports.clock import Clock
from usance.application.ports.deadline import Deadline
from usance.application.ports.entities import Delete, Guard, Page, Put
from usance.domain.billing.numbering import Numbering
from usance.domain.kernel.errors import (
    InvalidInputError,
    NotFoundError,
    UnavailableError,
    UsanceError,
    VersionConflictError,
)
from usance.resources import wire
from usance.resources.wire import Document

NUMBER_ATTEMPTS_MAX: Final = 60  # every worker of a run asks the one counter; each round one of them gets its number
FOUND_BY: Final = "foundBy"  # beside the bill: what its line items are found by
PAUSES_MAX: Final = 4  # longer pauses help nobody: the counter is free again after one transaction


class DynamoBillRepository:
    """`BillRepository` over the entities table. `client` is a low-level DynamoDB client."""

    def __init__(self, client: Any, table: str, clock: Clock | None = None) -> None:
        self._client = client
        self._table = table
        self._clock = clock or SystemClock()
        self._entities = DynamoEntityRepository(client, table, self._clock)

    def get(self, org_id: str, bill_id: str) -> Document | None:
        """See the port."""
        return self._entities.get(org_id, BILL, bill_id)

    def get_stored(self, org_id: str, bill_id: str) -> StoredBill | None:
        """See the port."""
        row = self._row(org_id, bill_id)
        return StoredBill(row.document, row.private) if row else None

    def get_many(self, org_id: str, ids: Sequence[str]) -> Sequence[Document]:
        """See the port."""
        return self._entities.get_many(org_id, BILL, ids)

    def get_many_stored(self, org_id: str, ids: Sequence[str]) -> Sequence[StoredBill]:
        """See the port."""
        wanted = [keys.entity_key(org_id, BILL, id_) for id_ in dict.fromkeys(ids)]
        rows = {row.id: row for row in map(Row.read, read_items(self._client, self._table, wanted))}
        return [StoredBill(rows[id_].document, rows[id_].private) for id_ in dict.fromkeys(ids) if id_ in rows]

    def ids_between(self, org_id: str, account_id: str, days: DateRange) -> Sequence[str]:
        """See the port."""
        assert days.start
        assert days.end
        ids: list[str] = []
        for pk in keys.filter_partitions(org_id, BILL, "accountId", account_id):
            ids += PartitionIds(self._client, self._table, pk).between(first_id(days.start), first_id(days.end))
        return ids

    def line_items(self, org_id: str, bill_id: str) -> Sequence[Document]:
        """See the port."""
        return read_lines(self._client, self._table, org_id, bill_id)

    def list_page(
        self,
        org_id: str,
        query: BillQuery,
        *,
        page_size: int,
        next_token: str | None = None,
        deadline: Deadline | None = None,
    ) -> Page:
        """See the port."""
        limit = decode_token(next_token) if next_token else None
        return page_of(
            BillStreams(self._client, self._table, org_id, deadline).of(query),
            limit,
            page_size,
            deadline,
            lambda ids: [
                header for header in self._entities.matching(org_id, BILL, ids, query.filters) if matches(header, query)
            ],
        )

    def exists_up_to(self, org_id: str, status: str, last_day: date) -> bool:
        """See the port."""
        streams = BillStreams(self._client, self._table, org_id)
        return streams.up_to(streams.equal("status", [status]), last_day).below(None) is not None

    def create(
        self,
        org_id: str,
        header: Document,
        line_items: Sequence[Document],
        *,
        private: Mapping[str, str],
        numbering: Numbering | None,
        beside: Sequence[Put | Delete] = (),
        guards: Sequence[Guard] = (),
    ) -> Document:
        """See the port."""
        for attempt in range(NUMBER_ATTEMPTS_MAX):
            numbered, counting = self._number(org_id, header, numbering)
            try:
                self._write(org_id, numbered, None, line_items, private, counting, beside, guards)
            except _NumberTakenError:
                pause(min(attempt, PAUSES_MAX))
                continue
            return numbered
        raise UnavailableError("many bills are being numbered at the same time; the bill will be calculated again")

    def replace(
        self,
        org_id: str,
        header: Document,
        *,
        expected_version: int,
        line_items: Sequence[Document] | None = None,
        private: Mapping[str, str] | None = None,
        beside: Sequence[Put | Delete] = (),
        guards: Sequence[Guard] = (),
    ) -> None:
        """See the port."""
        previous = self._expect(org_id, header["id"], expected_version)
        kept = private if private is not None else previous.private
        self._write(org_id, header, previous, line_items, kept, [], beside, guards)

    def delete(
        self,
        org_id: str,
        bill_id: str,
        expected_version: int,
        *,
        beside: Sequence[Put | Delete] = (),
        guards: Sequence[Guard] = (),
    ) -> None:
        """See the port."""
        previous = self._expect(org_id, bill_id, expected_version)
        change = Delete(BILL, bill_id, expected_version, guards=guards)
        chunks = range(int(previous.private.get("chunks", 0)))
        steps = self._changes(org_id, change, previous, beside)
        self._commit(bill_id, [*steps, *drop_lines(self._table, org_id, bill_id, chunks)])

    def _write(
        self,
        org_id: str,
        header: Document,
        previous: Row | None,
        line_items: Sequence[Document] | None,
        private: Mapping[str, str],
        more: Sequence[Step],
        beside: Sequence[Put | Delete],
        guards: Sequence[Guard],
    ) -> None:
        bill_id = header["id"]
        before = int(previous.private.get("chunks", 0)) if previous else 0
        lines = [] if line_items is None else put_lines(self._table, org_id, bill_id, line_items, chunks_before=before)
        chunks = before if line_items is None else chunk_count(lines)
        found_by = _found_by(line_items) if line_items is not None else _kept(previous)
        change = Put(
            BILL,
            header,
            previous.version if previous else None,
            indexed={**_indexed(header), **found_by},
            private={**private, "chunks": str(chunks), FOUND_BY: wire.dumps(found_by).decode()},
            guards=guards,
        )
        self._commit(bill_id, [*self._changes(org_id, change, previous, beside), *lines, *more])

    def _changes(
        self, org_id: str, change: Put | Delete, previous: Row | None, beside: Sequence[Put | Delete]
    ) -> list[Step]:
        """The steps of a change of a bill and of the entities beside it."""
        bill_id = change.id if isinstance(change, Delete) else str(change.document["id"])
        before = {(BILL, bill_id): previous, **self._entities.rows_before(org_id, beside)}
        return change_steps(self._table, org_id, [change, *beside], before, self._now())

    def _commit(self, bill_id: str, steps: Sequence[Step]) -> None:
        if len(steps) > ITEMS_MAX:
            raise InvalidInputError(
                f"the bill {bill_id} draws, or drew, on more commitments and balances than one transaction holds; "
                "delete it and bill again"
            )
        transact(self._client, steps)

    def _number(self, org_id: str, header: Document, numbering: Numbering | None) -> tuple[Document, list[Step]]:
        if numbering is None:
            return header, []
        key = keys.key(f"{org_id}#bill#number", "number")
        with store_faults():
            row = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        last = int(row["last"]["N"]) if row else None
        number = numbering.following(last)
        return {**header, "sequentialInvoiceNumber": numbering.text(number)}, [_count(self._table, key, last, number)]

    def _expect(self, org_id: str, bill_id: str, version: int) -> Row:
        row = self._row(org_id, bill_id)
        if row is None:
            raise NotFoundError(f"there is no bill {bill_id}")
        if row.version != version:
            raise VersionConflictError(f"the bill {bill_id} changed meanwhile; read it again")
        return row

    def _row(self, org_id: str, bill_id: str) -> Row | None:
        with store_faults():
            answer = self._client.get_item(
                TableName=self._table, Key=keys.entity_key(org_id, BILL, bill_id), ConsistentRead=True
            )
        return Row.read(answer["Item"]) if "Item" in answer else None

    def _now(self) -> int:
        return int(self._clock.now().timestamp())


class _NumberTakenError(UsanceError):
    """Another bill got the number first."""


def _count(table: str, key: Mapping[str, Any], last: int | None, number: int) -> Step:
    update: dict[str, Any] = {
        "TableName": table,
        "Key": key,
        "UpdateExpression": "SET #last = :number",
        "ConditionExpression": "attribute_not_exists(pk)" if last is None else "#last = :last",
        "ExpressionAttributeNames": {"#last": "last"},
        "ExpressionAttributeValues": {":number": {"N": str(number)}},
    }
    if last is not None:
        update["ExpressionAttributeValues"][":last"] = {"N": str(last)}
    return Step({"Update": update}, lambda _: _NumberTakenError("the number is taken"))


def _found_by(line_items: Sequence[Document]) -> Mapping[str, Sequence[str]]:
    """By which of its line items' fields a bill is found."""
    return {
        field: values
        for field in INDEXED_BY_LINES
        if (values := sorted({str(line[field]) for line in line_items if line.get(field) is not None}))
    }


def _kept(previous: Row | None) -> Mapping[str, Sequence[str]]:
    """What a change of the header alone leaves as it is."""
    found: Mapping[str, Sequence[str]] = wire.loads(previous.private.get(FOUND_BY, "{}")) if previous else {}
    return found


def _indexed(header: Document) -> Mapping[str, Sequence[str]]:
    values = {field: [str(header[field])] for field in INDEXED if header.get(field) is not None}
    values["locked"] = [str(bool(header["locked"])).lower()]
    if is_redated(header):
        values["redated"] = ["true"]
    return values

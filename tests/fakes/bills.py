"""Bills in memory, with the semantics of `usance.adapters.dynamodb.bills`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from tests.fakes.entities import FakeEntityRepository
from usance.application.paging import decode_token, encode_token
from usance.application.ports.bills import INDEXED, INDEXED_BY_LINES, BillQuery, DateRange, StoredBill
from usance.application.ports.deadline import Deadline
from usance.application.ports.entities import Delete, Guard, Page, Put
from usance.domain.billing.numbering import Numbering
from usance.domain.kernel.errors import InvalidInputError, NotFoundError, VersionConflictError
from usance.domain.kernel.ids import day_of
from usance.resources import wire
from usance.resources.wire import Document

BILL = "bill"
ITEMS_MAX = 100


@dataclass
class FakeBillRepository:
    """`BillRepository` in dictionaries. Documents are copied through JSON, as a store would.

    The header of a bill is an entity of `entities`, too, found by what the bill is found by.
    """

    headers: dict[tuple[str, str], bytes] = field(default_factory=dict)
    lines: dict[tuple[str, str], bytes] = field(default_factory=dict)
    private: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    writes: int = 0
    entities: FakeEntityRepository = field(default_factory=FakeEntityRepository)

    def get(self, org_id: str, bill_id: str) -> Document | None:
        body = self.headers.get((org_id, bill_id))
        return wire.loads(body) if body else None

    def get_stored(self, org_id: str, bill_id: str) -> StoredBill | None:
        header = self.get(org_id, bill_id)
        return StoredBill(header, dict(self.private[org_id, bill_id])) if header else None

    def get_many(self, org_id: str, ids: Sequence[str]) -> Sequence[Document]:
        found = (self.get(org_id, id_) for id_ in dict.fromkeys(ids))
        return [header for header in found if header]

    def get_many_stored(self, org_id: str, ids: Sequence[str]) -> Sequence[StoredBill]:
        found = (self.get_stored(org_id, id_) for id_ in dict.fromkeys(ids))
        return [stored for stored in found if stored]

    def ids_between(self, org_id: str, account_id: str, days: DateRange) -> Sequence[str]:
        assert days.start
        assert days.end
        found = ((id_, wire.loads(body)) for (org, id_), body in self.headers.items() if org == org_id)
        mine = (id_ for id_, header in found if header["accountId"] == account_id)
        return sorted((id_ for id_ in mine if days.start <= day_of(id_) < days.end), reverse=True)

    def line_items(self, org_id: str, bill_id: str) -> Sequence[Document]:
        body = self.lines.get((org_id, bill_id))
        return wire.loads(body) if body else []

    def list_page(
        self,
        org_id: str,
        query: BillQuery,
        *,
        page_size: int,
        next_token: str | None = None,
        deadline: Deadline | None = None,
    ) -> Page:
        limit = decode_token(next_token) if next_token else None
        found = sorted(
            (
                header
                for (org, id_), body in self.headers.items()
                if org == org_id
                and (limit is None or id_ < limit)
                and _matches(header := wire.loads(body), self.line_items(org, id_), query)
            ),
            key=lambda header: str(header["id"]),
            reverse=True,
        )
        token = encode_token(found[page_size - 1]["id"]) if len(found) > page_size else None
        return Page(found[:page_size], token)

    def exists_up_to(self, org_id: str, status: str, last_day: date) -> bool:
        return any(
            org == org_id and header["status"] == status and _last_day(header) <= last_day
            for (org, _), body in self.headers.items()
            if (header := wire.loads(body))
        )

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
        if (org_id, header["id"]) in self.headers:
            raise VersionConflictError(f"the bill {header['id']} exists already")
        self._commit(org_id, beside, guards)
        if numbering:
            number = self.numbers[org_id] = numbering.following(self.numbers.get(org_id))
            header = {**header, "sequentialInvoiceNumber": numbering.text(number)}
        self._store(org_id, header, line_items, private)
        return header

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
        self._expect(org_id, header["id"], expected_version)
        self._commit(org_id, beside, guards)
        self._store(org_id, header, line_items, private)

    def delete(
        self,
        org_id: str,
        bill_id: str,
        expected_version: int,
        *,
        beside: Sequence[Put | Delete] = (),
        guards: Sequence[Guard] = (),
    ) -> None:
        self._expect(org_id, bill_id, expected_version)
        self._commit(org_id, beside, guards)
        for rows in (self.headers, self.lines, self.private):
            rows.pop((org_id, bill_id), None)
        self.entities.drop(org_id, BILL, bill_id)

    def _commit(self, org_id: str, beside: Sequence[Put | Delete], guards: Sequence[Guard]) -> None:
        if len(beside) >= ITEMS_MAX:
            raise InvalidInputError(
                "the bill draws, or drew, on more commitments and balances than one transaction holds"
            )
        self.entities.check_guards(org_id, guards)
        self.entities.commit(org_id, beside)
        self.entities.move_guards(org_id, guards)

    def _store(
        self,
        org_id: str,
        header: Document,
        line_items: Sequence[Document] | None,
        private: Mapping[str, str] | None,
    ) -> None:
        key = (org_id, header["id"])
        self.writes += 1
        self.headers[key] = wire.dumps(header)
        if line_items is not None:
            self.lines[key] = wire.dumps(line_items)
        if private is not None:
            self.private[key] = dict(private)
        indexed = {name: [str(header[name])] for name in INDEXED if header.get(name) is not None}
        for name in INDEXED_BY_LINES:
            indexed[name] = [str(line[name]) for line in self.line_items(*key) if name in line]
        self.entities.keep(org_id, Put(BILL, header, indexed=indexed))

    def _expect(self, org_id: str, bill_id: str, version: int) -> None:
        header = self.get(org_id, bill_id)
        if header is None:
            raise NotFoundError(f"there is no bill {bill_id}")
        if header["version"] != version:
            raise VersionConflictError(f"the bill {bill_id} changed meanwhile; read it again")


def _matches(header: Document, lines: Sequence[Document], query: BillQuery) -> bool:
    for name, values in query.filters.items():
        if name in INDEXED_BY_LINES:
            if not any(line.get(name) in values for line in lines):
                return False
            continue
        assert name in {*INDEXED, "id"}, f"{name} is not indexed"
        if str(header.get(name)) not in values:
            return False
    locked = header["locked"] or (query.lock_date is not None and _last_day(header) <= query.lock_date)
    return (
        (query.end_date is None or header["endDate"] == query.end_date.isoformat())
        and (query.locked is None or locked == query.locked)
        and _inside(header["billDate"], query.bill_dates)
        and _inside(header["externalInvoiceDate"], query.external_invoice_dates)
    )


def _inside(text: str, dates: DateRange | None) -> bool:
    day = date.fromisoformat(text)
    return dates is None or ((dates.start or date.min) <= day and (dates.end is None or day < dates.end))


def _last_day(header: Document) -> date:
    return date.fromisoformat(header["endDate"]) - timedelta(days=1)

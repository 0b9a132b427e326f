"""An organization with a bill on usage, ready for statements to be asked of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.fakes.blobs import FakeBlobStore
from tests.fakes.clock import CountingIds, FrozenClock
from tests.fakes.entities import FakeEntityRepository
from tests.fakes.queue import FakeQueue
from usance.application.ports.entities import Put
from usance.application.ports.usage_log import AggregatedRow, AggregationQuery, UsageScope
from usance.domain.access import Caller, Statement
from usance.domain.kernel.errors import NotFoundError, VersionConflictError
from usance.resources.wire import Document

ORG = "00000000-0000-7000-8000-00000000000a"
ACCOUNT = "00000000-0000-7000-8000-00000000000b"
METER = "00000000-0000-7000-8000-00000000000c"
AGGREGATION = "00000000-0000-7000-8000-00000000000d"
BILL = "00000000-0000-7000-8000-00000000000e"
DEFINITION = "00000000-0000-7000-8000-00000000000f"
CALCULATED = "2023-12-01T02:00:00.000000Z"

CALLER = Caller(ORG, "user-1", "SERVICE_USER", (Statement("ALLOW", ("ALL",), ("*",)),))
NOBODY = Caller(ORG, "user-2", "SERVICE_USER", ())

LINE: Document = {
    "id": "line-1",
    "lineItemType": "USAGE",
    "description": "Context tokens",
    "productName": "LLM API",
    "meterId": METER,
    "aggregationId": AGGREGATION,
    "quantity": Decimal(300),
    "units": Decimal(300),
    "unit": "token",
    "currency": "USD",
    "subtotal": Decimal("0.90"),
    "convertedSubtotal": Decimal("0.90"),
    "averageUnitPrice": Decimal("0.003"),
    "servicePeriodStartDate": "2023-11-01T00:00:00Z",
    "servicePeriodEndDate": "2023-12-01T00:00:00Z",
}
STANDING: Document = {
    "id": "line-2",
    "lineItemType": "STANDING_CHARGE",
    "description": "Standing Charge",
    "quantity": Decimal(1),
    "units": Decimal(1),
    "unit": "",
    "currency": "USD",
    "subtotal": Decimal(20),
    "convertedSubtotal": Decimal(20),
    "averageUnitPrice": Decimal(20),
    "servicePeriodStartDate": "2023-11-01T00:00:00Z",
    "servicePeriodEndDate": "2023-12-01T00:00:00Z",
}


def bill(**changes: Any) -> Document:
    """A bill for November 2023."""
    return {
        "id": BILL,
        "version": 1,
        "accountId": ACCOUNT,
        "accountCode": "acme",
        "billDate": "2023-12-01",
        "startDate": "2023-11-01",
        "endDate": "2023-12-01",
        "startDateTimeUTC": "2023-11-01T00:00:00Z",
        "endDateTimeUTC": "2023-12-01T00:00:00Z",
        "timezone": "UTC",
        "currency": "USD",
        "status": "APPROVED",
        "locked": False,
        "lastCalculatedDate": CALCULATED,
        **changes,
    }


@dataclass
class Bills:
    """The part of `BillRepository` that statements use. `before_replace` runs once, as a rival would."""

    headers: dict[str, Document]
    items: Sequence[Document] = (LINE, STANDING)
    before_replace: Any = None

    def get(self, org_id: str, bill_id: str) -> Document | None:
        found = self.headers.get(bill_id)
        return dict(found) if found and org_id == ORG else None

    def get_many(self, org_id: str, ids: Sequence[str]) -> Sequence[Document]:
        return [found for id_ in dict.fromkeys(ids) if (found := self.get(org_id, id_))]

    def line_items(self, org_id: str, bill_id: str) -> Sequence[Document]:
        return self.items if org_id == ORG and bill_id in self.headers else ()

    def replace(self, org_id: str, header: Document, *, expected_version: int, **_: Any) -> None:
        if self.before_replace:
            rival, self.before_replace = self.before_replace, None
            rival()
        if header["id"] not in self.headers or org_id != ORG:
            raise NotFoundError("no such bill")
        if self.headers[header["id"]]["version"] != expected_version:
            raise VersionConflictError("changed")
        self.headers[header["id"]] = header


@dataclass
class Usage:
    """`UsageReader` over (time, context tokens, region); sums and counts. `reads` counts the calls."""

    measured: Sequence[tuple[datetime, int, str]] = (
        (datetime(2023, 11, 2, 8, tzinfo=UTC), 100, "UK"),
        (datetime(2023, 11, 2, 9, tzinfo=UTC), 50, "UK"),
        (datetime(2023, 11, 30, 23, 59, tzinfo=UTC), 150, "FR"),
    )
    reads: int = 0
    fail: bool = False

    def aggregate(
        self, scope: UsageScope, start: datetime, end: datetime, queries: Sequence[AggregationQuery]
    ) -> Sequence[Sequence[AggregatedRow]]:
        if self.fail:
            raise ConnectionError("the store is away")
        assert scope == UsageScope(ORG, METER, ACCOUNT)
        self.reads += 1
        return [self._rows(start, end, query) for query in queries]

    def _rows(self, start: datetime, end: datetime, query: AggregationQuery) -> Sequence[AggregatedRow]:
        groups: dict[tuple[datetime, str], list[int]] = {}
        for time, value, region in self.measured:
            if start <= time < end:
                bucket = max(moment for moment in query.bucket_starts if moment <= time)
                groups.setdefault((bucket, region if query.group_by else ""), []).append(value)
        return [
            AggregatedRow(
                {"region": region} if query.group_by else {},
                bucket,
                Decimal(len(values) if query.method == "COUNT" else sum(values)),
                len(values),
            )
            for (bucket, region), values in sorted(groups.items())
        ]


@dataclass
class World:
    """Every store of the use cases, filled."""

    entities: FakeEntityRepository = field(default_factory=FakeEntityRepository)
    bills: Bills = field(default_factory=lambda: Bills({BILL: bill()}))
    usage: Usage = field(default_factory=Usage)
    blobs: FakeBlobStore = field(default_factory=FakeBlobStore)
    queue: FakeQueue = field(default_factory=FakeQueue)
    clock: FrozenClock = field(default_factory=FrozenClock)
    ids: CountingIds = field(default_factory=CountingIds)

    def __post_init__(self) -> None:
        self.add("account", id=ACCOUNT, code="acme", name="Acme Ltd")
        self.add("organizationConfig", id=ORG)
        field_ = {"name": "x", "unit": "1"}
        self.add(
            "meter",
            id=METER,
            code="llm_requests",
            dataFields=[
                {**field_, "code": "context_tokens", "category": "MEASURE"},
                {**field_, "code": "region", "category": "WHERE"},
            ],
            derivedFields=[],
        )
        self.add("aggregation", id=AGGREGATION, targetField="context_tokens", aggregation="SUM")

    def add(self, type_: str, **document: Any) -> None:
        """Store an entity, or its next version."""
        old = self.entities.get(ORG, type_, document["id"])
        version = int(old["version"]) if old else 0
        self.entities.commit(ORG, [Put(type_, {**document, "version": version + 1}, version or None)])

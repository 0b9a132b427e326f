"""An organization with a bill on usage, ready for statements to be asked of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.fakes.bills import FakeBillRepository
from tests.fakes.blobs import FakeBlobStore
from tests.fakes.clock import CountingIds, FrozenClock
from tests.fakes.entities import FakeEntityRepository
from tests.fakes.queue import FakeQueue
from tests.fakes.usage_log import FakeUsageLog
from usance.application.ports.entities import Put
from usance.application.ports.usage_log import AggregatedRow, UsageBatch, UsageScope
from usance.domain.access import Caller, Statement
from usance.domain.metering.columns import Columns
from usance.domain.metering.instants import microseconds
from usance.resources import wire
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
class Bills(FakeBillRepository):
    """`before_replace` runs once before the next change, as a rival would."""

    before_replace: Callable[[], object] | None = None

    def replace(self, org_id: str, header: Document, **options: Any) -> None:
        if self.before_replace:
            rival, self.before_replace = self.before_replace, None
            rival()
        super().replace(org_id, header, **options)


@dataclass
class Usage(FakeUsageLog):
    """`reads` counts the reads; with `away` the store does not answer."""

    reads: int = 0
    away: bool = False

    def aggregate(self, *question: Any, **more: Any) -> Sequence[Sequence[AggregatedRow]]:
        if self.away:
            raise ConnectionError("the store is away")
        self.reads += 1
        return super().aggregate(*question, **more)


@dataclass
class World:
    """Every store of the use cases, filled."""

    entities: FakeEntityRepository = field(default_factory=FakeEntityRepository)
    bills: Bills = field(default_factory=Bills)
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

        self.put_bill()
        self.set_lines(LINE, STANDING)
        self.measure("1", datetime(2023, 11, 2, 8, tzinfo=UTC), 100, "UK")
        self.measure("2", datetime(2023, 11, 2, 9, tzinfo=UTC), 50, "UK")
        self.measure("3", datetime(2023, 11, 30, 23, 59, tzinfo=UTC), 150, "FR")

    def put_bill(self, **changes: Any) -> None:
        """Store the bill as `bill(**changes)`, whatever it was."""
        header = bill(**changes)
        self.bills.headers[ORG, header["id"]] = wire.dumps(header)
        self.bills.private.setdefault((ORG, header["id"]), {})

    def recalculate(self, day: int) -> None:
        """The bill is calculated again on a day of December."""
        self.put_bill(lastCalculatedDate=f"2023-12-{day:02}T00:00:00.000000Z", version=2)

    @property
    def header(self) -> Document:
        """The bill."""
        found = self.bills.get(ORG, BILL)
        assert found is not None
        return found

    def delete_bill(self) -> None:
        """Whoever deletes bills deletes this one."""
        self.bills.headers.clear()

    def set_lines(self, *lines: Document) -> None:
        """Give the bill these line items."""
        self.bills.lines[ORG, BILL] = wire.dumps(lines)

    def measure(self, uid: str, time: datetime, tokens: int, region: str) -> None:
        """A measurement of the account."""
        columns = Columns([uid], [microseconds(time)], [None], {"context_tokens": [tokens]}, {"region": [region]})
        scope = UsageScope(ORG, METER, ACCOUNT)
        self.usage.append([UsageBatch(scope, f"{time:%Y-%m}", uid.zfill(32), time, columns)])

    def add(self, type_: str, **document: Any) -> None:
        """Store an entity, or its next version."""
        old = self.entities.get(ORG, type_, document["id"])
        version = int(old["version"]) if old else 0
        self.entities.commit(ORG, [Put(type_, {**document, "version": version + 1}, version or None)])

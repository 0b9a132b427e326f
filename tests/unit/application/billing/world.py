"""A company in memory that bills: its configuration, usage, queue and worker, driven through HTTP and messages."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

from tests.fakes.bill_progress import FakeBillJobProgress
from tests.fakes.bills import FakeBillRepository
from tests.fakes.clock import FrozenClock
from tests.fakes.composed import Composed
from tests.fakes.events import FakeEventLog
from tests.fakes.http import Answer, Client
from tests.fakes.organization import Organization
from tests.fakes.queue import FakeQueue
from usance.application.billing.preview_bill import Previewing
from usance.application.billing.records.examine import Examining
from usance.application.billing.records.replay import replay_bill
from usance.application.billing.run_message import run_message
from usance.application.billing.run_schedule import run_scheduled_approval, run_scheduled_billing
from usance.application.billing.stores import BillingStores, Workbench
from usance.application.ports.bills import BillRepository
from usance.application.ports.entities import EntityRepository
from usance.application.ports.usage_log import (
    AggregatedRow,
    AggregationQuery,
    HeldMeasurements,
    Repeat,
    Repeats,
    UsageScope,
)
from usance.domain.kernel.errors import UnavailableError
from usance.domain.metering.custom_sql import CustomSql
from usance.domain.metering.evidence import Evidence, evidence, fingerprint
from usance.domain.metering.instants import microseconds
from usance.entrypoints.http import billing, core
from usance.resources.instants import from_text


@dataclass(frozen=True)
class Reading:
    """One measured value."""

    scope: UsageScope
    at: datetime
    field: str
    value: Decimal
    group: dict[str, str]


@dataclass
class Readings:
    """`UsageReader` over values, and copies that do not count, that a test puts in. `outages` is how many reads fail first."""

    all: list[Reading] = field(default_factory=list)
    copies: list[Repeat] = field(default_factory=list)
    reads: int = 0
    outages: int = 0

    def aggregate(
        self,
        scope: UsageScope,
        start: datetime,
        end: datetime,
        queries: Sequence[AggregationQuery],
        *,
        repeats: Repeats | None = None,
    ) -> Sequence[Sequence[AggregatedRow]]:
        if repeats:
            repeats.found += [one for one in self.copies if one.scope == scope and one.received >= repeats.since]
        if self.outages:
            self.outages -= 1
            raise UnavailableError("the store is busy; repeat the request")
        self.reads += 1
        found = [reading for reading in self.all if reading.scope == scope and start <= reading.at < end]
        return [
            _rows(
                query, [reading for reading in found if reading.field == query.target_field and _counts(reading, query)]
            )
            for query in queries
        ]

    def answer(self, _: CustomSql, parts: Sequence[HeldMeasurements]) -> Decimal | None:
        values = [one.value for part in parts for one in cast("list[Reading]", part)]
        return Decimal(_METHODS["CUSTOM_SQL"](values))


def _counts(reading: Reading, query: AggregationQuery) -> bool:
    wanted = all(reading.group.get(code, "") in values for code, values in query.where.items())
    return wanted and not any(reading.group.get(code, "") in values for code, values in query.without.items())


def _rows(query: AggregationQuery, found: Sequence[Reading]) -> list[AggregatedRow]:
    groups: dict[Any, list[Reading]] = {}
    for reading in found:
        bucket = max((edge for edge in query.bucket_starts if edge <= reading.at), default=None)
        key = (tuple(reading.group.get(name, "") for name in query.group_by), bucket)
        groups.setdefault(key, []).append(reading)
    return [
        AggregatedRow(
            dict(zip(query.group_by, group, strict=True)),
            bucket,
            None if query.sql and query.hold else _METHODS[query.method]([reading.value for reading in readings]),
            len(readings),
            evidence=_evidence(readings) if query.evidence else None,
            measured=readings if query.sql and query.hold else None,
        )
        for (group, bucket), readings in groups.items()
    ]


def _evidence(readings: Sequence[Reading]) -> Evidence:
    instants = [microseconds(reading.at) for reading in readings]
    return evidence(
        instants, [fingerprint(f"{reading.value}", at, at) for reading, at in zip(readings, instants, strict=True)]
    )


_METHODS: dict[str, Any] = {
    "SUM": lambda values: sum(values, Decimal(0)),
    "COUNT": lambda values: Decimal(len(values)),
    "MAX": max,
    "MIN": min,
    "MEAN": lambda values: sum(values, Decimal(0)) / len(values),
    "LATEST": lambda values: values[-1],
    "CUSTOM_SQL": lambda values: max(values) - min(values),
    "UNIQUE": lambda values: Decimal(len(set(values))),
}


@dataclass
class World:
    """Time stands at 15 January 2026, noon. `drain` runs the worker until the queue is empty."""

    clock: FrozenClock = field(default_factory=FrozenClock)
    real: tuple[EntityRepository, BillRepository] | None = None  # a contract test's own stores

    def __post_init__(self) -> None:
        self.org = Organization(self.clock, real=self.real[0] if self.real else None)
        self.bills = (
            cast("FakeBillRepository", self.real[1]) if self.real else FakeBillRepository(entities=self.org.store)
        )
        self.usage = Readings()
        self.events = FakeEventLog(self.clock)
        self.queue, self.statements = FakeQueue(), FakeQueue()
        self.pauses: list[int] = []
        self.stores = BillingStores(
            entities=self.org.store,
            bills=self.bills,
            progress=FakeBillJobProgress(),
            billing_queue=self.queue,
            statement_queue=self.statements,
            clock=self.clock,
            ids=self.org.ids,
            pause=self.pauses.append,
        )
        self.bench = Workbench(self.stores, self.usage, self.events, self.org.blobs)
        self.client = Client(_HANDLERS.of(self), self.org.id)

    def configure(self, **changes: Any) -> None:
        """Change the organization's configuration."""
        current = self.org.client.get("/organizationconfig").json
        answer = self.org.client.put("/organizationconfig", {**current, **changes})
        assert answer.status == 200, answer.text

    def subscribe(
        self, *, plan: dict[str, Any] | None = None, template: dict[str, Any] | None = None, **more: Any
    ) -> dict[str, Any]:
        """An account on a new monthly plan of 20.00 with one unit price of 1; `more` goes to the account plan."""
        account = more.pop("account", None) or self.org.make("account")
        made = self.org.make("planTemplate", **(template or {}))
        self.plan = self.org.make("plan", planTemplateId=made["id"], **(plan or {}))
        self.aggregation = self.org.make("aggregation")
        self.price(self.aggregation["id"], planId=self.plan["id"])
        more = {"startDate": "2025-01-01T00:00:00Z", **more}
        self.account_plan = self.org.make("accountPlan", accountId=account["id"], planId=self.plan["id"], **more)
        return account

    def price(self, aggregation_id: str, **more: Any) -> dict[str, Any]:
        bands = [{"lowerLimit": 0, "fixedPrice": 0, "unitPrice": 1}]
        body = {"startDate": "2025-01-01T00:00:00Z", "pricingBands": bands, **more}
        return self.org.make("pricing", aggregationId=aggregation_id, **body)

    def price_counter(self, bands: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        """A price of a new counter, in force since 2025; `more` says of which plan or template, and how it is billed."""
        counter = self.org.make("counter")
        body = {"counterId": counter["id"], "startDate": "2025-01-01T00:00:00Z", "pricingBands": bands, **more}
        return self.org.make("counterPricing", **body)

    def use(self, account: dict[str, Any], at: str, value: Any, **group: str) -> None:
        """A measurement of tokens."""
        scope = UsageScope(self.org.id, self.aggregation["meterId"], account["id"])
        self.usage.all.append(Reading(scope, from_text(at), "tokens", Decimal(str(value)), group))

    def run(self, **job: Any) -> dict[str, Any]:
        """Run a bill job to its end and answer it; by default for the period of 31 December 2025."""
        created = self.post("/billjobs", {"lastDateInBillingPeriod": "2025-12-31", **job})
        self.drain()
        return dict(self.get(f"/billjobs/{created['id']}"))

    def drain(self, *, delivery: int = 1) -> None:
        while taken := self.queue.take():
            for message, _ in taken:
                run_message(self.bench, {}, message, delivery=delivery)

    def tick(self, at: str) -> None:
        """The billing schedule fires."""
        self.clock.instant = from_text(at)
        run_scheduled_billing(self.stores, from_text(at))
        self.drain()

    def approve_due(self, at: str) -> int:
        """The approval schedule fires."""
        return run_scheduled_approval(self.stores, from_text(at))

    def bill(self, job: dict[str, Any]) -> dict[str, Any]:
        """The only bill of a job, which its record gives again, and whose every line explains itself."""
        (bill_id,) = job["billIds"]
        bill = dict(self.get(f"/bills/{bill_id}"))
        replayed = replay_bill(self.bills, self.org.blobs, self.org.id, bill_id)
        assert replayed["equal"], replayed["differences"]
        for line in bill["lineItems"]:
            explained = self.get(f"/bills/{bill_id}/lineitems/{line['id']}/explain")
            assert explained["lineItemType"] == line["lineItemType"]
            if "conversion" in explained:
                assert explained["rounding"]["result"] == line["subtotal"]
                assert explained["conversion"]["result"] == line["convertedSubtotal"]
        return bill

    def all_bills_of(self, job: dict[str, Any]) -> list[dict[str, Any]]:
        """Every bill of a job, with its line items."""
        return [dict(self.get(f"/bills/{bill_id}")) for bill_id in job["billIds"]]

    def all_bills(self, **query: Any) -> list[dict[str, Any]]:
        return list(self.get("/bills", **query)["data"])

    def get(self, path: str, **query: Any) -> Any:
        return _ok(self.client.get(path, **query))

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        return _ok(self.client.post(path, body, **more))

    def put(self, path: str, body: Any = None) -> Any:
        return _ok(self.client.put(path, body))


def _compose(present: Callable[[], World]) -> core.Handler:
    return core.build(
        billing.routes(
            lambda: present().stores,
            lambda: Previewing(present().stores, present().usage, present().org.blobs),
            lambda: Examining(present().stores, present().usage, present().org.blobs),
        )
    )


_HANDLERS = Composed(_compose)


def _ok(answer: Answer) -> Any:
    assert answer.status == 200, answer.text
    return answer.json

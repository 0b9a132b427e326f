"""How fast bills are calculated, without a store: agreement, rating, documents and their compressed form.

What is timed is the worker's own path, `bill_account`, over stores in memory that hand out what they hold, in seconds of
one core: whatever else the machine does at the same time does not count.
"""

import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from benchmarks.figures import Figure
from usance.adapters.clock import TimeOrderedIds
from usance.application.billing.bill_account import bill_account
from usance.application.billing.catalogue import Catalogue
from usance.application.billing.stores import BillingStores, Workbench
from usance.application.ports.bills import StoredBill
from usance.application.ports.entities import Guard
from usance.application.ports.usage_log import AggregatedRow, AggregationQuery, UsageScope
from usance.domain.billing.numbering import Numbering
from usance.domain.rating.bands import Band, charge
from usance.resources import wire
from usance.resources.wire import Document

ORG = "11111111-1111-7111-8111-111111111111"
RATE_TARGET = 500
LARGE_LINES = 30_000
LARGE_TARGET_SECONDS = 10
SEGMENTS = 1_000  # the most an aggregation may have
SECONDS = 3


@dataclass
class _Entities:
    """Configuration that is handed out without a copy."""

    rows: dict[str, dict[str, Document]]
    found: dict[object, list[Document]] = field(default_factory=dict)

    def get(self, _: str, type_: str, id_: str) -> Document | None:
        return self.rows.get(type_, {}).get(id_)

    def get_many(self, _: str, type_: str, ids: Sequence[str]) -> Sequence[Document]:
        return [self.rows[type_][id_] for id_ in ids if id_ in self.rows[type_]]

    def list_all(self, _: str, type_: str, *, filters: Mapping[str, Sequence[str]]) -> Sequence[Document]:
        wanted = (type_, *((name, *values) for name, values in filters.items()))
        if wanted not in self.found:
            rows = self.rows.get(type_, {}).values()
            self.found[wanted] = [
                row for row in rows if all(row.get(name) in values for name, values in filters.items())
            ]
        return self.found[wanted]

    def read_guard(self, _: str, name: str) -> Guard:
        return Guard(name, 0)


@dataclass
class _Bills:
    """Keeps bills as the table does: as compressed text."""

    kept: dict[str, bytes] = field(default_factory=dict)
    lines: int = 0

    def get(self, _: str, __: str) -> None:
        return None

    def get_stored(self, _: str, __: str) -> StoredBill | None:
        return None

    def ids_between(self, _: str, __: str, ___: object) -> Sequence[str]:
        return ()

    def create(
        self,
        _: str,
        header: Document,
        line_items: Sequence[Document],
        *,
        private: Mapping[str, str],
        numbering: Numbering | None,
        beside: Sequence[object] = (),
        guards: Sequence[Guard] = (),
    ) -> Document:
        assert not beside
        assert guards
        assert not numbering
        assert private
        self.lines += len(line_items)
        self.kept[header["id"]] = wire.dumps(header) + zlib.compress(wire.dumps(line_items))
        return header


@dataclass
class _Blobs:
    """Takes records of calculations."""

    sizes: list[int] = field(default_factory=list)

    def put(self, _: str, body: bytes, __: str) -> None:
        self.sizes.append(len(body))


class _Clock:
    def now(self) -> datetime:
        return datetime(2026, 2, 1, tzinfo=UTC)


class _Usage:
    """Answers every query at once, per segment where one is asked for."""

    def aggregate(
        self, _: UsageScope, __: datetime, ___: datetime, queries: Sequence[AggregationQuery], **____: Any
    ) -> Sequence[Sequence[AggregatedRow]]:
        return [
            [AggregatedRow({"customer": f"c{n}"}, None, Decimal(1_000 + n), 1) for n in range(SEGMENTS)]
            if query.group_by
            else [AggregatedRow({}, None, Decimal(18059974), 8_819)]
            for query in queries
        ]


def figures() -> list[Figure]:
    """The figures of this suite."""
    return [bills_rate(), *large_account()]


def bills_rate() -> Figure:
    """Bills per second on one core, 10 line items each; beside it, the bare tier arithmetic of the same lines."""
    bench, job, config = _company(pricings=9, segments=0)
    accounts = _accounts(config, 50)
    count, started = 0, time.process_time()
    while (elapsed := time.process_time() - started) < SECONDS:
        catalogue = Catalogue(bench.stores.entities, ORG)  # one batch of messages
        for account_id in accounts:
            count += len(bill_account(bench, catalogue, job, account_id).bill_ids)
    rate = count / elapsed
    return Figure(
        "bills, 10 line items each, store excluded",
        rate,
        "bills/s",
        "bare tier arithmetic of 10 lines",
        _floor(),
        f">= {RATE_TARGET}",
        rate >= RATE_TARGET,
    )


def large_account() -> list[Figure]:
    """Seconds to calculate and pack the bill of one account with 30,000 line items, and the bytes of its record."""
    bench, job, config = _company(pricings=LARGE_LINES // SEGMENTS, segments=SEGMENTS)
    (account_id,) = _accounts(config, 1)
    started = time.process_time()
    bill_account(bench, Catalogue(bench.stores.entities, ORG), job, account_id)
    seconds = time.process_time() - started
    lines = bench.stores.bills.lines  # type: ignore[attr-defined]
    if lines < LARGE_LINES:
        raise RuntimeError(f"the bill has {lines} lines, not {LARGE_LINES}")
    target = f"< {LARGE_TARGET_SECONDS}"
    record = bench.blobs.sizes[-1]  # type: ignore[attr-defined]
    kept: dict[str, bytes] = bench.stores.bills.kept  # type: ignore[attr-defined]
    bill = sum(map(len, kept.values()))
    return [
        Figure("one account with 30,000 line items", seconds, "s", "", None, target, seconds < LARGE_TARGET_SECONDS),
        Figure("the record of what it is made of", record, "bytes", "the bill itself, compressed", bill),
    ]


def _floor() -> float:
    """How often ten lines' worth of band arithmetic alone can be done in a second."""
    bands = _bands()
    table = tuple(Band(*(band[name] for name in ("id", "lowerLimit", "fixedPrice", "unitPrice"))) for band in bands)
    count, started = 0, time.process_time()
    while (elapsed := time.process_time() - started) < 1:
        for _ in range(10):
            charge(table, Decimal(18059974), cumulative=True)
        count += 1
    return count / elapsed


def _bands() -> list[dict[str, Any]]:
    return [
        {"id": f"band {n}", "lowerLimit": Decimal(limit), "fixedPrice": Decimal(0), "unitPrice": Decimal(price)}
        for n, (limit, price) in enumerate([(0, "0.000003"), (10_000_000, "0.0000015"), (50_000_000, "0.000001")])
    ]


def _company(*, pricings: int, segments: int) -> tuple[Workbench, Document, _Entities]:
    names: list[dict[str, str]] = [{"customer": f"c{n}"} for n in range(segments)]
    aggregations = {
        f"aggregation {n}": {
            "id": f"aggregation {n}",
            "name": f"Tokens {n}",
            "meterId": "meter",
            "aggregation": "SUM",
            "targetField": "tokens",
            "unit": "tokens",
            "quantityPerUnit": Decimal(1),
            "rounding": "NONE",
            "segmentedFields": ["customer"] if segments else [],
            "segments": names,
        }
        for n in range(pricings)
    }
    prices: list[Document] = [
        {
            "id": f"pricing {n} {segment}",
            "planId": "plan",
            "aggregationId": f"aggregation {n}",
            "pricingBands": _bands(),
            "cumulative": True,
            "startDate": "2025-01-01T00:00:00Z",
            **({"segment": segment} if segment else {}),
        }
        for n in range(pricings)
        for segment in (names or [{}])
    ]
    config = {
        "id": ORG,
        "timezone": "Europe/Berlin",
        "currency": "USD",
        "daysBeforeBillDue": 30,
        **dict.fromkeys(("dayEpoch", "weekEpoch", "monthEpoch", "yearEpoch"), "2022-01-01"),
    }
    template = {
        "id": "template",
        "version": 1,
        "productId": "product",
        "currency": "USD",
        "billFrequency": "MONTHLY",
        "standingCharge": Decimal(20),
    }
    entities = _Entities(
        {
            "organizationConfig": {ORG: config},
            "currency": {"usd": {"id": "usd", "code": "USD"}},
            "product": {"product": {"id": "product", "name": "API", "code": "api"}},
            "planTemplate": {"template": template},
            "plan": {"plan": {"id": "plan", "version": 1, "planTemplateId": "template"}},
            "aggregation": aggregations,
            "pricing": {price["id"]: price for price in prices},
        }
    )
    stores: Any = BillingStores(*([entities, _Bills(), None, None, None, _Clock(), TimeOrderedIds(), None]))  # type: ignore[arg-type]
    job = {
        "id": "job",
        "type": "CREATE",
        "createdBy": "SCHEDULER",
        "lastDateInBillingPeriod": date(2026, 1, 31).isoformat(),
    }
    return Workbench(stores, _Usage(), None, _Blobs()), job, entities  # type: ignore[arg-type]


def _accounts(entities: _Entities, count: int) -> list[str]:
    ids = [f"account {n}" for n in range(count)]
    entities.rows["account"] = {id_: {"id": id_, "name": "Acme", "code": id_} for id_ in ids}
    entities.rows["accountPlan"] = {
        id_: {"id": f"plan of {id_}", "accountId": id_, "planId": "plan", "startDate": "2025-01-01T00:00:00Z"}
        for id_ in ids
    }
    return ids

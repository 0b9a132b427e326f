"""A bill as connectors get it, and what it is sent with."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from tests.fakes.clock import FrozenClock
from tests.fakes.connectors import FakeHttpClient, FakeMemory
from usance.application.ports.connectors import BillJob, Connection, Outside
from usance.domain.integrations.external_ids import ExternalId, ExternalIds
from usance.domain.integrations.invoice import Invoice, InvoiceLine, Product

API_CALLS = Product("p1", "api", "API")
BILL_ID = "0e8d0b6c-7a52-4f0e-9a0a-2f6a4a0f7b11"


def line(amount: str, description: str = "API calls", **more: Any) -> InvoiceLine:
    """A line of January 2026."""
    values: dict[str, Any] = {
        "id": f"line-{description}",
        "kind": "USAGE",
        "description": description,
        "quantity": Decimal(1230),
        "unit": "call",
        "unit_price": Decimal("0.01"),
        "amount": Decimal(amount),
        "product": API_CALLS,
        "service_start": datetime(2026, 1, 1, tzinfo=UTC),
        "service_end": datetime(2026, 2, 1, tzinfo=UTC),
    }
    return InvoiceLine(**(values | more))


CREDIT = line("-2.30", "Credit", kind="CREDIT_MEMO", quantity=Decimal(0), product=None)


def invoice(*lines: InvoiceLine, **more: Any) -> Invoice:
    """The bill of January 2026, of 12.30 less a credit of 2.30 where no lines are given."""
    written = lines or (line("12.30"), CREDIT)
    values: dict[str, Any] = {
        "bill_id": BILL_ID,
        "life": "2026-02-01T00:00:05Z",
        "revision": 1,
        "account_id": "a1",
        "account_code": "acme",
        "number": "INV-7",
        "reference": None,
        "currency": "USD",
        "bill_date": date(2026, 2, 1),
        "due_date": date(2026, 3, 3),
        "invoice_date": date(2026, 2, 1),
        "period_start": date(2026, 1, 1),
        "period_end": date(2026, 2, 1),
        "total": sum((one.amount for one in written), Decimal(0)),
        "lines": written,
    }
    return Invoice(**(values | more))


def known(**tables: str) -> ExternalIds:
    """The account's external ids by table, and the product's in the table `Item`."""
    product = tables.pop("Item", None)
    found = [ExternalId("Account", "a1", table, id_) for table, id_ in tables.items()]
    return ExternalIds((*found, *([ExternalId("Product", "p1", "Item", product)] if product else [])))


def job(
    bill: Invoice,
    connection: Connection,
    external_ids: ExternalIds,
    *,
    external_id: str | None = None,
) -> BillJob:
    """The bill, to be sent or voided."""
    return BillJob(connection, bill, {"id": "a1", "name": "Acme"}, external_ids, external_id, f"key-{bill.life}")


def connection(destination: str, options: Mapping[str, Any], credentials: Mapping[str, str]) -> Connection:
    """A configuration of an external system."""
    return Connection("org", "configuration", destination, options, credentials)


def outside(http: FakeHttpClient, memory: FakeMemory | None = None, clock: FrozenClock | None = None) -> Outside:
    """What a connector reaches the world with."""
    return Outside(http, memory or FakeMemory(), clock or FrozenClock())

"""Bills as a file of CSV (billing.md 12.10)."""

import csv
import io
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from tests.fakes.bills import FakeBillRepository
from tests.fakes.blobs import FakeBlobStore
from tests.fakes.http import Client
from tests.unit.application.billing.world import World
from usance.application.billing import download_bills
from usance.application.ports.entities import Page
from usance.bootstrap.statements import StatementStores
from usance.entrypoints.http import core, statements
from usance.resources.wire import Document

PATH = "/bills/download/csv/url"
DECEMBER = {"startDate": "2026-01-01", "endDate": "2026-02-01"}
"""The bill of December falls on 1 January."""


class Downloads:
    """Asks for files and fetches them."""

    def __init__(self, world: World) -> None:
        self.blobs = FakeBlobStore()
        stores = StatementStores(
            world.org.store, world.bills, self.blobs, world.statements, world.clock, world.org.ids, lambda _: None
        )
        self.client = Client(core.build(statements.routes(lambda: stores)), world.org.id)

    def text(self, client: Client | None = None, **body: Any) -> str:
        answer = (client or self.client).post(PATH, body or DECEMBER)
        assert answer.status == 200, answer.text
        assert list(answer.json) == ["downloadUrl"]
        content, self.name = self.blobs.fetch(answer.json["downloadUrl"])
        return content.decode()

    def rows(self, client: Client | None = None, **body: Any) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.text(client, **body), newline="")))

    def refused(self, **body: Any) -> str:
        answer = self.client.post(PATH, body)
        assert (answer.status, self.blobs.objects) == (400, {}), answer.text
        return answer.message


@pytest.fixture
def world() -> World:
    """Two accounts with a bill each for December 2025 and January 2026; one used 3 tokens in December."""
    world = World()
    account = world.subscribe()
    world.use(account, "2025-12-05T00:00:00Z", 3)
    world.subscribe()
    world.run()
    world.run(lastDateInBillingPeriod="2026-01-31")
    return world


@pytest.fixture
def downloads(world: World) -> Downloads:
    return Downloads(world)


def ids(rows: Sequence[dict[str, str]]) -> list[str]:
    return [row["lineItemId"] for row in rows]


def expected(world: World, day: str) -> list[str]:
    """The line items of the bills of a day, in the order of the list of bills."""
    return [line["id"] for bill in world.all_bills() if bill["billDate"] == day for line in bill["lineItems"]]


def test_every_line_item_of_the_days_is_a_row(world: World, downloads: Downloads) -> None:
    rows = downloads.rows()
    assert ids(rows) == expected(world, "2026-01-01")
    assert len(rows) == 3
    bills = {bill["id"]: bill for bill in world.all_bills(includeBillTotal="true")}
    for row in rows:
        bill = bills[row["billId"]]
        [line] = [line for line in bill["lineItems"] if line["id"] == row["lineItemId"]]
        for name, value in ((name, {**bill, **line}.get(name)) for name in row if name not in {"id", "billCurrency"}):
            if isinstance(value, int | Decimal) and not isinstance(value, bool):
                assert Decimal(row[name]) == value, name
            elif isinstance(value, str):
                assert row[name] == value, name
        assert (row["billCurrency"], row["locked"], row["accountName"]) == ("USD", "false", "Acme")
    assert downloads.name == "bills-standard.csv"


def test_the_last_day_is_not_included(world: World, downloads: Downloads) -> None:
    assert ids(downloads.rows(startDate="2025-12-31", endDate="2026-01-01")) == []
    assert ids(downloads.rows(startDate="2026-02-01", endDate="2026-02-02")) == expected(world, "2026-02-01")
    assert len(downloads.rows(startDate="2020-01-01", endDate="2030-01-01")) == 5


def test_only_bills_of_a_status_are_in_it_when_it_is_named(world: World, downloads: Downloads) -> None:
    bill = world.all_bills()[-1]
    world.put(f"/bills/{bill['id']}/status", {"status": "APPROVED"})
    assert {row["billId"] for row in downloads.rows(status="APPROVED", **DECEMBER)} == {bill["id"]}
    assert bill["id"] not in {row["billId"] for row in downloads.rows(status="PENDING", **DECEMBER)}


def test_invoice_dates_choose_too(world: World, downloads: Downloads) -> None:
    world.run(lastDateInBillingPeriod="2026-02-28", externalInvoiceDate="2026-06-15")
    found = downloads.rows(externalInvoiceDateStart="2026-06-01", externalInvoiceDateEnd="2026-07-01")
    assert ids(found) == expected(world, "2026-03-01")
    assert {row["externalInvoiceDate"] for row in found} == {"2026-06-15"}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "startDate and endDate"),
        ({**DECEMBER, "externalInvoiceDateStart": "2026-01-01", "externalInvoiceDateEnd": "2026-02-01"}, "one of"),
        ({"startDate": "2026-01-01"}, "endDate is required"),
        ({"endDate": "2026-01-01"}, "startDate is required"),
        ({"startDate": "2026-01-01", "externalInvoiceDateEnd": "2026-02-01"}, "one of"),
        ({"startDate": "2026-01-01", "endDate": "2026-01-01"}, "endDate"),
        ({**DECEMBER, "startDate": "January"}, "startDate"),
        ({**DECEMBER, "format": "PDF"}, "format"),
        ({**DECEMBER, "status": "PAID"}, "status"),
    ],
)
def test_what_is_wrong_is_named(downloads: Downloads, body: dict[str, str], named: str) -> None:
    assert named in downloads.refused(**body)


@pytest.mark.parametrize(("limit", "named"), [("BILLS_MAX", "bills"), ("LINES_MAX", "line items")])
def test_too_much_for_a_file_is_refused(
    downloads: Downloads, monkeypatch: pytest.MonkeyPatch, limit: str, named: str
) -> None:
    monkeypatch.setattr(download_bills, limit, 1)
    assert f"more than 1 {named}" in downloads.refused(**DECEMBER)
    monkeypatch.setattr(download_bills, limit, 3)
    assert len(downloads.rows()) == 3


def test_bills_are_read_page_by_page(downloads: Downloads, monkeypatch: pytest.MonkeyPatch) -> None:
    everything = downloads.text()
    monkeypatch.setattr(download_bills, "PAGE", 1)
    assert downloads.text() == everything


def test_the_same_bills_are_the_same_object(world: World, downloads: Downloads) -> None:
    downloads.text()
    downloads.text()
    assert len(downloads.blobs.objects) == 1
    bill = world.all_bills()[-1]
    world.put(f"/bills/{bill['id']}/status", {"status": "APPROVED"})
    statuses = {row["status"] for row in downloads.rows() if row["billId"] == bill["id"]}
    assert statuses == {"APPROVED"}
    assert len(downloads.blobs.objects) == 2
    assert {key.split("/")[0] for key in downloads.blobs.objects} == {world.org.id}


def test_a_bill_that_changes_while_it_is_read_is_read_again(
    world: World, downloads: Downloads, monkeypatch: pytest.MonkeyPatch
) -> None:
    bill = next(bill for bill in world.all_bills() if len(bill["lineItems"]) == 2)
    lists, read = FakeBillRepository.list_page, FakeBillRepository.line_items
    listed: list[str] = []

    def list_page(store: FakeBillRepository, *args: Any, **options: Any) -> Page:
        page = lists(store, *args, **options)
        listed.append(bill["id"])
        return page

    def line_items(store: FakeBillRepository, org_id: str, bill_id: str) -> Sequence[Document]:
        items = read(store, org_id, bill_id)
        if bill_id in listed:
            listed.clear()
            header = store.get(org_id, bill_id) or {}
            after = {**header, "version": header["version"] + 1}
            store.replace(org_id, after, expected_version=header["version"], line_items=items[:1])
        return items

    monkeypatch.setattr(FakeBillRepository, "list_page", list_page)
    monkeypatch.setattr(FakeBillRepository, "line_items", line_items)
    rows = [row for row in downloads.rows() if row["billId"] == bill["id"]]
    assert len(rows) == 1


def test_bills_and_accounts_that_are_denied_are_left_out(world: World, downloads: Downloads) -> None:
    first, second = [bill for bill in world.all_bills() if bill["billDate"] == "2026-01-01"]
    resources = [f"billing:bill/item/{first['id']}", f"config:account/item/{second['accountId']}"]
    statements_ = [
        {"effect": "allow", "action": ["all"], "resource": ["*"]},
        {"effect": "deny", "action": ["all"], "resource": resources},
    ]
    rows = downloads.rows(Client(downloads.client.handler, world.org.id, statements_))
    assert {(row["billId"], row["accountName"]) for row in rows} == {(second["id"], "")}


def test_what_others_wrote_does_not_run_as_a_formula() -> None:
    world = World()
    address = {"addressLine1": "@SUM(1)", "country": '-2+3,"x"'}
    account = world.org.make("account", name="=HYPERLINK(1)", address=address, purchaseOrderNumber="+1")
    world.subscribe(account=account, template={"standingChargeDescription": "\t=1+1"})
    bill = world.bill(world.run())
    downloads = Downloads(world)
    credit = {
        "productId": bill["lineItems"][0]["productId"],
        "accountingProductId": bill["lineItems"][0]["productId"],
        "amount": 5,
        "description": "=cmd|' /C calc'!A0",
        "referencedBillId": bill["id"],
        "referencedLineItemId": bill["lineItems"][0]["id"],
        "servicePeriodStartDate": "2025-12-01T00:00:00Z",
        "servicePeriodEndDate": "2026-01-01T00:00:00Z",
    }
    world.post(f"/bills/{bill['id']}/creditlineitems", credit)
    for format_ in ("STANDARD", "XERO"):
        rows = downloads.rows(format=format_, **DECEMBER)
        cells = [cell for row in rows for cell in row.values() if cell]
        dangerous = [cell for cell in cells if cell[0] in "=+-@\t\r"]
        assert set(dangerous) == {"-5.00"}  # amounts stay numbers
        assert {"'=HYPERLINK(1)", "'=cmd|' /C calc'!A0", "'+1"} <= set(cells)


def test_an_invoice_of_xero_adds_up_to_its_bill() -> None:
    world = World()
    world.configure(billPrefix="ACME-", sequenceStartNumber=41)
    lines = {"addressLine1": "1 High Street", "locality": "Leeds", "postCode": "LS1", "country": "GB"}
    account = world.org.make("account", address=lines, emailAddress="pay@example.com")
    world.subscribe(account=account)
    world.use(account, "2025-12-05T00:00:00Z", "3.337")
    bill = world.bill(world.run(dueDate="2026-01-31", externalInvoiceDate="2025-12-31"))
    downloads = Downloads(world)
    rows = downloads.rows(format="XERO", **DECEMBER)
    assert downloads.name == "bills-xero.csv"
    assert sum(Decimal(row["*Quantity"]) * Decimal(row["*UnitAmount"]) for row in rows) == bill["billTotal"]
    usage, standing = rows
    assert usage["*Description"] == f"{bill['lineItems'][0]['description']}: 3.337 {bill['lineItems'][0]['unit']}"
    assert standing["*Description"] == "Standing Charge"
    for row in rows:
        assert (row["*ContactName"], row["EmailAddress"], row["POCity"]) == ("Acme", "pay@example.com", "Leeds")
        assert (row["*InvoiceNumber"], row["Currency"]) == ("ACME-42", "USD")
        assert (row["*InvoiceDate"], row["*DueDate"]) == ("31/12/2025", "31/01/2026")
        assert row["*AccountCode"] == bill["lineItems"][0]["productCode"]


def test_bills_without_numbers_are_invoices_of_their_own(world: World, downloads: Downloads) -> None:
    rows = downloads.rows(format="XERO", startDate="2020-01-01", endDate="2030-01-01")
    assert {row["*InvoiceNumber"] for row in rows} == {bill["id"] for bill in world.all_bills()}

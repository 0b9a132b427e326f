"""Write bills to a file of CSV and answer where it can be fetched (billing.md 12.10)."""

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Self

from usance.application.access.authorize import require_some, visible
from usance.application.billing.bill_reading import TYPE, read_with_lines
from usance.application.billing.bill_rows import LAYOUTS, rows_of
from usance.application.billing.lock_date import read_lock_date
from usance.application.billing.memos.lines import as_shown
from usance.application.billing.states import shown
from usance.application.billing.values import optional_day
from usance.application.ports.bills import BillQuery, BillRepository, DateRange
from usance.application.ports.blobs import BlobStore
from usance.application.ports.entities import EntityRepository
from usance.domain.access import Action, Caller
from usance.domain.kernel.csv_text import csv_row
from usance.domain.kernel.errors import InvalidInputError
from usance.resources.wire import Document

BILLS_MAX: Final = 5_000  # the API's limit of one file
LINES_MAX: Final = 100_000  # some 50 MB, written in the seconds that a request has
PAGE: Final = 500  # bills held in memory; each page asks all partitions of bills again
PARALLEL_READS_MAX: Final = 8  # of the client's 32 connections
DOWNLOAD_VALID: Final = timedelta(minutes=15)  # as for statements
CSV_TYPE: Final = "text/csv; charset=utf-8"

_Found = tuple[Document, Sequence[Document]]
"""A bill's header and line items as they were read, one after the other."""


def download_bills(
    entities: EntityRepository, bills: BillRepository, blobs: BlobStore, *, caller: Caller, request: Document
) -> Document:
    """`{downloadUrl}` of a file with one row per line item of the bills asked for, those of the latest day first.

    `request` is a validated `BillsDownloadRequest`. Bills without line items, and those that the caller may not read,
    have no row. The same rows are the same object, however often they are asked for. `InvalidInputError` unless it has
    both days of one pair, and beyond `BILLS_MAX` bills or `LINES_MAX` line items.
    """
    require_some(caller, Action.CONFIG_RETRIEVE, TYPE)
    days = _Days.asked_for(request)
    digest = hashlib.sha256()
    with tempfile.TemporaryFile() as file:
        for text in _texts(entities, bills, caller, request["format"], days):
            digest.update(text)
            file.write(text)
        file.seek(0)
        key = f"{caller.org_id}/bill-files/{digest.hexdigest()}.csv"
        blobs.put_stream(key, file, CSV_TYPE)
    name = f"bills-{request['format'].lower()}.csv"
    return {"downloadUrl": blobs.download_url(key, valid_for=DOWNLOAD_VALID, file_name=name)}


@dataclass(frozen=True, slots=True)
class _Days:
    """Which bills: from the day named `first` to that named `last`, by bill date or by invoice date."""

    first: str
    last: str
    query: BillQuery

    @classmethod
    def asked_for(cls, request: Document) -> Self:
        """The pair of the request. `InvalidInputError` unless there is one, whole and in order."""
        pairs = (("startDate", "endDate"), ("externalInvoiceDateStart", "externalInvoiceDateEnd"))
        named = [pair for pair in pairs if any(request.get(name) for name in pair)]
        if len(named) != 1:
            raise InvalidInputError(
                "startDate and endDate choose by bill date, externalInvoiceDateStart and externalInvoiceDateEnd by "
                "invoice date; send one of these pairs"
            )
        first, last = named[0]
        start, end = optional_day(request.get(first)), optional_day(request.get(last))
        if start is None or end is None:
            raise InvalidInputError(f"{last if start else first} is required with {first if start else last}")
        if end <= start:
            raise InvalidInputError(f"{last} is not included, so it must be after {first}")
        dates, by_bill_date = DateRange(start, end), first == "startDate"
        query = BillQuery(
            {"status": [request["status"]]} if request.get("status") else {},
            bill_dates=dates if by_bill_date else None,
            external_invoice_dates=None if by_bill_date else dates,
        )
        return cls(first, last, query)

    def check(self, count: int, most: int, what: str) -> None:
        """`InvalidInputError` beyond what a file holds."""
        if count > most:
            raise InvalidInputError(
                f"{self.first}, {self.last}: these days have more than {most:,} {what}; ask for fewer days at a time"
            )


def _texts(
    entities: EntityRepository, bills: BillRepository, caller: Caller, format_: str, days: _Days
) -> Iterator[bytes]:
    layout, lock_date = LAYOUTS[format_], read_lock_date(entities, caller.org_id)
    yield csv_row(list(layout)).encode()
    count = lines = 0
    token = None
    while True:
        page = bills.list_page(caller.org_id, days.query, page_size=PAGE, next_token=token)
        days.check(count := count + len(page.data), BILLS_MAX, "bills")
        found = []
        for header, items in _line_items(bills, caller.org_id, visible(caller, TYPE, page.data)):
            days.check(lines := lines + len(items), LINES_MAX, "line items")
            found.append((header, items))
        whole = _of_one_calculation(bills, caller.org_id, found)
        accounts = _accounts(entities, caller, [bill["accountId"] for bill in whole])
        for bill in whole:
            rows = rows_of(layout, shown(bill, lock_date), accounts.get(bill["accountId"], {}))
            yield "".join(map(csv_row, rows)).encode()
        token = page.next_token
        if token is None:
            return


def _line_items(bills: BillRepository, org_id: str, headers: Sequence[Document]) -> Iterator[_Found]:
    """The headers, each with its line items; read no further than a caller that stops wants."""
    with ThreadPoolExecutor(PARALLEL_READS_MAX) as pool:
        for at in range(0, len(headers), PARALLEL_READS_MAX):
            some = headers[at : at + PARALLEL_READS_MAX]
            yield from zip(some, pool.map(lambda header: bills.line_items(org_id, header["id"]), some), strict=True)


def _of_one_calculation(bills: BillRepository, org_id: str, found: Sequence[_Found]) -> Sequence[Document]:
    """The bills with the line items that belong to them; those that are gone by now are left out."""
    now = {header["id"]: header["version"] for header in bills.get_many(org_id, [header["id"] for header, _ in found])}
    whole = (
        {**header, "lineItems": [as_shown(item) for item in items]}
        if now.get(header["id"]) == header["version"]  # nothing changed while its line items were read
        else read_with_lines(bills, org_id, header["id"])
        for header, items in found
    )
    return [bill for bill in whole if bill]


def _accounts(entities: EntityRepository, caller: Caller, ids: Sequence[str]) -> dict[str, Document]:
    """The accounts, by id, as far as the caller may read them."""
    found = entities.get_many(caller.org_id, "account", list(dict.fromkeys(ids)))
    return {account["id"]: account for account in visible(caller, "account", found)}

"""Entities as rows of an export (metering.md 8.2): the fields that the API shows."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from usance.application.billing.documents import listed
from usance.application.billing.lock_date import read_lock_date
from usance.application.billing.memos.lines import as_shown
from usance.application.billing.states import shown
from usance.application.exports.chunks import Chunk, Cursor, Table
from usance.application.exports.ports import ExportWorkbench
from usance.application.ports.bills import BillQuery
from usance.domain.catalog.moments import instant
from usance.domain.exports.types import BANDS, BILL, LINES, type_of
from usance.resources.billing import Bill, LineItem
from usance.resources.fields import Noun
from usance.resources.pricing import PricingBand
from usance.resources.registry import BY_TYPE
from usance.resources.wire import Document

PAGE: Final = 1_000  # entities of some kilobytes each

_AUDIT: Final = ("dtCreated", "dtLastModified", "createdBy", "lastModifiedBy")
_BAND_LISTS: Final = ("pricingBands", "overagePricingBands")


def operational_table(bench: ExportWorkbench, org_id: str, name: str, since: str | None) -> Table:
    """The entities of a type that changed at `since` or later; all of them without it."""
    type_ = type_of(name)
    return Table(type_, columns(type_), _changed(_reader(type_), bench, org_id, since))


def columns(type_: str) -> Sequence[str]:
    """The fields that the API shows of a type."""
    if type_ == BILL:
        return [name for name in _fields(Bill) if name != "lineItems"]
    if type_ == LINES:
        return _fields(LineItem)
    if type_ == BANDS:
        return ["pricingId", "list", *_fields(PricingBand)]
    row = BY_TYPE[type_]
    within = [row.within.field] if row.within else []
    names = ("id", "version", *within, *_fields(row.model), *row.answers, *_AUDIT)
    return list(dict.fromkeys(names))


def _fields(model: type[Noun]) -> Sequence[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


_Page = tuple[Sequence[Document], str | None]
_Read = Callable[[ExportWorkbench, str, str | None], _Page]
"""A page of entities, from the token of the one before."""


def _reader(type_: str) -> tuple[_Read, Callable[[ExportWorkbench, str, Document], Iterator[Document]]]:
    """How the entities of a type are read, and what rows each of them makes."""
    if type_ == BILL:
        return _bills, _bill
    if type_ == LINES:
        return _bills, _lines
    if type_ == BANDS:
        return _entities("pricing"), _bands
    return _entities(type_), _itself


def _changed(
    reader: tuple[_Read, Callable[[ExportWorkbench, str, Document], Iterator[Document]]],
    bench: ExportWorkbench,
    org_id: str,
    since: str | None,
) -> Callable[[Cursor], Iterator[Chunk]]:
    read, rows_of = reader
    first = instant(since) if since else None

    def chunks(cursor: Cursor) -> Iterator[Chunk]:
        token = cursor.get("token")
        while True:
            page, token = read(bench, org_id, token)
            kept = [one for one in page if first is None or instant(one["dtLastModified"]) >= first]
            yield Chunk([row for one in kept for row in rows_of(bench, org_id, one)], {"token": token} if token else {})
            if token is None:
                return

    return chunks


def _entities(type_: str) -> _Read:
    def read(bench: ExportWorkbench, org_id: str, token: str | None) -> _Page:
        page = bench.ports.entities.list_page(org_id, type_, filters={}, page_size=PAGE, next_token=token)
        return page.data, page.next_token

    return read


def _bills(bench: ExportWorkbench, org_id: str, token: str | None) -> _Page:
    page = bench.bills.list_page(org_id, BillQuery(), page_size=PAGE, next_token=token)
    return page.data, page.next_token


def _itself(_: ExportWorkbench, __: str, document: Document) -> Iterator[Document]:
    yield document


def _bill(bench: ExportWorkbench, org_id: str, bill: Document) -> Iterator[Document]:
    yield shown(bill, read_lock_date(bench.ports.entities, org_id))


def _lines(bench: ExportWorkbench, org_id: str, bill: Document) -> Iterator[Document]:
    for line in bench.bills.line_items(org_id, bill["id"]):
        yield listed(as_shown(line), bill)


def _bands(_: ExportWorkbench, __: str, pricing: Document) -> Iterator[Document]:
    for name in _BAND_LISTS:
        bands: Sequence[Mapping[str, Any]] = pricing.get(name) or ()
        for band in bands:
            yield {"pricingId": pricing["id"], "list": name, **band}

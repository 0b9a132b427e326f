"""Streams of bill ids for what lists of bills filter by beyond equal values.

A bill's id begins with the day it falls on (`dated_id`), so a range of days is a range of ids. Bills whose billDate or
externalInvoiceDate was set to something else by their job are indexed apart, as `redated`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from usance.adapters.dynamodb import keys
from usance.adapters.dynamodb.id_streams import CHUNK_MAX, AllOf, AnyOf, IdStream, KnownIds, PartitionIds
from usance.application.ports.bills import BillQuery, DateRange
from usance.application.ports.deadline import Deadline
from usance.domain.kernel.ids import dated_id
from usance.resources.wire import Document

BILL: Final = "bill"
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Between:
    """The ids of a stream from `low` (included) to `high` (excluded); None leaves a side open."""

    stream: IdStream
    low: str | None = None
    high: str | None = None

    def below(self, limit: str | None) -> str | None:
        """See `IdStream`."""
        found = self.stream.below(min((edge for edge in (limit, self.high) if edge is not None), default=None))
        return None if found is None or (self.low is not None and found < self.low) else found


@dataclass(frozen=True, slots=True)
class BillStreams:
    """Streams over one organization's bills, read until the deadline."""

    client: Any
    table: str
    org_id: str
    deadline: Deadline | None = None

    def of(self, query: BillQuery) -> IdStream:
        """A stream that holds every bill of `query`; by date, and of bills with many values, it may hold more."""
        streams = [
            KnownIds(values) if field == "id" else self.equal(field, values) for field, values in query.filters.items()
        ]
        streams += [
            self._dated(dates) for dates in (query.bill_dates, query.external_invoice_dates) if dates is not None
        ]
        if query.end_date is not None:
            streams.append(Between(self.all(), first_id(query.end_date), first_id(query.end_date + _DAY)))
        if query.locked is not None:
            streams.append(self._locked(query.locked, query.lock_date))
        return AllOf(streams or [self.all()], self.deadline)

    def all(self) -> IdStream:
        """Every bill."""
        return self._any(keys.partitions(self.org_id, BILL))

    def equal(self, field: str, values: Sequence[str]) -> IdStream:
        """The bills with one of `values`; of those with many of them perhaps others, too."""
        partitions = [
            pk for value in dict.fromkeys(values) for pk in keys.filter_partitions(self.org_id, BILL, field, value)
        ]
        return self._any([*partitions, *keys.wide_partitions(self.org_id, BILL, field, values)])

    def up_to(self, stream: IdStream, last_day: date) -> IdStream:
        """Those of `stream` whose period ends on or before `last_day`."""
        return Between(stream, high=first_id(last_day + 2 * _DAY))

    def _dated(self, dates: DateRange) -> IdStream:
        # The invoice may show the last day of the period, which is the day before the bill's own.
        low = first_id(dates.start) if dates.start else None
        high = first_id(dates.end + _DAY) if dates.end else None
        return AnyOf([Between(self.all(), low, high), self.equal("redated", ["true"])])

    def _locked(self, locked: bool, lock_date: date | None) -> IdStream:  # noqa: FBT001 - the value of the filter
        own = self.equal("locked", [str(locked).lower()])
        if lock_date is None:
            return own
        return (
            AnyOf([own, self.up_to(self.all(), lock_date)])
            if locked
            else Between(own, low=first_id(lock_date + 2 * _DAY))
        )

    def _any(self, partitions: Sequence[str]) -> IdStream:
        return AnyOf([PartitionIds(self.client, self.table, pk, CHUNK_MAX) for pk in partitions])


def first_id(day: date) -> str:
    """Not greater than the id of any bill of `day` or later, and greater than those before."""
    return dated_id(day)[: len("01234567-0123")]


def matches(header: Document, query: BillQuery) -> bool:
    """Whether a bill's dates are in the ranges asked for."""
    return (
        (query.end_date is None or header["endDate"] == query.end_date.isoformat())
        and _inside(header.get("billDate"), query.bill_dates)
        and _inside(header.get("externalInvoiceDate"), query.external_invoice_dates)
    )


def is_redated(header: Document) -> bool:
    """Whether a date of the bill cannot be told from its id."""
    day = date.fromisoformat(header["endDate"])
    usual = {day.isoformat(), (day - _DAY).isoformat()}
    return header["billDate"] != header["endDate"] or header["externalInvoiceDate"] not in usual


def _inside(text: str | None, dates: DateRange | None) -> bool:
    if dates is None:
        return True
    if text is None:
        return False
    after_start = dates.start is None or text >= dates.start.isoformat()
    return after_start and (dates.end is None or text < dates.end.isoformat())

"""The store of bills: a header per bill, found by every filter of the API, and its line items beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from usance.application.ports.deadline import Deadline
from usance.application.ports.entities import Delete, Guard, Page, Put
from usance.domain.billing.numbering import Numbering
from usance.resources.wire import Document


@dataclass(frozen=True, slots=True)
class DateRange:
    """Days from `start` (included) to `end` (excluded); None leaves a side open."""

    start: date | None = None
    end: date | None = None


@dataclass(frozen=True, slots=True)
class BillQuery:
    """Which bills (platform.md 1.12). `filters` maps a field of `INDEXED`, or `id`, to the values that match.

    `end_date` is the first day after the period. `lock_date` is the organization's billLockDate: with `locked`, bills up to it count as locked too.
    """

    filters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    end_date: date | None = None
    bill_dates: DateRange | None = None
    external_invoice_dates: DateRange | None = None
    locked: bool | None = None
    lock_date: date | None = None


INDEXED = ("accountId", "status", "billingFrequency", "billDate", "billJobId")
"""Fields of a bill that a `BillQuery` may filter by."""

INDEXED_BY_LINES = ("lineItemType", "commitmentId")
"""Fields of line items that a `BillQuery` may filter by: it finds the bills with such a line item."""


@dataclass(frozen=True, slots=True)
class StoredBill:
    """A bill as stored. `header` is the wire document without line items; `private` is text kept beside it."""

    header: Document
    private: Mapping[str, str]


class BillRepository(Protocol):
    """Bills of one deployment. Ids sort by the day a bill falls on; lists come newest first."""

    def get(self, org_id: str, bill_id: str) -> Document | None:
        """The header as of now: the bill without its line items; or None."""
        ...

    def get_stored(self, org_id: str, bill_id: str) -> StoredBill | None:
        """The header with what is kept beside it, or None."""
        ...

    def get_many(self, org_id: str, ids: Sequence[str]) -> Sequence[Document]:
        """Headers of those that exist, in the order asked."""
        ...

    def get_many_stored(self, org_id: str, ids: Sequence[str]) -> Sequence[StoredBill]:
        """As `get_many`, with what is kept beside each header."""
        ...

    def ids_between(self, org_id: str, account_id: str, days: DateRange) -> Sequence[str]:
        """The ids of the account's bills that fall on `days`, of which both ends are given."""
        ...

    def line_items(self, org_id: str, bill_id: str) -> Sequence[Document]:
        """The line items in order, as the bill embeds them (`usagePerPricingBand`); empty when there is no such bill."""
        ...

    def list_page(
        self,
        org_id: str,
        query: BillQuery,
        *,
        page_size: int,
        next_token: str | None = None,
        deadline: Deadline | None = None,
    ) -> Page:
        """A page of headers, newest first. `InvalidInputError` on a token that is not ours.

        At a deadline it ends with what was found, possibly nothing, and a token to go on from.
        """
        ...

    def exists_up_to(self, org_id: str, status: str, last_day: date) -> bool:
        """Whether a bill of `status` has a period that ends on or before `last_day`."""
        ...

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
        """Store a bill that does not exist yet, with the next invoice number when `numbering` asks for one.

        The number is taken in the same transaction, so none is skipped or given twice. Answers the stored header.
        The entities `beside` change in it, too, and only while the `guards` are as they were seen.
        Raises `VersionConflictError` when the bill exists, and what `EntityRepository.commit` raises for those `beside` and the `guards`.
        """
        ...

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
        """Replace the header, the line items when they are given, and the entities `beside`, in one transaction.

        Raises as `create` does for those `beside` and the `guards`; `VersionConflictError` unless the stored version is `expected_version`; `NotFoundError` without a bill.
        """
        ...

    def delete(
        self,
        org_id: str,
        bill_id: str,
        expected_version: int,
        *,
        beside: Sequence[Put | Delete] = (),
        guards: Sequence[Guard] = (),
    ) -> None:
        """Remove a bill and its line items, and change the entities `beside`, in one transaction. Raises as `replace` does."""
        ...

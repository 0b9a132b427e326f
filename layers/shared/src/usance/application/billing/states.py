"""The standing of a stored bill, and its header in another one."""

from datetime import date, datetime, timedelta
from typing import Final

from usance.application.billing.values import day
from usance.application.ports.bills import StoredBill
from usance.domain.billing.bill_key import BillFrequency, BillKey
from usance.domain.billing.lifecycle import BillState, BillStatus
from usance.domain.kernel.errors import InvalidInputError
from usance.resources import instants
from usance.resources.wire import Document

DIGEST: Final = "digest"  # beside the header of a bill: of what its calculation made
HALF_DELETED: Final = ""  # in place of it


def state_of(header: Document) -> BillState:
    """Where a bill stands."""
    return BillState(
        id=header["id"],
        status=BillStatus(header["status"]),
        locked_itself=bool(header["locked"]),
        last_day=day(header["endDate"]) - timedelta(days=1),
    )


def key_of_stored(stored: StoredBill) -> BillKey:
    """Which bill of its account a stored bill is."""
    header = stored.header
    return BillKey(
        BillFrequency(header["billingFrequency"]),
        int(header["billFrequencyInterval"]),
        day(header["endDate"]),
        stored.private.get("grouping", ""),
    )


def require_whole(stored: StoredBill) -> None:
    """`InvalidInputError` for a bill that was not deleted to the end: it draws on credits for charges that it lost."""
    if stored.private.get(DIGEST) == HALF_DELETED:
        raise InvalidInputError(
            f"the bill {stored.header['id']} was not deleted to the end; delete it, or calculate it again with a bill job"
        )


def changed(header: Document, by: str, at: datetime, **fields: str | bool | None) -> Document:
    """The next version of `header` with `fields` set; None removes a field."""
    after = {**header, **fields, "version": int(header["version"]) + 1}
    after |= {"dtLastModified": instants.to_text(at), "lastModifiedBy": by}
    return {name: value for name, value in after.items() if value is not None}


def shown(header: Document, lock_date: date | None, *, with_total: bool = True) -> Document:
    """A bill as the API answers it: locked also when it lies before the organization's lock date."""
    answer = {**header, "locked": state_of(header).is_locked(lock_date)}
    if not with_total:
        answer.pop("billTotal", None)
    return answer

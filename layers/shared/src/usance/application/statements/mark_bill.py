"""Note on a bill that its statement was made."""

from typing import Final

from usance.application.ports.bills import BillRepository
from usance.application.ports.clock import Clock
from usance.domain.kernel.errors import NotFoundError, VersionConflictError
from usance.resources import instants
from usance.resources.wire import Document

ATTEMPTS_MAX: Final = 10  # a bill is recalculated, approved and locked by others meanwhile


def mark_bill(
    bills: BillRepository, clock: Clock, *, org_id: str, bill_id: str, csv: bool, calculated: str, by: str
) -> None:
    """Set jsonStatementGenerated, csvStatementGenerated and statementStale; nothing when they are right or the bill is gone.

    The flags are no part of what the bill says, so a locked bill gets them as well.
    """
    for _ in range(ATTEMPTS_MAX):
        bill = bills.get(org_id, bill_id)
        if bill is None:
            return
        after = _marked(bill, csv=csv, calculated=calculated)
        if after == bill:
            return
        version = int(bill["version"])
        after |= {"version": version + 1, "dtLastModified": instants.to_text(clock.now()), "lastModifiedBy": by}
        try:
            bills.replace(org_id, after, expected_version=version)
        except VersionConflictError:
            continue
        except NotFoundError:
            return
        return
    raise VersionConflictError(f"the bill {bill_id} changes all the time; its statement is not noted yet")


def _marked(bill: Document, *, csv: bool, calculated: str) -> Document:
    """A statement of an earlier calculation counts as made, and leaves the bill's newest statement what it was."""
    flags = {"jsonStatementGenerated": True}
    if csv:
        flags["csvStatementGenerated"] = True
    if calculated == bill["lastCalculatedDate"]:
        flags["statementStale"] = False
    elif not bill.get("jsonStatementGenerated"):
        flags["statementStale"] = True
    return bill | flags

"""How far a bill job has come: accounts to bill, accounts done, bills made. Nothing is ever counted twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Progress:
    """`expanded` says that every account has been counted into `total`."""

    total: int
    done: int
    expanded: bool

    @property
    def complete(self) -> bool:
        """Whether every account is done."""
        return self.expanded and self.done >= self.total


@dataclass(frozen=True, slots=True)
class AccountPage:
    """Accounts of a job, and the token of the page after them; None on the last page."""

    account_ids: Sequence[str]
    next_token: str | None


class BillJobProgress(Protocol):
    """Counters of bill jobs, each change idempotent."""

    def page(self, org_id: str, job_id: str, name: str) -> AccountPage | None:
        """The page that was recorded under `name`, or None."""
        ...

    def add_page(self, org_id: str, job_id: str, name: str, page: AccountPage) -> AccountPage:
        """Record a page and count its accounts; the last page marks the job as expanded.

        Once per name: the first record stays, and is what everybody gets, whatever the list of accounts is by now.
        """
        ...

    def finish_account(self, org_id: str, job_id: str, account_id: str, bill_ids: Sequence[str]) -> None:
        """Record that an account is done and which bills it got. Once per account; the first record stays."""
        ...

    def read(self, org_id: str, job_id: str) -> Progress:
        """The counters as of now."""
        ...

    def bill_ids(self, org_id: str, job_id: str) -> Sequence[str]:
        """The bills of the job, in order of id; at most `BILL_IDS_MAX`."""
        ...


BILL_IDS_MAX = 10_000  # some 400 kB of an answer; larger jobs are read through the list of bills by billJobId

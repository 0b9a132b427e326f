"""Counters of bill jobs in memory, with the semantics of `usance.adapters.dynamodb.bill_progress`."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from usance.application.ports.bill_progress import BILL_IDS_MAX, Progress

_Job = tuple[str, str]


@dataclass
class FakeBillJobProgress:
    """`BillJobProgress` in dictionaries."""

    pages: dict[_Job, dict[str, tuple[int, bool]]] = field(default_factory=dict)
    accounts: dict[_Job, dict[str, list[str]]] = field(default_factory=dict)

    def add_accounts(self, org_id: str, job_id: str, page: str, count: int, *, last: bool) -> None:
        self.pages.setdefault((org_id, job_id), {}).setdefault(page, (count, last))

    def finish_account(self, org_id: str, job_id: str, account_id: str, bill_ids: Sequence[str]) -> None:
        self.accounts.setdefault((org_id, job_id), {}).setdefault(account_id, list(bill_ids))

    def read(self, org_id: str, job_id: str) -> Progress:
        pages = self.pages.get((org_id, job_id), {}).values()
        done = len(self.accounts.get((org_id, job_id), {}))
        return Progress(sum(count for count, _ in pages), done, any(last for _, last in pages))

    def bill_ids(self, org_id: str, job_id: str) -> Sequence[str]:
        found = self.accounts.get((org_id, job_id), {}).values()
        return sorted(bill_id for bills in found for bill_id in bills)[:BILL_IDS_MAX]

"""Counters of bill jobs in memory, with the semantics of `usance.adapters.dynamodb.bill_progress`."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from usance.application.ports.bill_progress import BILL_IDS_MAX, AccountPage, Progress

_Job = tuple[str, str]


@dataclass
class FakeBillJobProgress:
    """`BillJobProgress` in dictionaries."""

    pages: dict[_Job, dict[str, AccountPage]] = field(default_factory=dict)
    accounts: dict[_Job, dict[str, list[str]]] = field(default_factory=dict)

    def page(self, org_id: str, job_id: str, name: str) -> AccountPage | None:
        return self.pages.get((org_id, job_id), {}).get(name)

    def add_page(self, org_id: str, job_id: str, name: str, page: AccountPage) -> AccountPage:
        return self.pages.setdefault((org_id, job_id), {}).setdefault(name, page)

    def finish_account(self, org_id: str, job_id: str, account_id: str, bill_ids: Sequence[str]) -> None:
        self.accounts.setdefault((org_id, job_id), {}).setdefault(account_id, list(bill_ids))

    def read(self, org_id: str, job_id: str) -> Progress:
        pages = self.pages.get((org_id, job_id), {}).values()
        done = len(self.accounts.get((org_id, job_id), {}))
        total = sum(len(page.account_ids) for page in pages)
        return Progress(total, done, any(page.next_token is None for page in pages))

    def bill_ids(self, org_id: str, job_id: str) -> Sequence[str]:
        found = self.accounts.get((org_id, job_id), {}).values()
        return sorted(bill_id for bills in found for bill_id in bills)[:BILL_IDS_MAX]

"""Counters of bill jobs in the entities table.

All rows of a job are at `{org}#billJob#{job id}`: `account#{id}` once an account is done, `page#{name}` with the accounts
of a page once they are counted, and counters `count#{shard}` that change in the same transaction as the row which says so. They are
split because every worker of a run writes them.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from usance.adapters.clock import SystemClock
from usance.adapters.dynamodb import keys
from usance.adapters.dynamodb.transactions import Step, store_faults, transact
from usance.application.ports.bill_progress import BILL_IDS_MAX, AccountPage, Progress
from usance.application.ports.clock import Clock
from usance.domain.kernel.errors import UsanceError

SHARDS: Final = 8
KEPT_FOR: Final = timedelta(days=90)  # long after anyone asks how a run went; then the table forgets


class DynamoBillJobProgress:
    """`BillJobProgress` over the entities table."""

    def __init__(self, client: Any, table: str, clock: Clock | None = None) -> None:
        self._client = client
        self._table = table
        self._clock = clock or SystemClock()

    def page(self, org_id: str, job_id: str, name: str) -> AccountPage | None:
        """See the port."""
        key = keys.key(_partition(org_id, job_id), f"page#{name}")
        with store_faults():
            row = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        if row is None:
            return None
        return AccountPage([id_["S"] for id_ in row["ids"]["L"]], row["next"]["S"] if "next" in row else None)

    def add_page(self, org_id: str, job_id: str, name: str, page: AccountPage) -> AccountPage:
        """See the port."""
        values: dict[str, Any] = {"ids": {"L": [{"S": id_} for id_ in page.account_ids]}}
        if page.next_token is not None:
            values["next"] = {"S": page.next_token}
        counters = {"accounts": len(page.account_ids), "expanded": int(page.next_token is None)}
        self._once(_partition(org_id, job_id), f"page#{name}", values, "count#expand", counters)
        return self.page(org_id, job_id, name) or page

    def finish_account(self, org_id: str, job_id: str, account_id: str, bill_ids: Sequence[str]) -> None:
        """See the port."""
        shard = int(account_id[-1], 16) % SHARDS if account_id[-1] in "0123456789abcdef" else 0
        values: dict[str, Any] = {"bills": {"L": [{"S": bill_id} for bill_id in bill_ids]}}
        self._once(_partition(org_id, job_id), f"account#{account_id}", values, f"count#{shard}", {"done": 1})

    def read(self, org_id: str, job_id: str) -> Progress:
        """See the port."""
        totals = {"accounts": 0, "done": 0, "expanded": 0}
        for row in self._query(_partition(org_id, job_id), "count#"):
            for name in totals:
                totals[name] += int(row[name]["N"]) if name in row else 0
        return Progress(totals["accounts"], totals["done"], bool(totals["expanded"]))

    def bill_ids(self, org_id: str, job_id: str) -> Sequence[str]:
        """See the port."""
        found: list[str] = []
        for row in self._query(_partition(org_id, job_id), "account#"):
            found += [bill["S"] for bill in row["bills"]["L"]]
            if len(found) >= BILL_IDS_MAX:
                break
        return sorted(found)[:BILL_IDS_MAX]

    def _once(self, pk: str, marker: str, values: dict[str, Any], counter: str, amounts: dict[str, int]) -> None:
        expires = {"expires": {"N": str(int((self._clock.now() + KEPT_FOR).timestamp()))}}
        mark = {
            "Put": {
                "TableName": self._table,
                "Item": {**keys.key(pk, marker), **values, **expires},
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        }
        add = {
            "Update": {
                "TableName": self._table,
                "Key": keys.key(pk, counter),
                "UpdateExpression": "SET expires = :expires ADD " + ", ".join(f"{name} :{name}" for name in amounts),
                "ExpressionAttributeValues": {
                    ":expires": expires["expires"],
                    **{f":{name}": {"N": str(amount)} for name, amount in amounts.items()},
                },
            }
        }
        try:
            transact(self._client, [Step(mark, lambda _: _AlreadyError("done before")), Step(add, _never)])
        except _AlreadyError:
            return

    def _query(self, pk: str, prefix: str) -> Any:
        start: dict[str, Any] = {}
        while True:
            with store_faults():
                answer = self._client.query(
                    TableName=self._table,
                    KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
                    ExpressionAttributeValues={":pk": {"S": pk}, ":prefix": {"S": prefix}},
                    ConsistentRead=True,
                    **start,
                )
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


class _AlreadyError(UsanceError):
    """The row is there already."""


def _never(_: Any) -> UsanceError:
    return _AlreadyError("an update without a condition cannot be refused")


def _partition(org_id: str, job_id: str) -> str:
    return f"{org_id}#billJob#{job_id}"

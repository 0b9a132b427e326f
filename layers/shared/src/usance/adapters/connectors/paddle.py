"""Draft invoices to Paddle over the API of Paddle Billing."""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from usance.adapters.connectors.api import Api, segment
from usance.adapters.connectors.authorization import Key
from usance.adapters.connectors.finding import found_invoice
from usance.application.ports.connectors import BillJob, Outside, Sent
from usance.domain.integrations.checks import account_of, credential, flag_option
from usance.domain.integrations.faults import ConnectorError
from usance.domain.integrations.paddle import (
    STATUSES_THAT_COUNT,
    SYSTEM,
    Current,
    current_of,
    is_ours,
    is_same,
    refusal,
    transaction_document,
)
from usance.domain.notifications.delivery import Fault

VERSION: Final = {"Paddle-Version": "1"}
LIVE: Final = ("https://api.paddle.com", "https://vendors.paddle.com")
SANDBOX: Final = ("https://sandbox-api.paddle.com", "https://sandbox-vendors.paddle.com")
PAGE_SIZE: Final = 30  # the most that Paddle lists at once
PAGES_MAX: Final = 20  # of one customer's transactions, the newest first; a bill's is among them unless it is very old


class PaddleConnector:
    """`BillConnector` for Paddle, which has no idempotency keys: a transaction is found by the mark in its custom data.

    A draft is changed in place. An invoice that was issued is cancelled and made anew when the bill differs from it.
    """

    def __init__(self, outside: Outside) -> None:
        self._outside = outside

    def send(self, job: BillJob) -> Sent | None:
        """See the port."""
        api = self._api(job)
        document = transaction_document(job.invoice, job.connection.options, job.known, _address(api, job))
        current = _current(api, job)
        if current and not is_same(document, current) and not (document and current.open):
            _cancel(api, current)
            current = None
        if not document:
            return None
        if not current:
            current = _written(api.send("POST", "/transactions", document))
            self._outside.memory.keep_invoice(job.connection, job.invoice, current.id)  # issuing it may be refused
        elif not is_same(document, current):
            current = _written(api.send("PATCH", f"/transactions/{segment(current.id)}", document))
        if (
            current.open
            and job.invoice.approved
            and flag_option(job.connection.options, "issueOnApproval", default=False)
        ):
            api.send("PATCH", f"/transactions/{segment(current.id)}", {"status": "billed"})
        return Sent(current.id, f"{_addresses(job)[1]}/transactions-v2/{segment(current.id)}")

    def void(self, job: BillJob) -> None:
        """See the port."""
        api = self._api(job)
        if current := _current(api, job):
            _cancel(api, current)

    def _api(self, job: BillJob) -> Api:
        key = Key.bearer(credential(job.connection.credentials, "apiKey"))
        return Api(self._outside.http, _addresses(job)[0], key, refusal, VERSION)


def _addresses(job: BillJob) -> tuple[str, str]:
    return SANDBOX if job.connection.destination.casefold().endswith("_sandbox") else LIVE


def _written(answer: dict[str, Any]) -> Current:
    return current_of(answer["data"])


def _address(api: Api, job: BillJob) -> str:
    """The customer's address, without which no transaction can be issued or cancelled: the mapped one, else the newest."""
    mapped = job.known.of("Account", job.invoice.account_id, "Address")
    if mapped:
        return mapped
    customer = account_of(job.invoice, job.known, SYSTEM.display_name, "Customer")
    found = api.get(f"/customers/{segment(customer)}/addresses", {"per_page": "1", "order_by": "id[DESC]"})["data"]
    if not found:
        raise ConnectorError(Fault.ACCOUNT_NOT_MAPPED, f"customer {customer} has no address in Paddle; give it one")
    address: str = found[0]["id"]
    return address


def _current(api: Api, job: BillJob) -> Current | None:
    """The bill's transaction; None when there is none, or it was cancelled."""

    def by_id(id_: str) -> Current | None:
        known = api.find(f"/transactions/{segment(id_)}")
        return current_of(known["data"]) if known else None

    return found_invoice(job, by_id, partial(_listed, api), is_ours)


def _listed(api: Api, customer: str) -> Iterator[Current]:
    query = {
        "customer_id": customer,
        "collection_mode": "manual",
        "status": ",".join(STATUSES_THAT_COUNT),
        "order_by": "id[DESC]",
        "per_page": str(PAGE_SIZE),
    }
    for _ in range(PAGES_MAX):
        page = api.get("/transactions", query)
        yield from map(current_of, page["data"])
        if not page["data"] or not page["meta"]["pagination"]["has_more"]:
            return
        query["after"] = page["data"][-1]["id"]


def _cancel(api: Api, current: Current) -> None:
    if not current.open and not current.issued:
        raise ConnectorError(Fault.ALREADY_PAID, f"transaction {current.id} is {current.status} in Paddle")
    api.send("PATCH", f"/transactions/{segment(current.id)}", {"status": "canceled"})

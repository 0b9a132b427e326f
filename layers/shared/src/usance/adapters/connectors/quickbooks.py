"""Invoices to QuickBooks Online over its Accounting API."""

from typing import Any, Final

from usance.adapters.connectors.api import Api, segment
from usance.adapters.connectors.authorization import OAuth
from usance.application.ports.connectors import BillJob, Outside, Sent
from usance.domain.integrations.checks import credential
from usance.domain.integrations.faults import ConnectorError
from usance.domain.integrations.quickbooks import (
    Current,
    current_of,
    invoice_document,
    is_ours,
    numbers,
    query_of,
    refusal,
)
from usance.domain.kernel.ids import derived_id
from usance.domain.notifications.delivery import Fault
from usance.resources import wire

TOKENS: Final = "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer"
MINOR_VERSION: Final = "75"  # the oldest that is still served
LIVE: Final = ("https://quickbooks.api.intuit.com", "https://app.qbo.intuit.com")
SANDBOX: Final = ("https://sandbox-quickbooks.api.intuit.com", "https://app.sandbox.qbo.intuit.com")


class QuickBooksConnector:
    """`BillConnector` for QuickBooks. An invoice that is not known by its id is found by number, and told by its note."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside

    def send(self, job: BillJob) -> Sent:
        """See the port."""
        api = self._api(job)
        found = _found(api, job)
        current = next((one for one in found if not one.gone), None)
        _check_unpaid(current)
        document = invoice_document(job.invoice, job.connection.options, job.known, current)
        # A voided invoice keeps its number, and the bill's next one shall have it all the same
        query = {"include": "allowduplicatedocnum"} if found and not current else {}
        id_ = _write(api, job, document, query)["Id"]
        return Sent(id_, f"{_addresses(job)[1]}/app/invoice?txnId={segment(id_)}")

    def void(self, job: BillJob) -> None:
        """See the port."""
        api = self._api(job)
        current = next((one for one in _found(api, job) if not one.gone), None)
        _check_unpaid(current)
        if current:
            _write(api, job, {"Id": current.id, "SyncToken": current.sync_token}, {"operation": "void"})

    def _api(self, job: BillJob) -> Api:
        realm = segment(credential(job.connection.credentials, "realmId"))
        credential(job.connection.credentials, "refreshToken")
        authorization = OAuth(self._outside, job.connection, TOKENS)
        return Api(self._outside.http, f"{_addresses(job)[0]}/v3/company/{realm}", authorization, refusal)


def _addresses(job: BillJob) -> tuple[str, str]:
    return SANDBOX if job.connection.destination.casefold().endswith("_sandbox") else LIVE


def _check_unpaid(current: Current | None) -> None:
    if current and current.paid:
        raise ConnectorError(Fault.ALREADY_PAID, f"QuickBooks has payments or credits on invoice {current.id}")


def _found(api: Api, job: BillJob) -> list[Current]:
    """The bill's invoices, voided ones among them."""
    known = _known(api, job.external_id) if job.external_id else None
    if known and not (current := current_of(known["Invoice"])).gone:
        return [current]
    query = query_of(numbers(job.invoice, job.connection.options))
    answer = api.get("/query", _version() | {"query": query})["QueryResponse"]
    found = [current_of(one) for one in answer.get("Invoice") or ()]
    return [one for one in found if is_ours(job.invoice, one)]


def _known(api: Api, id_: str) -> dict[str, Any] | None:
    """The invoice with an id; None where QuickBooks says, by a refusal, that it was deleted (error 610)."""
    try:
        return api.find(f"/invoice/{segment(id_)}", _version())
    except ConnectorError as refused:
        if refused.fault is Fault.PAYLOAD_REFUSED:
            return None
        raise


def _write(api: Api, job: BillJob, document: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
    """QuickBooks answers the same to the same request id; another one with other content."""
    content = wire.dumps(document).decode()
    request_id = derived_id(job.idempotency_key, *query.values(), job.external_id or "", content)
    written: dict[str, Any] = api.send("POST", "/invoice", document, _version() | query | {"requestid": request_id})[
        "Invoice"
    ]
    return written


def _version() -> dict[str, str]:
    return {"minorversion": MINOR_VERSION}

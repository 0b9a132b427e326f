"""Invoices to Xero over its Accounting API."""

from typing import Any, Final

from usance.adapters.connectors.api import Api, segment
from usance.adapters.connectors.authorization import OAuth
from usance.application.ports.connectors import BillJob, Outside, Sent
from usance.domain.integrations.checks import credential
from usance.domain.integrations.faults import ConnectorError
from usance.domain.integrations.wording import mark
from usance.domain.integrations.xero import (
    Current,
    address_of,
    current_of,
    invoice_document,
    refusal,
    removal_document,
    total_of,
)
from usance.domain.kernel.ids import derived_id
from usance.domain.notifications.delivery import Fault
from usance.resources import wire

API: Final = "https://api.xero.com/api.xro/2.0"
TOKENS: Final = "https://identity.xero.com/connect/token"
SCOPE: Final = "accounting.transactions"


class XeroConnector:
    """`BillConnector` for Xero. An invoice that is not known by its id is found by the bill's mark in its Reference."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside

    def send(self, job: BillJob) -> Sent:
        """See the port."""
        api = self._api(job)
        current = _current(api, job)
        if current and current.paid:
            raise ConnectorError(Fault.ALREADY_PAID, f"Xero has payments or credits on invoice {current.id}")
        document = invoice_document(job.invoice, job.connection.options, job.known, current)
        if current and current.status == "PAID":  # of 0, and so not open to change
            if total_of(document):
                raise ConnectorError(
                    Fault.ALREADY_PAID,
                    f"Xero counts invoice {current.id} of 0 as paid, and the bill is no longer 0; bill the rest in Xero",
                )
            return Sent(current.id, address_of(current.id))
        # PUT creates only: POST would update an invoice of somebody else's that has the same number
        method, path = ("POST", f"/Invoices/{segment(current.id)}") if current else ("PUT", "/Invoices")
        id_ = _write(api, job, method, path, document)["InvoiceID"]
        return Sent(id_, address_of(id_))

    def void(self, job: BillJob) -> None:
        """See the port."""
        api = self._api(job)
        current = _current(api, job)
        if not current:
            return
        if current.paid:
            raise ConnectorError(Fault.ALREADY_PAID, f"Xero has payments or credits on invoice {current.id}")
        _write(api, job, "POST", f"/Invoices/{segment(current.id)}", removal_document(current))

    def _api(self, job: BillJob) -> Api:
        credentials = job.connection.credentials
        # A custom connection knows its one organization; the token of a user may be for many
        tenant = {"xero-tenant-id": credential(credentials, "tenantId")} if credentials.get("refreshToken") else {}
        authorization = OAuth(self._outside, job.connection, TOKENS, credentials.get("scope") or SCOPE)
        return Api(self._outside.http, API, authorization, refusal, tenant)


def _current(api: Api, job: BillJob) -> Current | None:
    """The bill's invoice; None when Xero has none, or has voided it."""
    found: dict[str, Any] | None = None
    if job.external_id:
        found = api.find(f"/Invoices/{segment(job.external_id)}")
    ours = [current_of(one) for one in (found or {}).get("Invoices") or ()]
    if not any(not one.gone for one in ours):
        listed = api.get("/Invoices", {"where": f'Type=="ACCREC" AND Reference=="{mark(job.invoice)}"'})
        ours = [current_of(one) for one in listed.get("Invoices") or ()]
    return next((one for one in ours if not one.gone), None)


def _write(api: Api, job: BillJob, method: str, path: str, document: dict[str, Any]) -> dict[str, Any]:
    """Xero answers the same to the same key; another key with other content, or after the invoice was voided."""
    content = wire.dumps(document).decode()
    key = derived_id(job.idempotency_key, method, path, job.external_id or "", content)
    answer = api.send(method, path, {"Invoices": [document]}, headers={"Idempotency-Key": key})
    written: dict[str, Any] = answer["Invoices"][0]
    return written

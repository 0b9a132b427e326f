"""Invoices to Chargebee over its API v2."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from usance.adapters.connectors.api import Api, segment
from usance.adapters.connectors.authorization import Key
from usance.adapters.connectors.finding import found_invoice
from usance.application.ports.connectors import BillJob, Outside, Sent
from usance.domain.integrations.chargebee import (
    Current,
    Fields,
    check_site,
    current_of,
    invoice_fields,
    is_ours,
    is_same,
    refusal,
)
from usance.domain.integrations.checks import credential, text_option
from usance.domain.integrations.faults import ConnectorError
from usance.domain.kernel.ids import derived_id
from usance.domain.notifications.delivery import Fault

PAGE_SIZE: Final = 100  # the most that Chargebee lists at once
PAGES_MAX: Final = 20  # of one customer's invoices, the newest first; a bill's is among them unless it is very old


class ChargebeeConnector:
    """`BillConnector` for Chargebee. An invoice that is not known by its id is found among the customer's by its note.

    Chargebee has no drafts and changes no charges: a bill is sent once it is approved, and an invoice that says something
    else than the bill is voided and made anew.
    """

    def __init__(self, outside: Outside) -> None:
        self._outside = outside

    def send(self, job: BillJob) -> Sent | None:
        """See the port."""
        if not job.invoice.approved:
            return None
        api, site = self._api(job)
        fields = invoice_fields(job.invoice, job.connection.options, job.known)
        current = _current(api, job)
        if not current or not is_same(fields, current):
            if current:
                _void(api, job, current)
            if not fields:
                return None
            current = _create(api, job, fields, current)
        return Sent(current.id, f"https://{site}.chargebee.com/d/invoices/{segment(current.id)}")

    def void(self, job: BillJob) -> None:
        """See the port."""
        api, _ = self._api(job)
        if current := _current(api, job):
            _void(api, job, current)

    def _api(self, job: BillJob) -> tuple[Api, str]:
        site = check_site(credential(job.connection.credentials, "site"))
        key = Key.basic(credential(job.connection.credentials, "apiKey"))
        return Api(self._outside.http, f"https://{site}.chargebee.com/api/v2", key, refusal), site


def _current(api: Api, job: BillJob) -> Current | None:
    """The bill's invoice; None when there is none, or it was voided."""

    def by_id(id_: str) -> Current | None:
        known = api.find(f"/invoices/{segment(id_)}")
        return current_of(known["invoice"]) if known else None

    return found_invoice(job, by_id, partial(_listed, api), is_ours)


def _listed(api: Api, customer: str) -> Iterator[Current]:
    query = {"customer_id[is]": customer, "sort_by[desc]": "date", "limit": str(PAGE_SIZE)}
    for _ in range(PAGES_MAX):
        page = api.get("/invoices", query)
        yield from (current_of(one["invoice"]) for one in page["list"])
        if not page.get("next_offset"):
            return
        query["offset"] = page["next_offset"]


def _create(api: Api, job: BillJob, fields: Fields, replaced: Current | None) -> Current:
    """Chargebee answers the same to the same key; another key with other content, or after the invoice was voided."""
    parts = [text for field in fields for text in field]
    key = derived_id(job.idempotency_key, replaced.id if replaced else "", job.external_id or "", *parts)
    headers = {"chargebee-idempotency-key": key}
    return current_of(api.post_form("/invoices/create_for_charge_items_and_charges", fields, headers)["invoice"])


def _void(api: Api, job: BillJob, current: Current) -> None:
    if current.settled:
        raise ConnectorError(Fault.ALREADY_PAID, f"Chargebee has payments or credits on invoice {current.id}")
    reason = text_option(job.connection.options, "voidReasonCode")
    fields = [
        ("comment", f"Bill {job.invoice.bill_id} is no longer as it was"),
        *([("void_reason_code", reason)] if reason else []),
    ]
    api.post_form(f"/invoices/{segment(current.id)}/void", fields)

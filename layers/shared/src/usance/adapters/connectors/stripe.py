"""Stripe, by its official library over our own guarded connections (docs/integrations.md).

What was made is found again by its id or, where nobody recorded that, by the bill that its metadata names; an idempotency key keeps
two attempts at one time apart. A draft is brought to what it shall say, item by item, so that an attempt which was cut off is
simply made again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, Final, cast

import stripe

from usance.application.ports.connectors import BillJob, HttpClient, Outside, Sent
from usance.domain.integrations.answers import DETAIL_MAX_CHARS
from usance.domain.integrations.external_ids import ExternalId
from usance.domain.integrations.faults import ConnectorError
from usance.domain.integrations.stripe import (
    CUSTOMER,
    DIGEST_KEY,
    LINE_KEY,
    Item,
    customer_of,
    digest_of,
    draft_of,
    header_of,
    is_of,
    items_of,
    matches,
    search_of,
)
from usance.domain.kernel.ids import derived_id
from usance.domain.notifications.delivery import Fault
from usance.resources import wire

PAGE: Final = 100  # of a list
DASHBOARD: Final = "https://dashboard.stripe.com"
_MISSING: Final = "resource_missing"

Fields = Mapping[str, Any]


class StripeConnector:
    """`BillConnector` of Stripe. `api` is another address than Stripe's own, for tests."""

    def __init__(self, outside: Outside, api: str | None = None) -> None:
        self._outside = outside
        self._api = api

    def send(self, job: BillJob) -> Sent:
        """See the port. An invoice that is open and no longer says what the bill says is voided, and made anew."""
        return _Errand(self._outside, job, self._api).send()

    def void(self, job: BillJob) -> None:
        """See the port. A draft is deleted, an open invoice is voided; one that is paid stays, and is an error."""
        _Errand(self._outside, job, self._api).void()


class _Errand:
    """One job."""

    def __init__(self, outside: Outside, job: BillJob, api: str | None) -> None:
        self._job = job
        self._options = job.connection.options
        self._memory = outside.memory
        self._now = outside.clock.now()
        self._http = _Guarded(outside.http)
        key = job.connection.credentials.get("apiKey", "")
        if not key:
            raise ConnectorError(Fault.CREDENTIALS_REFUSED, "the credentials have no apiKey")
        self._is_test = "_test_" in key
        self._client = stripe.StripeClient(
            key,
            stripe_account=self._options.get("stripeAccount"),
            base_addresses={"api": api} if api else None,
            http_client=self._http,
            max_network_retries=0,  # the run is tried again
        )

    def send(self) -> Sent:
        job = self._job
        items = items_of(job.invoice, job.known)
        digest = digest_of(job.invoice, items)
        known = self._known_customer()
        there = self._invoice(known)
        customer = known or self._create_customer()
        if there is not None and self._stands(there, digest):
            return self._sent(there["id"])
        if there is not None and (there["status"] != "draft" or not self._fits(there, customer)):
            self._remove(there)
            there = None
        id_ = there["id"] if there is not None else self._create(customer)
        self._bring_items(id_, customer, items)
        self._bring_header(id_, digest)
        if job.invoice.approved:
            self._finalise(id_)
        return self._sent(id_)

    def void(self) -> None:
        there = self._invoice(self._known_customer())
        if there is not None:
            self._remove(there)

    def _known_customer(self) -> str | None:
        return self._job.known.of("Account", self._job.invoice.account_id, CUSTOMER)

    def _create_customer(self) -> str:
        """A customer for an account that is not mapped, if one may be made."""
        job, account_id = self._job, self._job.invoice.account_id
        if self._options.get("createCustomers", True) is False:
            raise ConnectorError(
                Fault.ACCOUNT_NOT_MAPPED, f"create an external mapping of the Account {account_id} to a {CUSTOMER}"
            )
        told = customer_of(job.account)
        key = _key(job.connection.configuration_id, account_id, wire.dumps(told).decode())
        made = self._asked(lambda: self._client.v1.customers.create(cast("Any", told), {"idempotency_key": key}))
        self._memory.keep_external_id(job.connection, ExternalId("Account", account_id, CUSTOMER, made["id"]))
        return str(made["id"])

    def _invoice(self, customer: str | None) -> Fields | None:
        """The invoice that was made before, unless it was deleted or voided since."""
        id_ = self._job.external_id
        if id_ is None:
            return self._unrecorded(customer) if customer else None
        try:
            there = self._asked(lambda: self._client.v1.invoices.retrieve(id_))
        except _MissingError:
            return None
        return None if there.get("deleted") or there["status"] == "void" else there

    def _unrecorded(self, customer: str) -> Fields | None:
        """What an attempt made of the bill that was cut off before it knew the id, however long ago."""
        made = self._pages(self._client.v1.invoices.list, search_of(self._job.invoice, customer))
        return next((one for one in made if is_of(one, self._job.invoice) and one["status"] != "void"), None)

    def _stands(self, there: Fields, digest: str) -> bool:
        """Whether an invoice that is finalised says what the bill says, so that nothing is left to do."""
        kept = (there.get("metadata") or {}).get(DIGEST_KEY)
        return bool(there["status"] != "draft" and kept == digest)

    def _fits(self, there: Fields, customer: str) -> bool:
        """Whether a draft can become what the bill says: its customer and currency cannot be changed."""
        wanted = draft_of(self._job.invoice, customer, self._options)
        return bool(there["customer"] == customer and there["currency"] == wanted["currency"])

    def _remove(self, there: Fields) -> None:
        id_ = there["id"]
        if there["status"] == "paid":
            raise ConnectorError(Fault.ALREADY_PAID, f"the invoice {id_} is paid; correct it in Stripe")
        try:
            if there["status"] == "draft":
                self._asked(lambda: self._client.v1.invoices.delete(id_))
            else:
                self._asked(lambda: self._client.v1.invoices.void_invoice(id_))
        except _MissingError:
            return

    def _create(self, customer: str) -> str:
        """A bare draft. The one it follows, which is gone, makes its key another."""
        draft = draft_of(self._job.invoice, customer, self._options)
        key = _key(self._job.idempotency_key, self._job.external_id or "", wire.dumps(draft).decode())
        made = self._asked(lambda: self._client.v1.invoices.create(cast("Any", draft), {"idempotency_key": key}))
        self._memory.keep_invoice(self._job.connection, self._job.invoice, made["id"])
        return str(made["id"])

    def _bring_items(self, invoice_id: str, customer: str, items: Sequence[Item]) -> None:
        """Make the items that are missing, and take away those that are too many or say something else."""
        wanted = {item.line_id: item for item in items}
        for there in list(self._pages(self._client.v1.invoice_items.list, {"invoice": invoice_id})):
            line_id = (there.get("metadata") or {}).get(LINE_KEY)
            item = wanted.get(line_id) if line_id else None
            if item is not None and matches(there, item):
                del wanted[item.line_id]
            else:
                self._delete_item(there["id"])
        for item in wanted.values():
            told = {"customer": customer, "invoice": invoice_id, **item.document}
            key = _key(invoice_id, item.line_id, str(self._job.invoice.revision), item.digest)
            self._create_item(told, key)

    def _create_item(self, told: Fields, key: str) -> None:
        """Make an item. What is repeated of an earlier answer may have been taken away since, by us or by hand."""
        while True:
            options: Any = {"idempotency_key": key}
            made = self._asked(partial(self._client.v1.invoice_items.create, cast("Any", told), options))
            if not (self._http.replayed and self._is_gone(made["id"])):
                return
            key = _key(key, made["id"])

    def _is_gone(self, item_id: str) -> bool:
        try:
            return bool(self._asked(lambda: self._client.v1.invoice_items.retrieve(item_id)).get("deleted"))
        except _MissingError:
            return True

    def _delete_item(self, id_: str) -> None:
        try:
            self._asked(lambda: self._client.v1.invoice_items.delete(id_))
        except _MissingError:
            return

    def _pages(self, listing: Callable[[Any], stripe.StripeObject], filters: Fields) -> Iterator[Fields]:
        asked = {**filters, "limit": PAGE}
        while True:
            page = self._asked(partial(listing, asked))
            yield from page["data"]
            if not page["has_more"] or not page["data"]:
                return
            asked["starting_after"] = page["data"][-1]["id"]

    def _bring_header(self, id_: str, digest: str) -> None:
        header = header_of(self._job.invoice, self._options, self._now)
        header["metadata"] = {**header["metadata"], DIGEST_KEY: digest}
        self._asked(lambda: self._client.v1.invoices.update(id_, cast("Any", header)))

    def _finalise(self, id_: str) -> None:
        advance = {"auto_advance": self._options.get("autoAdvance", True) is not False}
        self._asked(lambda: self._client.v1.invoices.finalize_invoice(id_, cast("Any", advance)))

    def _sent(self, id_: str) -> Sent:
        account = self._options.get("stripeAccount")
        parts = [DASHBOARD, *([account] if account else []), *(["test"] if self._is_test else []), "invoices", id_]
        return Sent(id_, "/".join(parts))

    def _asked(self, call: Callable[[], stripe.StripeObject]) -> Fields:
        """What Stripe answers, as plain values. `ConnectorError` for what it refuses."""
        try:
            return call().to_dict()
        except stripe.StripeError as refused:
            raise _error(refused, self._http.retry_after) from None


def _key(*parts: str) -> str:
    return derived_id("stripe", *parts)


class _MissingError(ConnectorError):
    """Stripe has no such thing."""


def _error(refused: stripe.StripeError, retry_after: timedelta | None) -> ConnectorError:
    """The fault of a refusal. Its message is Stripe's own, which shows no more of a key than its end."""
    text = f"Stripe answered {refused.http_status}: {refused.user_message or refused}"[:DETAIL_MAX_CHARS]
    if refused.code == _MISSING:
        return _MissingError(Fault.PAYLOAD_REFUSED, text)
    return ConnectorError(_fault_of(refused), text, retry_after)


def _fault_of(refused: stripe.StripeError) -> Fault:
    match refused:
        case stripe.AuthenticationError() | stripe.PermissionError():
            return Fault.CREDENTIALS_REFUSED
        case stripe.RateLimitError():
            return Fault.RATE_LIMITED
        case stripe.InvalidRequestError() | stripe.CardError():
            return Fault.ALREADY_PAID if refused.code == "invoice_already_paid" else Fault.PAYLOAD_REFUSED
        case stripe.IdempotencyError() | stripe.APIConnectionError() | stripe.APIError():
            return Fault.PASSING  # the key is in use, or something broke on the way or in Stripe
        case _:
            return Fault.REFUSED


class _Guarded(stripe.HTTPClient):
    """The library's requests, made by ours."""

    name = "usance"

    def __init__(self, http: HttpClient) -> None:
        super().__init__()
        self._http = http
        self.retry_after: timedelta | None = None  # what the last answer asked for
        self.replayed = False  # whether the last answer was that of an earlier request with the same key

    def request_with_retries(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None, *_: Any, **__: Any
    ) -> tuple[str, int, Mapping[str, str]]:
        """One request: the run is tried again, not this."""
        body = post_data.encode() if isinstance(post_data, str) else post_data or b""
        answer = self._http.request(method.upper(), url, headers, body)
        self.retry_after = answer.retry_after
        self.replayed = answer.headers.get("idempotent-replayed") == "true"
        return answer.body.decode(errors="replace"), answer.status, answer.headers

"""Stripe in memory, by the shapes and rules of its documentation: what its connector uses, and nothing else.

Requests come as the official library sends them, form-encoded. See the API reference of Stripe: customers, invoices, invoice
items, errors, idempotent requests.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from usance.domain.integrations.answers import Answer

Fields = dict[str, Any]
KEY = "sk_test_secretsecretsecret"

_INVOICE_FIELDS = {
    "customer", "currency", "collection_method", "auto_advance", "pending_invoice_items_behavior", "metadata",
    "custom_fields", "effective_at", "due_date", "days_until_due", "description",
}  # fmt: skip
_ITEM_FIELDS = {
    "customer",
    "invoice",
    "currency",
    "amount",
    "description",
    "metadata",
    "period",
    "price_data",
    "quantity",
}
_CUSTOMER_FIELDS = {"name", "email", "address", "metadata"}


class RefusedError(Exception):
    """An error of the API."""

    def __init__(
        self, status: int, message: str, type_: str = "invalid_request_error", code: str | None = None
    ) -> None:
        super().__init__(message)
        self.answer = _json(status, {"error": {"type": type_, "message": message, **({"code": code} if code else {})}})


@dataclass
class FakeStripe:
    """`HttpClient` whose other side is Stripe. `before` sees every request first, and may answer or raise in its place."""

    customers: dict[str, Fields] = field(default_factory=dict)
    invoices: dict[str, Fields] = field(default_factory=dict)
    items: dict[str, Fields] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    before: Callable[[str, str], Answer | None] = lambda _method, _path: None
    page: int = 100
    _by_key: dict[str, tuple[Fields, Answer]] = field(default_factory=dict)
    _made: int = 0

    def request(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        parts = urlsplit(url)
        path = parts.path.removeprefix("/v1/")
        self.seen.append(f"{method} {path}")
        instead = self.before(method, path)
        if instead is not None:
            return instead
        if headers.get("Authorization") != f"Bearer {KEY}":
            return _json(
                401, {"error": {"type": "invalid_request_error", "message": "Invalid API Key provided: sk_t***x"}}
            )
        sent = _tree(parse_qsl(body.decode() or parts.query, keep_blank_values=True))
        try:
            return self._once(
                headers.get("Idempotency-Key"), sent, lambda: _json(200, self._answer(method, path, sent))
            )
        except RefusedError as refused:
            return refused.answer

    def _once(self, key: str | None, sent: Fields, make: Callable[[], Answer]) -> Answer:
        if key is None:
            return make()
        if key in self._by_key:
            first, answer = self._by_key[key]
            if first != sent:
                raise RefusedError(
                    400, "Keys for idempotent requests can only be used with the same parameters", "idempotency_error"
                )
            return Answer(answer.status, {**answer.headers, "idempotent-replayed": "true"}, answer.body)
        answer = make()
        self._by_key[key] = (sent, answer)
        return answer

    def _answer(self, method: str, path: str, sent: Fields) -> Fields:
        routes: dict[tuple[str, str], Callable[[str, Fields], Fields]] = {
            ("POST", "customers"): lambda _, sent: self._create_customer(sent),
            ("POST", "invoices"): lambda _, sent: self._create_invoice(sent),
            ("GET", "invoices"): lambda _, sent: self._list(self.invoices, "customer", sent),
            ("GET", "invoices/*"): lambda id_, _: self._invoice(id_),
            ("POST", "invoices/*"): self._update_invoice,
            ("DELETE", "invoices/*"): lambda id_, _: self._delete_invoice(id_),
            ("POST", "invoices/*/finalize"): self._finalise,
            ("POST", "invoices/*/void"): lambda id_, _: self._void(id_),
            ("POST", "invoiceitems"): lambda _, sent: self._create_item(sent),
            ("GET", "invoiceitems"): lambda _, sent: self._list(self.items, "invoice", sent),
            ("GET", "invoiceitems/*"): lambda id_, _: self._item(id_),
            ("DELETE", "invoiceitems/*"): lambda id_, _: self._delete_item(id_),
        }
        kind, _, rest = path.partition("/")
        id_, _, verb = rest.partition("/")
        pattern = "/".join(filter(None, (kind, "*" if id_ else "", verb)))
        if (method, pattern) not in routes:
            raise RefusedError(404, f"Unrecognized request URL ({method}: /v1/{path})")
        return routes[method, pattern](id_, sent)

    def _create_customer(self, sent: Fields) -> Fields:
        _only(sent, _CUSTOMER_FIELDS)
        made = {"id": self._id("cus"), "object": "customer", **sent}
        self.customers[made["id"]] = made
        return made

    def _create_invoice(self, sent: Fields) -> Fields:
        _only(sent, _INVOICE_FIELDS)
        if sent["customer"] not in self.customers:
            raise RefusedError(400, f"No such customer: '{sent['customer']}'", code="resource_missing")
        made = {"id": self._id("in"), "object": "invoice", "status": "draft", "metadata": {}, **sent}
        self.invoices[made["id"]] = made
        return made

    def _invoice(self, id_: str) -> Fields:
        if id_ not in self.invoices:
            raise RefusedError(404, f"No such invoice: '{id_}'", code="resource_missing")
        return self.invoices[id_]

    def _update_invoice(self, id_: str, sent: Fields) -> Fields:
        _only(sent, _INVOICE_FIELDS - {"customer", "currency"})
        invoice = self._invoice(id_)
        if invoice["status"] != "draft":
            raise RefusedError(400, "Finalized invoices can't be updated in this way", code="invoice_not_editable")
        if "due_date" in sent and invoice["collection_method"] != "send_invoice":
            raise RefusedError(400, "You can only set a due date on invoices with `collection_method=send_invoice`.")
        metadata = {**invoice["metadata"], **sent.get("metadata", {})}
        invoice.update({name: value for name, value in sent.items() if value != ""})
        for name in [name for name, value in sent.items() if value == ""]:
            invoice.pop(name, None)
        invoice["metadata"] = {name: value for name, value in metadata.items() if value != ""}
        return invoice

    def _delete_invoice(self, id_: str) -> Fields:
        if self._invoice(id_)["status"] != "draft":
            raise RefusedError(400, "You can only delete draft invoices.")
        del self.invoices[id_]
        for item in [item for item in self.items.values() if item["invoice"] == id_]:
            del self.items[item["id"]]
        return {"id": id_, "object": "invoice", "deleted": True}

    def _finalise(self, id_: str, sent: Fields) -> Fields:
        invoice = self._invoice(id_)
        if invoice["status"] != "draft":
            raise RefusedError(400, "This invoice is already finalized, you can't re-finalize a non-draft invoice.")
        invoice.update(sent, status="open" if self.total(id_) > 0 else "paid")
        return invoice

    def _void(self, id_: str) -> Fields:
        invoice = self._invoice(id_)
        if invoice["status"] not in {"open", "uncollectible"}:
            raise RefusedError(400, "You can only pass in open invoices.")
        invoice["status"] = "void"
        return invoice

    def _create_item(self, sent: Fields) -> Fields:
        _only(sent, _ITEM_FIELDS)
        if self._invoice(sent["invoice"])["status"] != "draft":
            raise RefusedError(400, "Invoice items can only be added to draft invoices.", code="invoice_not_editable")
        if ("amount" in sent) == ("price_data" in sent):
            raise RefusedError(400, "You must specify either `amount` or `price_data`.")
        amount = sent["amount"] if "amount" in sent else sent["price_data"]["unit_amount"]
        if "price_data" in sent and int(amount) < 0:
            raise RefusedError(400, "Invalid non-negative integer", code="parameter_invalid_integer")
        made = {"id": self._id("ii"), "object": "invoiceitem", **sent, "amount": int(amount)}
        self.items[made["id"]] = made
        return made

    def _list(self, all_: dict[str, Fields], by: str, sent: Fields) -> Fields:
        since = int(sent.get("created", {}).get("gte", 0))
        found = [one for one in all_.values() if one[by] == sent[by] and one.get("created", since) >= since]
        after = sent.get("starting_after")
        start = next((at + 1 for at, item in enumerate(found) if item["id"] == after), 0)
        size = min(int(sent["limit"]), self.page)
        page = found[start : start + size]
        return {"object": "list", "data": page, "has_more": start + size < len(found), "url": "/v1"}

    def _item(self, id_: str) -> Fields:
        if id_ not in self.items:
            raise RefusedError(404, f"No such invoiceitem: '{id_}'", code="resource_missing")
        return self.items[id_]

    def _delete_item(self, id_: str) -> Fields:
        self._item(id_)
        del self.items[id_]
        return {"id": id_, "object": "invoiceitem", "deleted": True}

    def total(self, id_: str) -> int:
        """What the items of an invoice add up to."""
        return sum(item["amount"] for item in self.items.values() if item["invoice"] == id_)

    def forget_keys(self) -> None:
        """A day has passed."""
        self._by_key.clear()

    def open_invoices(self) -> list[Fields]:
        """Those that are not void."""
        return [invoice for invoice in self.invoices.values() if invoice["status"] != "void"]

    def _id(self, prefix: str) -> str:
        self._made += 1
        return f"{prefix}_{self._made}"


def _only(sent: Fields, known: set[str]) -> None:
    unknown = sorted(set(sent) - known)
    if unknown:
        raise RefusedError(400, f"Received unknown parameter: {unknown[0]}", code="parameter_unknown")


def _json(status: int, document: Fields) -> Answer:
    return Answer(status, {"content-type": "application/json", "request-id": "req_1"}, json.dumps(document).encode())


def _tree(pairs: list[tuple[str, str]]) -> Fields:
    """`a[b][0][c]=d` as nested dictionaries and lists."""
    tree: Fields = {}
    for name, value in pairs:
        *path, last = re.findall(r"[^\[\]]+", name)
        place = tree
        for step in path:
            place = place.setdefault(step, {})
        place[last] = value
    return {name: _listed(value) for name, value in tree.items()}


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _listed(one) for name, one in value.items()}
    return list(inner.values()) if inner and all(name.isdecimal() for name in inner) else inner

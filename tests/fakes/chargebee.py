"""Chargebee in memory: the invoices of one site, as far as its documentation describes them."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from tests.fakes.connectors import Asked, answer
from usance.domain.integrations.answers import Answer
from usance.domain.integrations.faults import ConnectorError
from usance.domain.notifications.delivery import Fault

PAGE_SIZE = 2  # so that a few invoices have pages


def refused(status: int, code: str, param: str = "") -> Answer:
    """A refusal."""
    return answer(status, {"message": "message", "type": "invalid_request", "api_error_code": code, "param": param})


@dataclass
class FakeChargebee:
    """Answers as Chargebee does. `lost` answers are never received, though what they answer was done."""

    invoices: dict[str, dict[str, Any]] = field(default_factory=dict)
    sent: list[list[tuple[str, str]]] = field(default_factory=list)
    lost: int = 0
    refuses: list[Answer] = field(default_factory=list)
    replays: dict[str, Answer] = field(default_factory=dict)

    def __call__(self, asked: Asked) -> Answer:
        parts = urlsplit(asked.url)
        assert parts.netloc == "acme-test.chargebee.com"
        assert asked.headers["Authorization"] == "Basic a2V5Og=="  # "key:"
        path = parts.path.removeprefix("/api/v2/invoices")
        if asked.method == "GET":
            return self._read(path.lstrip("/"), parse_qs(parts.query))
        if self.refuses:
            return self.refuses.pop(0)
        if path.endswith("/void"):
            return self._void(path.split("/")[1])
        assert path == "/create_for_charge_items_and_charges"
        assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded"
        key = asked.headers["chargebee-idempotency-key"]
        assert len(key) <= 100
        if key not in self.replays:
            self.replays[key] = self._create(parse_qsl(asked.body.decode()))
        if self.lost:
            self.lost -= 1
            raise ConnectorError(Fault.TIMEOUT, "")
        return self.replays[key]

    def forget_keys(self) -> None:
        """As Chargebee does after half an hour."""
        self.replays.clear()

    def _read(self, id_: str, query: dict[str, list[str]]) -> Answer:
        if id_:
            return (
                answer(200, {"invoice": self.invoices[id_]})
                if id_ in self.invoices
                else refused(404, "resource_not_found")
            )
        assert query["sort_by[desc]"] == ["date"]
        customer = query["customer_id[is]"][0]
        found = [one for one in reversed(self.invoices.values()) if one["customer_id"] == customer]
        start = int(query.get("offset", ["0"])[0])
        page: dict[str, Any] = {"list": [{"invoice": one} for one in found[start : start + PAGE_SIZE]]}
        if len(found) > start + PAGE_SIZE:
            page["next_offset"] = str(start + PAGE_SIZE)
        return answer(200, page)

    def _create(self, fields: list[tuple[str, str]]) -> Answer:
        self.sent.append(fields)
        named = dict(fields)
        assert len(named) == len(fields)
        charged = [
            int(text) for name, text in fields if name.startswith(("charges[amount]", "item_prices[unit_price]"))
        ]
        assert all(amount >= 1 for amount in charged)
        total = sum(charged) - int(named.get("discounts[amount][0]", 0))
        id_ = f"cb-{len(self.invoices) + 1}"
        self.invoices[id_] = {
            "id": id_,
            "customer_id": named["customer_id"],
            "status": "payment_due" if total else "paid",
            "total": total,
            "amount_paid": 0,
            "notes": [{"entity_type": "customer", "note": "Thank you"}, {"note": named["invoice_note"]}],
        }
        return answer(200, {"invoice": self.invoices[id_]})

    def _void(self, id_: str) -> Answer:
        self.invoices[id_]["status"] = "voided"
        return answer(200, {"invoice": self.invoices[id_]})

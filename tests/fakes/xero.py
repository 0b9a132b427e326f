"""Xero in memory: its token endpoint and the invoices of one organization, as far as its documentation describes them."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.fakes.connectors import Asked, answer
from usance.domain.integrations.answers import Answer
from usance.domain.integrations.faults import ConnectorError
from usance.domain.notifications.delivery import Fault

TOKEN = {"access_token": "the-access-token", "expires_in": 1800, "token_type": "Bearer"}


def invalid(*messages: str) -> Answer:
    """A validation error."""
    return answer(
        400,
        {
            "ErrorNumber": 10,
            "Type": "ValidationException",
            "Message": "A validation exception occurred",
            "Elements": [{"ValidationErrors": [{"Message": message} for message in messages]}],
        },
    )


@dataclass
class FakeXero:
    """Answers as Xero does. `lost` answers are never received, though what they answer was done."""

    invoices: dict[str, dict[str, Any]] = field(default_factory=dict)
    lost: int = 0
    refuses: list[Answer] = field(default_factory=list)
    replays: dict[str, Answer] = field(default_factory=dict)
    tokens: list[dict[str, list[str]]] = field(default_factory=list)

    def __call__(self, asked: Asked) -> Answer:
        parts = urlsplit(asked.url)
        if parts.netloc == "identity.xero.com":
            self.tokens.append(parse_qs(asked.body.decode()))
            return answer(200, TOKEN | {"refresh_token": "next"} if "refresh_token" in self.tokens[-1] else TOKEN)
        assert asked.headers["Authorization"] == "Bearer the-access-token"
        assert parts.path.startswith("/api.xro/2.0/Invoices")
        if asked.method == "GET":
            return self._read(parts.path.removeprefix("/api.xro/2.0/Invoices").lstrip("/"), parse_qs(parts.query))
        if self.refuses:
            return self.refuses.pop(0)
        key = asked.headers["Idempotency-Key"]
        assert len(key) <= 128
        self.replays.setdefault(key, self._write(asked))
        if self.lost:
            self.lost -= 1
            raise ConnectorError(Fault.TIMEOUT, "")
        return self.replays[key]

    def _read(self, id_: str, query: dict[str, list[str]]) -> Answer:
        if id_:
            return answer(200, {"Invoices": [self.invoices[id_]]}) if id_ in self.invoices else answer(404, "not found")
        reference = unquote(query["where"][0]).split('Reference=="')[1].rstrip('"')
        return answer(200, {"Invoices": [one for one in self.invoices.values() if one["Reference"] == reference]})

    def _write(self, asked: Asked) -> Answer:
        sent = asked.document["Invoices"][0]
        if asked.method == "PUT":
            number = sent.get("InvoiceNumber")
            if number and any(one.get("InvoiceNumber") == number for one in self.invoices.values()):
                return invalid("Invoice # must be unique.")
            id_ = f"xero-{len(self.invoices) + 1}"
            self.invoices[id_] = {"InvoiceID": id_, "AmountPaid": 0, "AmountCredited": 0}
        else:
            id_ = sent["InvoiceID"]
            before, after = self.invoices[id_]["Status"], sent["Status"]
            if (before, after) in {("AUTHORISED", "DELETED"), ("AUTHORISED", "DRAFT"), ("DRAFT", "VOIDED")}:
                return invalid("Invoice not of valid status for modification")
        kept = self.invoices[id_] | sent | {"InvoiceID": id_}
        for line in sent.get("LineItems", ()):
            assert "UnitAmount" not in line or line["Quantity"] * line["UnitAmount"] == line["LineAmount"]
        kept["Total"] = round(sum(line.get("LineAmount", 0) for line in kept["LineItems"]), 2)
        if kept["Status"] == "AUTHORISED" and kept["Total"] == 0:
            kept["Status"] = "PAID"
        self.invoices[id_] = kept
        return answer(200, {"Invoices": [kept]})

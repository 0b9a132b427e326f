"""Paddle in memory: the transactions of one account, as far as its documentation describes them."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.connectors import Asked, answer
from usance.domain.integrations.answers import Answer
from usance.domain.integrations.faults import ConnectorError
from usance.domain.notifications.delivery import Fault

PAGE_SIZE = 2  # so that a few transactions have pages
MUTABLE = {"draft", "ready"}


def refused(status: int, code: str) -> Answer:
    """A refusal."""
    error = {
        "type": "request_error",
        "code": code,
        "detail": "detail",
        "errors": [{"field": "items", "message": "bad"}],
    }
    return answer(status, {"error": error, "meta": {"request_id": "request"}})


@dataclass
class FakePaddle:
    """Answers as Paddle does. `lost` answers are never received, though what they answer was done."""

    transactions: dict[str, dict[str, Any]] = field(default_factory=dict)
    addresses: list[str] = field(default_factory=lambda: ["add_1"])
    lost: int = 0
    refuses: list[Answer] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def __call__(self, asked: Asked) -> Answer:
        parts = urlsplit(asked.url)
        self.hosts.add(parts.netloc)
        assert asked.headers["Authorization"] == "Bearer key"
        assert asked.headers["Paddle-Version"] == "1"
        if parts.path == "/customers/ctm_1/addresses":
            return answer(200, {"data": [{"id": id_} for id_ in self.addresses]})
        id_ = parts.path.removeprefix("/transactions").lstrip("/")
        if asked.method == "GET":
            return self._read(id_, parse_qs(parts.query))
        if self.refuses:
            return self.refuses.pop(0)
        given = self._change(id_, asked.document) if asked.method == "PATCH" else self._create(asked.document)
        if self.lost:
            self.lost -= 1
            raise ConnectorError(Fault.TIMEOUT, "")
        return given

    def _read(self, id_: str, query: dict[str, list[str]]) -> Answer:
        if id_:
            found = self.transactions.get(id_)
            return answer(200, {"data": found}) if found else refused(404, "entity_not_found")
        wanted = query["status"][0].split(",")
        listed = [
            one
            for one in reversed(self.transactions.values())
            if one["customer_id"] == query["customer_id"][0] and one["status"] in wanted
        ]
        if "after" in query:
            listed = listed[[one["id"] for one in listed].index(query["after"][0]) + 1 :]
        more = {"pagination": {"has_more": len(listed) > PAGE_SIZE}}
        return answer(200, {"data": listed[:PAGE_SIZE], "meta": more})

    def _create(self, sent: dict[str, Any]) -> Answer:
        id_ = f"txn_{len(self.transactions) + 1}"
        self.transactions[id_] = sent | {"id": id_, "status": "ready"}
        return self._checked(id_)

    def _change(self, id_: str, sent: dict[str, Any]) -> Answer:
        kept = self.transactions[id_]
        if set(sent) == {"status"}:
            if (kept["status"], sent["status"]) not in {
                ("ready", "billed"),
                ("ready", "canceled"),
                ("billed", "canceled"),
            }:
                return refused(400, "transaction_invalid_status_change")
        elif kept["status"] not in MUTABLE:
            return refused(400, "transaction_immutable")
        kept |= sent
        return self._checked(id_)

    def _checked(self, id_: str) -> Answer:
        for item in self.transactions[id_]["items"]:
            assert int(item["price"]["unit_price"]["amount"]) >= 0
            assert len(item["price"]["name"]) <= 150
            assert "product" in item["price"] or "product_id" in item["price"]
        return answer(200, {"data": self.transactions[id_]})

    def totals(self) -> list[tuple[str, int]]:
        """Status and total of every transaction."""
        return [
            (one["status"], sum(int(item["price"]["unit_price"]["amount"]) for item in one["items"]))
            for one in self.transactions.values()
        ]

"""QuickBooks Online in memory: its token endpoint and the invoices of one company, as far as its documentation describes them."""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.connectors import Asked, answer
from usance.domain.integrations.answers import Answer
from usance.domain.integrations.faults import ConnectorError
from usance.domain.notifications.delivery import Fault

TOKEN = {"access_token": "the-access-token", "expires_in": 3600, "refresh_token": "next", "token_type": "bearer"}
VERSION = {"minorversion": ["75"]}


def fault(code: str, detail: str = "", status: int = 400, type_: str = "ValidationFault") -> Answer:
    """A refusal."""
    error = {"Message": "message", "Detail": detail, "code": code, "element": ""}
    return answer(status, {"Fault": {"Error": [error], "type": type_}, "time": "2026-02-01T00:00:00.000-07:00"})


@dataclass
class FakeQuickBooks:
    """Answers as QuickBooks does. `lost` answers are never received, though what they answer was done."""

    invoices: dict[str, dict[str, Any]] = field(default_factory=dict)
    lost: int = 0
    refuses: list[Answer] = field(default_factory=list)
    replays: dict[str, Answer] = field(default_factory=dict)
    tokens: list[dict[str, list[str]]] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def __call__(self, asked: Asked) -> Answer:
        parts = urlsplit(asked.url)
        if parts.netloc == "oauth.platform.intuit.com":
            self.tokens.append(parse_qs(asked.body.decode()))
            return answer(200, TOKEN)
        self.hosts.add(parts.netloc)
        query = parse_qs(parts.query)
        assert asked.headers["Authorization"] == "Bearer the-access-token"
        assert query.items() >= VERSION.items()
        if asked.method == "GET":
            return self._read(parts.path.removeprefix("/v3/company/4620/"), query)
        assert parts.path == "/v3/company/4620/invoice"
        if self.refuses:
            return self.refuses.pop(0)
        key = query["requestid"][0]
        assert len(key) <= 50
        if key not in self.replays:
            self.replays[key] = self._write(asked.document, query)
        if self.lost:
            self.lost -= 1
            raise ConnectorError(Fault.TIMEOUT, "")
        return self.replays[key]

    def _read(self, path: str, query: dict[str, list[str]]) -> Answer:
        if path != "query":
            found = self.invoices.get(path.removeprefix("invoice/"))
            return answer(200, {"Invoice": found}) if found else fault("610", "Object Not Found")
        listed = re.fullmatch(r"select \* from Invoice where DocNumber in \((.*)\)", query["query"][0])
        assert listed
        numbers = [re.sub(r"\\(.)", r"\1", one) for one in re.findall(r"'((?:[^'\\]|\\.)*)'", listed[1])]
        listing = [one for one in self.invoices.values() if one["DocNumber"] in numbers]
        return answer(200, {"QueryResponse": {"Invoice": listing} if listing else {}})

    def _write(self, sent: dict[str, Any], query: dict[str, list[str]]) -> Answer:
        id_ = sent.get("Id")
        if id_ and sent["SyncToken"] != self.invoices[id_]["SyncToken"]:
            return fault("5010", "Stale Object Error")
        if "operation" in query:
            assert query["operation"] == ["void"]
            kept = self.invoices[str(id_)]
            kept |= {"TotalAmt": 0, "Balance": 0, "PrivateNote": f"Voided - {kept['PrivateNote']}"}
            return answer(200, {"Invoice": kept})
        taken = [
            one["Id"] for one in self.invoices.values() if one["DocNumber"] == sent["DocNumber"] and one["Id"] != id_
        ]
        if taken and query.get("include") != ["allowduplicatedocnum"]:
            return fault("6140", "Duplicate Document Number Error : You must specify a different number.")
        for line in sent["Line"]:
            detail = line["SalesItemLineDetail"]
            assert line["Amount"] == detail["Qty"] * detail["UnitPrice"]
        total = round(sum(line["Amount"] for line in sent["Line"]), 2)
        id_ = id_ or str(len(self.invoices) + 1)
        token = str(int(self.invoices.get(id_, {"SyncToken": "-1"})["SyncToken"]) + 1)
        self.invoices[id_] = sent | {"Id": id_, "SyncToken": token, "TotalAmt": total, "Balance": total}
        return answer(200, {"Invoice": self.invoices[id_]})

"""Records of Salesforce in memory, as its documented REST API shows them."""

import json
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.fakes.connectors import Asked, answer
from usance.domain.integrations.answers import Answer

SITE = "https://acme.my.salesforce.com"
API = f"{SITE}/services/data/v60.0/sobjects/"


@dataclass
class FakeSalesforce:
    """Records by object and id. `refusals` are answered in turn before anything works again; `lost` answers get lost."""

    records: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    refusals: list[Answer] = field(default_factory=list)
    lost: list[Exception] = field(default_factory=list)
    tokens: list[dict[str, list[str]]] = field(default_factory=list)
    expired: bool = False
    _ids: Any = field(default_factory=lambda: count(1))

    def __call__(self, asked: Asked) -> Answer:
        if asked.url == f"{SITE}/services/oauth2/token":
            self.tokens.append(parse_qs(asked.body.decode()))
            self.expired = False
            return answer(
                200, {"access_token": f"token-{len(self.tokens)}", "instance_url": SITE, "token_type": "Bearer"}
            )
        if self.refusals:
            return self.refusals.pop(0)
        if self.expired or asked.headers["Authorization"] != f"Bearer token-{len(self.tokens)}":
            return error(401, "INVALID_SESSION_ID", "Session expired or invalid")
        given = self._record(asked)
        if self.lost:
            raise self.lost.pop(0)
        return given

    def _record(self, asked: Asked) -> Answer:
        assert asked.url.startswith(API)
        path = [unquote(part) for part in urlsplit(asked.url).path.removeprefix(urlsplit(API).path).split("/")]
        records = self.records.setdefault(path[0], {})
        ids = [path[1]] if len(path) == 2 else [id_ for id_, one in records.items() if one.get(path[1]) == path[2]]
        if len(ids) > 1:
            return Answer(300, {}, json.dumps([f"{API}{path[0]}/{id_}" for id_ in ids]).encode())
        there = bool(ids) and ids[0] in records
        if asked.method == "DELETE":
            if not there:
                return error(404, "NOT_FOUND", "The requested resource does not exist")
            del records[ids[0]]
            return answer(204)
        assert asked.method == "PATCH"
        if len(path) == 2:
            if not there:
                return error(404, "ENTITY_IS_DELETED", "entity is deleted")
            records[ids[0]].update(asked.document)
            return answer(204)
        id_ = ids[0] if ids else f"rec{next(self._ids)}"
        records.setdefault(id_, {path[1]: path[2]}).update(asked.document)
        return answer(200 if there else 201, {"id": id_, "success": True, "errors": [], "created": not there})


def error(status: int, code: str, message: str) -> Answer:
    """A refusal: an array of errors."""
    return Answer(status, {}, json.dumps([{"message": message, "errorCode": code}]).encode())

"""A client of a handler, in process: requests become events of API Gateway, answers come back as values."""

import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import unquote, urlencode

from usance.resources import wire

ALLOW_ALL = [{"effect": "ALLOW", "action": ["ALL"], "resource": ["*"]}]
USER_ID = "99999999-9999-7999-8999-999999999999"


@dataclass
class Answer:
    """What came back. `text` is the body as it was written."""

    status: int
    text: str
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.text, parse_float=Decimal)

    @property
    def message(self) -> str:
        return str(self.json["message"])


@dataclass
class Client:
    """Calls a handler as one principal of one organization; paths are relative to the organization."""

    handler: Any
    org_id: str
    statements: list[dict[str, Any]] = field(default_factory=lambda: list(ALLOW_ALL))
    principal_id: str = USER_ID
    principal_type: str = "SERVICE_USER"

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: dict[str, Any] | str | None = None,
        org: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        text = body if isinstance(body, str) else ("" if body is None else wire.dumps(body).decode())
        sent = path if path.startswith("//") or org == "" else f"/organizations/{org or self.org_id}{path}"
        raw = unquote(sent)  # as the gateway does
        event = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": raw,
            "rawQueryString": query if isinstance(query, str) else urlencode(query or {}, doseq=True),
            "headers": {"content-type": "application/json", **(headers or {})},
            "requestContext": {
                "http": {"method": method, "path": raw},
                "stage": "$default",
                "requestId": "request",
                "domainName": "api.example.com",
                "authorizer": {
                    "lambda": {
                        "orgId": self.org_id,
                        "principalId": self.principal_id,
                        "principalType": self.principal_type,
                        "statements": wire.dumps(self.statements).decode(),
                    }
                },
            },
            "body": text,
            "isBase64Encoded": False,
        }
        answer = self.handler(event, None)
        return Answer(answer["statusCode"], answer.get("body", ""), answer.get("headers", {}))

    def post(self, path: str, body: Any = None, **more: Any) -> Answer:
        return self.call("POST", path, body, **more)

    def get(self, path: str, **query: Any) -> Answer:
        return self.call("GET", path, query=query)

    def put(self, path: str, body: Any = None, **more: Any) -> Answer:
        return self.call("PUT", path, body, **more)

    def delete(self, path: str) -> Answer:
        return self.call("DELETE", path)

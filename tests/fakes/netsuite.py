"""NetSuite in memory: its token endpoint and the invoices of one account, as far as its documentation describes them."""

import json
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from tests.fakes.connectors import Asked, answer
from usance.domain.integrations.answers import Answer
from usance.domain.integrations.faults import ConnectorError
from usance.domain.notifications.delivery import Fault

SITE = "https://123456-sb1.suitetalk.api.netsuite.com"
TOKENS = f"{SITE}/services/rest/auth/oauth2/v1/token"
INVOICES = f"{SITE}/services/rest/record/v1/invoice/"


@cache
def private_key() -> str:
    """The key of the certificate that NetSuite knows."""
    key = generate_private_key(SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def credentials() -> dict[str, str]:
    """What the account gave the integration."""
    return {
        "type": "NETSUITE_AUTH",
        "accountId": "123456_SB1",
        "clientId": "client",
        "keyId": "certificate",
        "privateKey": private_key(),
    }


def problem(status: int, code: str, detail: str) -> Answer:
    """A refusal."""
    document = {"title": "Bad Request", "status": status, "o:errorDetails": [{"detail": detail, "o:errorCode": code}]}
    return Answer(status, {"content-type": "application/vnd.oracle.resource+json"}, json.dumps(document).encode())


@dataclass
class FakeNetSuite:
    """Invoices by their internal ids. `lost` answers are never received, though what they answer was done.

    `tells_where` is whether a write answers the address of the record.
    """

    invoices: dict[str, dict[str, Any]] = field(default_factory=dict)
    lost: int = 0
    refuses: list[Answer] = field(default_factory=list)
    tokens: list[dict[str, Any]] = field(default_factory=list)
    tells_where: bool = True

    def __call__(self, asked: Asked) -> Answer:
        if asked.url == TOKENS:
            return self._token(parse_qs(asked.body.decode()))
        assert asked.headers["Authorization"] == f"Bearer token-{len(self.tokens)}"
        if asked.method != "GET" and self.refuses:
            return self.refuses.pop(0)
        given = self._record(asked)
        if asked.method != "GET" and self.lost:
            self.lost -= 1
            raise ConnectorError(Fault.TIMEOUT, "")
        return given

    def _token(self, form: dict[str, list[str]]) -> Answer:
        assert form["grant_type"] == ["client_credentials"]
        assert form["client_assertion_type"] == ["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"]
        [assertion] = form["client_assertion"]
        known = load_pem_private_key(private_key().encode(), password=None).public_key()
        try:
            claims = jwt.decode(
                assertion,
                cast("EllipticCurvePublicKey", known),
                algorithms=["ES256"],
                audience=TOKENS,
                options={"verify_exp": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError:
            return answer(400, {"error": "invalid_client"})
        self.tokens.append(claims | jwt.get_unverified_header(assertion))
        token = {"access_token": f"token-{len(self.tokens)}", "expires_in": "3600", "token_type": "bearer"}
        return answer(200, token)

    def _record(self, asked: Asked) -> Answer:
        assert asked.url.startswith(INVOICES)
        parts = urlsplit(asked.url.removeprefix(INVOICES))
        external_id = unquote(parts.path).removeprefix("eid:")
        found = next((one for one in self.invoices.values() if one["externalId"] == external_id), None)
        if asked.method == "PUT":
            assert parse_qs(parts.query) == {"replace": ["item"]}
            return self._put(asked, external_id, found)
        if found is None:
            return problem(404, "NONEXISTENT_ID", "The record instance does not exist.")
        if asked.method == "DELETE":
            del self.invoices[found["id"]]
            return answer(204)
        return answer(200, {"amountPaid": 0, "status": {"id": "Open", "refName": "Open"}} | found)

    def _put(self, asked: Asked, external_id: str, found: dict[str, Any] | None) -> Answer:
        id_ = found["id"] if found else str(647 + len(self.invoices))
        for line in asked.document["item"]["items"]:
            assert line["amount"] == line["rate"] * line["quantity"]
        self.invoices[id_] = (found or {}) | asked.document | {"id": id_, "externalId": external_id}
        return answer(204, location=f"{INVOICES}{id_}") if self.tells_where else answer(204)

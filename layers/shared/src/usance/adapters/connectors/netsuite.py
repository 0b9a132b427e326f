"""Invoices to NetSuite over its REST record API."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from usance.adapters.connectors.api import Api, segment
from usance.adapters.connectors.authorization import ClientSignIn, OAuth
from usance.application.ports.clock import Clock
from usance.application.ports.connectors import BillJob, Outside, Sent
from usance.domain.integrations.answers import Answer
from usance.domain.integrations.checks import credential
from usance.domain.integrations.faults import ConnectorError
from usance.domain.integrations.netsuite import (
    Current,
    address_of,
    check_changeable,
    current_of,
    external_id_of,
    invoice_document,
    refusal,
    site_of,
)
from usance.domain.notifications.delivery import Fault

RECORDS: Final = "/services/rest/record/v1"
TOKENS: Final = "/services/rest/auth/oauth2/v1/token"
SCOPE: Final = "rest_webservices"
ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_LIFE: Final = timedelta(minutes=5)  # NetSuite takes up to an hour; a sign-in takes seconds
_CURVES: Final = {256: "ES256", 384: "ES384", 521: "ES512"}


class NetSuiteConnector:
    """`BillConnector`. A bill's invoice is found by its external id, and upserted by it: there is never a second one."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside

    def send(self, job: BillJob) -> Sent:
        """See the port."""
        api, path = self._api(job), f"/invoice/eid:{segment(external_id_of(job.invoice))}"
        current = _current(api, path)
        check_changeable(current)
        document = invoice_document(job.invoice, job.connection.options, job.known)
        answer = api.put_away("PUT", path, document, query={"replace": "item"})
        id_ = current.id if current else _id_at(answer) or current_of(api.get(path)).id
        return Sent(id_, address_of(credential(job.connection.credentials, "accountId"), id_))

    def void(self, job: BillJob) -> None:
        """See the port. The invoice is deleted; what is paid or void already stays."""
        api, path = self._api(job), f"/invoice/eid:{segment(external_id_of(job.invoice))}"
        current = _current(api, path)
        if current is None or current.voided:
            return
        check_changeable(current)
        api.delete(path)

    def _api(self, job: BillJob) -> Api:
        site = site_of(credential(job.connection.credentials, "accountId"))
        sign_in = by_certificate(self._outside.clock, site + TOKENS)
        authorization = OAuth(self._outside, job.connection, site + TOKENS, sign_in=sign_in)
        return Api(self._outside.http, site + RECORDS, authorization, refusal)


def by_certificate(clock: Clock, endpoint: str) -> ClientSignIn:
    """A JWT that the private key of a certificate signs (RFC 7523): PS256 of an RSA key, ES256 to ES512 of another."""

    def sign_in(credentials: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
        now = clock.now()
        claims = {
            "iss": credential(credentials, "clientId"),
            "scope": SCOPE,
            "aud": endpoint,
            "iat": int(now.timestamp()),
            "exp": int((now + ASSERTION_LIFE).timestamp()),
        }
        assertion = _signed(claims, credential(credentials, "privateKey"), credential(credentials, "keyId"))
        return {}, {"client_assertion_type": ASSERTION, "client_assertion": assertion}

    return sign_in


def _signed(claims: Mapping[str, Any], private_key: str, key_id: str) -> str:
    import jwt  # only a sign-in signs
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(private_key.encode(), password=None)
    except (ValueError, TypeError) as unreadable:
        raise ConnectorError(
            Fault.CREDENTIALS_REFUSED, "credentials.privateKey must be a private key in PEM, without a password"
        ) from unreadable
    match key:
        case RSAPrivateKey():
            algorithm = "PS256"
        case EllipticCurvePrivateKey() if key.curve.key_size in _CURVES:
            algorithm = _CURVES[key.curve.key_size]
        case _:
            raise ConnectorError(
                Fault.CREDENTIALS_REFUSED,
                "credentials.privateKey must be of RSA, or of the curve P-256, P-384 or P-521",
            )
    return jwt.encode(dict(claims), key, algorithm=algorithm, headers={"kid": key_id})


def _current(api: Api, path: str) -> Current | None:
    found = api.find(path)
    return current_of(found) if found else None


def _id_at(answer: Answer) -> str | None:
    """The id of a record that was made, from the address of it that NetSuite answers."""
    last = answer.headers.get("location", "").rstrip("/").rpartition("/")[2]
    return last if last.isdecimal() else None

"""The report of an audit: canonical JSON, its digest, and a signature that only the deployment can make or check."""

import hashlib
import hmac
from datetime import datetime
from typing import Final

import msgspec

from usance.application.ports.secrets import Secrets
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.notifications.signature import sign
from usance.resources.wire import Document

ALGORITHM: Final = "HMAC-SHA-256"

_CANONICAL: Final = msgspec.json.Encoder(order="sorted")


def canonical(report: Document) -> bytes:
    """The bytes that are signed: names in order, no spaces. A report holds texts, whole numbers, booleans and null."""
    return _CANONICAL.encode(report)


def digest_of(report: Document) -> str:
    """The SHA-256 of the canonical form, in hexadecimal digits."""
    return hashlib.sha256(canonical(report)).hexdigest()


def signed(secrets: Secrets, report: Document, at: datetime) -> Document:
    """The report in its envelope, which `verified` takes."""
    digest, signed_at = digest_of(report), str(int(at.timestamp()))
    return {
        "report": report,
        "digest": digest,
        "algorithm": ALGORITHM,
        "signedAt": signed_at,
        "signature": _signature(secrets, digest, signed_at),
    }


def verified(secrets: Secrets, digest: str, signed_at: str, signature: str) -> bool:
    """Whether the deployment signed a report of this digest. The reader of the report computes its digest."""
    if not signed_at.isdecimal():
        raise InvalidInputError("signedAt must be the signedAt of the report: seconds since 1970")
    return hmac.compare_digest(_signature(secrets, digest, signed_at).encode(), signature.encode(errors="replace"))


def _signature(secrets: Secrets, digest: str, signed_at: str) -> str:
    return sign(secrets.report_key().hex(), signed_at, digest.encode())

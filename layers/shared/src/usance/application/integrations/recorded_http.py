"""What an attempt exchanged with an external system, kept for the run's log without what could sign in again."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote_plus

from usance.application.notifications.attempts import MASK, SECRET_HEADERS, masked, without_query
from usance.application.ports.connectors import HttpClient
from usance.domain.integrations.answers import Answer
from usance.domain.integrations.faults import ConnectorError
from usance.resources.wire import Document

KEPT_MAX: Final = 10  # exchanges of one attempt: a run of nine attempts must fit in an item of DynamoDB, 400 KB
KEPT_FIRST: Final = 2
BODY_KEPT_CHARS: Final = 1_000
_SECRET_FIELDS: Final = re.compile(
    r'("(?:[a-z_]*token|[a-z_]*secret|password|api_?key|authorization|[a-z_]*assertion)"\s*:\s*")[^"]*', re.IGNORECASE
)
_SECRET_FORM: Final = re.compile(
    r"((?:^|&)(?:[a-z_]*token|[a-z_]*secret|password|[a-z_]*assertion|code)=)[^&]*", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class _Exchange:
    method: str
    url: str
    request: bytes
    status: int | None
    answer: bytes
    error: str | None


@dataclass
class RecordedHttp:
    """An `HttpClient` that remembers what went through it."""

    inner: HttpClient
    made: list[_Exchange] = field(default_factory=list)
    signed_with: set[str] = field(default_factory=set)  # values of headers, which an answer or a refusal may repeat

    def request(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """See the port."""
        signing = [text for name, text in headers.items() if name.lower().endswith(SECRET_HEADERS)]
        self.signed_with |= {secret for text in signing for secret in (text, text.rpartition(" ")[2])}  # "Bearer …"
        try:
            answer = self.inner.request(method, url, headers, body)
        except ConnectorError as failed:
            self.made.append(_Exchange(method, url, body, None, b"", str(failed)))
            raise
        self.made.append(_Exchange(method, url, body, answer.status, answer.body, None))
        return answer

    def log(self, hidden: Iterable[str]) -> list[Document]:
        """The first and the last exchanges, without these secrets and what signed the requests; no headers, which hold that."""
        secrets = [text for secret in (*hidden, *self.signed_with) for text in (secret, quote_plus(secret))]
        kept = self.made
        if len(kept) > KEPT_MAX:
            kept = [*kept[:KEPT_FIRST], *kept[KEPT_FIRST - KEPT_MAX :]]
        log = [_logged(exchange, secrets) for exchange in kept]
        if len(self.made) > KEPT_MAX:
            log.insert(KEPT_FIRST, {"leftOut": len(self.made) - KEPT_MAX})
        return log


def _logged(exchange: _Exchange, secrets: list[str]) -> Document:
    return {
        "method": exchange.method,
        "url": masked(without_query(exchange.url), secrets),
        "request": _text(exchange.request, secrets),
        "status": exchange.status,
        "answer": _text(exchange.answer, secrets),
        "error": masked(exchange.error, secrets) if exchange.error else None,
    }


def _text(body: bytes, secrets: list[str]) -> str:
    """How a body begins. It is masked before it is cut, so that no part of a secret is left at the end."""
    text = masked(body.decode(errors="replace"), secrets)
    for pattern in (_SECRET_FIELDS, _SECRET_FORM):
        text = pattern.sub(rf"\g<1>{MASK}", text)
    return text[:BODY_KEPT_CHARS]

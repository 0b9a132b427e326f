"""What a run keeps of an attempt: the request and the answer, and nothing that could sign another request."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from usance.application.notifications.configurations import SigningCredentials
from usance.application.notifications.webhook_request import WebhookRequest
from usance.domain.notifications.delivery import Outcome
from usance.resources import instants
from usance.resources.wire import Document

MASK: Final = "***"
SECRET_CHARS_MIN: Final = (
    4  # shorter credentials are words such as "true", or letters: masked, nothing could be read any more
)
SECRET_HEADERS: Final = ("api-key", "signature", "authorization")  # how their names end, in lower case
_MILLISECOND: Final = timedelta(milliseconds=1)


def attempt_of(
    request: WebhookRequest, credentials: SigningCredentials | None, outcome: Outcome, now: datetime, took: timedelta
) -> Document:
    """The attempt as the log shows it.

    Headers that hold credentials, the query of the URL and, in an answer that repeats what it got, secrets are masked.
    """
    hidden = [*credentials.secrets, credentials.api_key] if credentials else []
    hidden += [value for name, value in request.headers.items() if _is_secret(name)]
    error = None if outcome.succeeded else masked(outcome.error, hidden)
    return {
        "at": instants.to_text(now),
        "milliseconds": took // _MILLISECOND,
        "url": without_query(request.url),
        "headers": {name: MASK if _is_secret(name) else value for name, value in request.headers.items()},
        "status": outcome.status,
        "fault": outcome.fault.name if outcome.fault else None,
        "error": error,
        "answer": masked(outcome.answer, hidden),
    }


def _is_secret(header: str) -> bool:
    return header.lower().endswith(SECRET_HEADERS)


def masked(text: str, hidden: Iterable[str]) -> str:
    """`text` without these secrets, the longest first, since one may be a part of another."""
    for secret in sorted((secret for secret in hidden if len(secret) >= SECRET_CHARS_MIN), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def without_query(url: str) -> str:
    """The URL without what its query says."""
    path, mark, _ = url.partition("?")
    return f"{path}?{MASK}" if mark else path

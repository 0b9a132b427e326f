"""Answers of external systems over HTTP, and what a refusal means where a system says nothing more exact."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from usance.domain.integrations.faults import ConnectorError
from usance.domain.notifications.delivery import Fault

DETAIL_MAX_CHARS: Final = 400


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer. Header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    retry_after: timedelta | None = None

    @property
    def succeeded(self) -> bool:
        """Whether it is a 2xx."""
        return 200 <= self.status < 300  # noqa: PLR2004 - the class of HTTP success


FAULTS: Final[Mapping[int, Fault]] = {
    400: Fault.PAYLOAD_REFUSED,
    401: Fault.CREDENTIALS_REFUSED,
    403: Fault.CREDENTIALS_REFUSED,
    404: Fault.PAYLOAD_REFUSED,
    408: Fault.PASSING,
    409: Fault.PASSING,
    422: Fault.PAYLOAD_REFUSED,
    425: Fault.PASSING,
    429: Fault.RATE_LIMITED,
}


def fault_of(status: int) -> Fault:
    """What a status other than 2xx means."""
    if status >= 500:  # noqa: PLR2004 - the class of failures of the server
        return Fault.PASSING
    return FAULTS.get(status, Fault.REFUSED)


def refused(answer: Answer, detail: str, fault: Fault | None = None) -> ConnectorError:
    """The error of an answer that is no success; `fault` where the body tells more than the status."""
    text = f"answered {answer.status}" + (f": {detail}" if detail else "")
    return ConnectorError(fault or fault_of(answer.status), text[:DETAIL_MAX_CHARS], answer.retry_after)

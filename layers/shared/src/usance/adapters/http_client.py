"""Requests to external systems, over the same guarded connections as webhooks."""

from collections.abc import Iterable, Mapping
from typing import Final, Unpack

from usance.adapters.guarded_http import Guarded, GuardedHttp, NoAnswerError
from usance.application.ports.connectors import ANSWER_MAX_BYTES
from usance.domain.integrations.answers import Answer
from usance.domain.integrations.faults import ConnectorError
from usance.domain.notifications.delivery import Fault

TIMEOUT_SECONDS: Final = 30.0  # accounting systems take their time over an invoice of many lines
USER_AGENT: Final = "Usance-Integrations/1"


class GuardedHttpClient:
    """`HttpClient`. `allowed_hosts` (`host` or `host:port`) may be private and may speak plain HTTP."""

    def __init__(self, allowed_hosts: Iterable[str] = (), **other: Unpack[Guarded]) -> None:
        usual: Guarded = {"timeout_seconds": TIMEOUT_SECONDS, "answer_max_bytes": ANSWER_MAX_BYTES}
        self._http = GuardedHttp(allowed_hosts, user_agent=USER_AGENT, **(usual | other))

    def request(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """See the port."""
        try:
            given = self._http.request(method, url, headers, body)
        except NoAnswerError as none:
            raise ConnectorError(none.fault, none.detail) from none
        if not given.whole:
            raise ConnectorError(Fault.PASSING, "the answer is longer than is read")
        return Answer(given.status, given.headers, given.body, given.retry_after)

"""Outgoing webhooks: one POST over a guarded connection, and what the receiver answered."""

from collections.abc import Iterable, Mapping
from typing import Final, Unpack

from usance.adapters.guarded_http import Guarded, GuardedHttp, NoAnswerError
from usance.domain.notifications.delivery import Outcome

TIMEOUT_SECONDS: Final = 10.0  # for all of it: resolving, connecting, sending, reading
ANSWER_MAX_BYTES: Final = 65_536  # what is read of an answer; the status is what counts
ANSWER_KEPT_BYTES: Final = 1_000  # what the log of a run shows of it
USER_AGENT: Final = "Usance-Webhooks/1"


class HttpWebhookSender:
    """`WebhookSender` over HTTP. `allowed_hosts` (`host` or `host:port`) may be private and may speak plain HTTP."""

    def __init__(self, allowed_hosts: Iterable[str] = (), **other: Unpack[Guarded]) -> None:
        usual: Guarded = {"timeout_seconds": TIMEOUT_SECONDS, "answer_max_bytes": ANSWER_MAX_BYTES}
        self._http = GuardedHttp(allowed_hosts, user_agent=USER_AGENT, **(usual | other))

    def check(self, url: str) -> None:
        """See the port."""
        self._http.check(url)

    def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
        """See the port."""
        try:
            given = self._http.request("POST", url, headers, body)
        except NoAnswerError as none:
            return Outcome(fault=none.fault, detail=none.detail)
        answer = given.body[:ANSWER_KEPT_BYTES].decode(errors="replace")
        return Outcome(status=given.status, retry_after=given.retry_after, answer=answer)

"""What becomes of a delivery after an attempt: done, tried again later, or failed (platform.md 9.2, our contract)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from usance.domain.kernel.ids import derived_id
from usance.domain.notifications.pacing import spread

# The least wait before attempts 2 to 9, 27 hours together: a receiver may be down for a day. The first is made at once.
RETRY_DELAYS: Final = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    *(timedelta(hours=hours) for hours in (1, 2, 4, 8, 12)),
)
ATTEMPTS_MAX: Final = len(RETRY_DELAYS) + 1
LIFETIME: Final = timedelta(hours=72)  # an attempt that fails later than that is the last, whatever held up the others
RETRY_AFTER_MAX: Final = timedelta(hours=24)  # a receiver that asks for more is asked again then
FAILURES_IN_A_ROW_MAX: Final = 10  # then the integration is disabled
CUT_OFFS_MAX: Final = 3  # attempts without outcome, then the run fails; a queue gives its message up after five
ERROR_MAX_CHARS: Final = 500


class RunStatus(StrEnum):
    """The states of an integration run (platform.md 10.3)."""

    WAITING = "WAITING"
    STARTED = "STARTED"
    AWAITING_RETRY = "AWAITING_RETRY"
    RATE_LIMIT_RETRY = "RATE_LIMIT_RETRY"
    COMPLETE = "COMPLETE"
    ERROR = "ERROR"
    AUTH_FAILED = "AUTH_FAILED"
    TIMEOUT_LIMIT_EXCEEDED = "TIMEOUT_LIMIT_EXCEEDED"
    DISABLED = "DISABLED"
    ACCOUNTING_PERIOD_CLOSED = "ACCOUNTING_PERIOD_CLOSED"
    INVOICE_ALREADY_PAID = "INVOICE_ALREADY_PAID"


FAILED: Final = frozenset(
    {
        RunStatus.ERROR,
        RunStatus.AUTH_FAILED,
        RunStatus.TIMEOUT_LIMIT_EXCEEDED,
        RunStatus.ACCOUNTING_PERIOD_CLOSED,
        RunStatus.INVOICE_ALREADY_PAID,
    }
)
FINAL: Final = FAILED | {RunStatus.COMPLETE, RunStatus.DISABLED}


class Fault(StrEnum):
    """Why an attempt failed, where no status of HTTP says it.

    Webhooks have the first four, connectors those up to `REFUSED`, and runs of every kind the last two.
    """

    TIMEOUT = "the receiver did not answer in time"
    UNREACHABLE = "the receiver cannot be reached"
    REFUSED_ADDRESS = "the url is one that webhooks may not reach"
    INVALID_REQUEST = "no request can be made of this url and these credentials"
    CREDENTIALS_REFUSED = "the system refused the credentials"
    ACCOUNT_NOT_MAPPED = "the account is not mapped to one of the system"
    PAYLOAD_REFUSED = "the system refused what it was sent"
    RATE_LIMITED = "the system takes no more at the moment"
    PASSING = "the system failed for the moment"
    PERIOD_CLOSED = "the accounting period is closed"
    ALREADY_PAID = "the invoice is paid already"
    REFUSED = "the system did not do what it was asked"
    CUT_OFF = "no attempt came to an end"
    NOT_TAKEN_UP = "no worker could take it up"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended: a `status` of HTTP or a `fault`, and of a connector that did its work, neither.

    `detail` is for people and holds no secret.

    `answer` is how the receiver's body begins, which may hold whatever it was sent.
    """

    status: int | None = None
    fault: Fault | None = None
    detail: str = ""
    retry_after: timedelta | None = None
    answer: str = ""

    @property
    def succeeded(self) -> bool:
        """Of answers, only a 2xx is a success; a redirect is not followed."""
        if self.fault is not None:
            return False
        return self.status is None or 200 <= self.status < 300  # noqa: PLR2004 - the class of HTTP success

    @property
    def error(self) -> str:
        """What went wrong, in one sentence."""
        text = self.fault.value if self.fault else f"the receiver answered {self.status}"
        return (f"{text}: {self.detail}" if self.detail else text)[:ERROR_MAX_CHARS]


@dataclass(frozen=True, slots=True)
class Next:
    """The run after an attempt: its status, and when to try again (None: never)."""

    status: RunStatus
    retry_at: datetime | None = None


_UNAUTHORIZED: Final = frozenset({401, 403})
_TOO_MANY_REQUESTS: Final = 429
_BUSY: Final = frozenset({_TOO_MANY_REQUESTS, 503})  # answers whose Retry-After says when (RFC 9110, RFC 6585)
_WAITED_FOR: Final = frozenset({Fault.RATE_LIMITED, Fault.PASSING})  # faults of connectors that may say so, too
_FINAL_FAULTS: Final = {  # repeating cannot mend these
    Fault.REFUSED_ADDRESS: RunStatus.ERROR,
    Fault.INVALID_REQUEST: RunStatus.ERROR,
    Fault.CREDENTIALS_REFUSED: RunStatus.AUTH_FAILED,
    Fault.ACCOUNT_NOT_MAPPED: RunStatus.ERROR,
    Fault.PAYLOAD_REFUSED: RunStatus.ERROR,
    Fault.PERIOD_CLOSED: RunStatus.ACCOUNTING_PERIOD_CLOSED,
    Fault.ALREADY_PAID: RunStatus.INVOICE_ALREADY_PAID,
    Fault.REFUSED: RunStatus.ERROR,
}
_OF_THE_ENTITY: Final = frozenset(  # what is wrong with one bill says nothing about the destination
    {Fault.ACCOUNT_NOT_MAPPED, Fault.PAYLOAD_REFUSED, Fault.PERIOD_CLOSED, Fault.ALREADY_PAID}
    | {Fault.CUT_OFF, Fault.NOT_TAKEN_UP}  # nor does what ended our own workers
)


def after_attempt(attempt: int, outcome: Outcome, now: datetime, *, run_id: str, born: datetime) -> Next:
    """What follows attempt number `attempt` (from 1) of a run that was made at `born`.

    Rejected credentials and what is set up wrongly fail at once, since repeating cannot mend them. Everything else is tried
    again, later each time and not at the same time as other runs; a receiver that says when (429 or 503 with Retry-After) is
    not asked sooner.
    """
    if outcome.succeeded:
        return Next(RunStatus.COMPLETE)
    if outcome.status in _UNAUTHORIZED:
        return Next(RunStatus.AUTH_FAILED)
    if outcome.fault in _FINAL_FAULTS:
        return Next(_FINAL_FAULTS[outcome.fault])
    if attempt >= ATTEMPTS_MAX or now - born > LIFETIME:
        return Next(RunStatus.TIMEOUT_LIMIT_EXCEEDED if outcome.fault is Fault.TIMEOUT else RunStatus.ERROR)
    delay = spread(RETRY_DELAYS[attempt - 1], run_id, str(attempt))
    if outcome.retry_after and (outcome.status in _BUSY or outcome.fault in _WAITED_FOR):
        delay = max(delay, min(outcome.retry_after, RETRY_AFTER_MAX))
    busy = outcome.status == _TOO_MANY_REQUESTS or outcome.fault is Fault.RATE_LIMITED
    return Next(RunStatus.RATE_LIMIT_RETRY if busy else RunStatus.AWAITING_RETRY, now + delay)


def given_up(cut_offs: int) -> Outcome:
    """How a run ended that our own workers could not bring to an end, after so many attempts that were cut off."""
    if not cut_offs:
        return Outcome(fault=Fault.NOT_TAKEN_UP, detail=f"its messages were given up for {LIFETIME.days} days")
    times = "the only one was" if cut_offs == 1 else f"{cut_offs} were"
    return Outcome(
        fault=Fault.CUT_OFF, detail=f"{times} cut off, as by a lack of memory or of time; look at the worker's log"
    )


def after_test(outcome: Outcome) -> Next:
    """What becomes of a test send: it is made once."""
    if outcome.succeeded:
        return Next(RunStatus.COMPLETE)
    if outcome.status in _UNAUTHORIZED:
        return Next(RunStatus.AUTH_FAILED)
    return Next(RunStatus.TIMEOUT_LIMIT_EXCEEDED if outcome.fault is Fault.TIMEOUT else RunStatus.ERROR)


def is_cut_off(status: RunStatus, due: datetime | None, now: datetime) -> bool:
    """Whether an attempt began whose worker can no longer be at it, and left no outcome."""
    return status is RunStatus.STARTED and (due is None or now >= due)


def concerns_destination(fault: str | None) -> bool:
    """Whether a failure for this fault (its name) tells of the destination, and not of the one entity that was sent."""
    return fault is None or Fault[fault] not in _OF_THE_ENTITY


def fails_in_a_row(statuses: Sequence[RunStatus]) -> bool:
    """Whether the newest finished runs (newest first, unfinished ones among them) are failures, and enough of them."""
    finished = [status for status in statuses if status in FAILED or status is RunStatus.COMPLETE]
    newest = finished[:FAILURES_IN_A_ROW_MAX]
    return len(newest) == FAILURES_IN_A_ROW_MAX and all(status in FAILED for status in newest)


def firing_id(org_id: str, rule_id: str, event_id: str) -> str:
    """The id of the Notification event that a rule makes of an event; the same whenever it is evaluated."""
    return derived_id("notification", org_id, rule_id, event_id)


def payload(
    run_id: str, org_id: str, cause: Mapping[str, Any], rule: Mapping[str, Any], told: Mapping[str, Any]
) -> dict[str, Any]:
    """The body of a delivery.

    `cause` has `eventId`, `eventName` and `eventTime` of what the rule fired on; `told` is what that event says.
    """
    return {
        "id": run_id,
        "orgId": org_id,
        "eventId": cause["eventId"],
        "eventName": cause["eventName"],
        "eventTime": cause["eventTime"],
        "notification": {name: rule.get(name) for name in ("id", "code", "name", "description")},
        "m3terEvent": dict(told),
    }

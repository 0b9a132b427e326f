"""DynamoDB transactions whose refusals are ours: one cancellation reason becomes one error of the domain."""

import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from usance.domain.kernel.errors import UnavailableError, UsanceError

ITEMS_MAX: Final = 100  # DynamoDB TransactWriteItems
ATTEMPTS_MAX: Final = 6  # two writers of one item; a seventh try means real contention, and the client may repeat
FIRST_PAUSE_SECONDS: Final = 0.02

_BUSY: Final = frozenset({"TransactionConflict", "TransactionInProgressException", "TransactionConflictException"})
_THROTTLED: Final = frozenset(
    {
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingError",
        "ThrottlingException",
    }
)

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Step:
    """One item of a transaction.

    `refusal` makes the error to raise when the item's condition does not hold, from the row that is there (None: no
    row).
    """

    item: Mapping[str, Any]
    refusal: Callable[[Mapping[str, Any] | None], UsanceError]


def transact(client: Any, steps: Sequence[Step]) -> None:
    """Apply every step or none. Conflicts with other transactions are retried, then `UnavailableError`."""
    if len(steps) > ITEMS_MAX:
        raise ValueError(f"a transaction of {len(steps)} items; DynamoDB takes {ITEMS_MAX}")
    for attempt in range(ATTEMPTS_MAX):
        try:
            with store_faults():
                client.transact_write_items(TransactItems=[dict(step.item) for step in steps])
        except _Cancelled as cancelled:
            _raise_refusal(steps, cancelled.reasons)
        else:
            return
        pause(attempt)
    raise UnavailableError("the entity is being changed by others at the same time; repeat the request")


@contextmanager
def store_faults() -> Iterator[None]:
    """Turn throttling and time-outs of the store into `UnavailableError`; leave faults of ours to raise."""
    try:
        yield
    except ClientError as fault:
        code = fault.response["Error"]["Code"]
        if code == "TransactionCanceledException":
            raise _Cancelled(fault.response.get("CancellationReasons", [])) from fault
        if code in _BUSY:
            raise _Cancelled([{"Code": code}]) from fault
        if code in _THROTTLED:
            raise _unavailable(code) from fault
        raise
    except BotoCoreError as fault:
        raise _unavailable(type(fault).__name__) from fault


def pause(attempt: int) -> None:
    """Wait before trying again: longer each time, with full jitter so that rivals part."""
    time.sleep(random.uniform(0, FIRST_PAUSE_SECONDS * 2**attempt))  # noqa: S311  (spreads load; guards nothing)


class _Cancelled(Exception):  # noqa: N818  (an outcome inside this module, not an error)
    def __init__(self, reasons: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(reasons)
        self.reasons = reasons


def _raise_refusal(steps: Sequence[Step], reasons: Sequence[Mapping[str, Any]]) -> None:
    """Raise what the reasons mean; return when trying again may help."""
    for step, reason in zip(steps, reasons, strict=False):
        if reason.get("Code") == "ConditionalCheckFailed":
            raise step.refusal(reason.get("Item"))
    for reason in reasons:
        code = reason.get("Code", "None")
        if code in _THROTTLED:
            raise _unavailable(code)
        if code != "None" and code not in _BUSY:
            raise ValueError(f"DynamoDB refused the transaction: {code} {reason.get('Message', '')}")


def _unavailable(reason: str) -> UnavailableError:
    _logger.warning("the store is unavailable: %s", reason)
    return UnavailableError("the store is busy; repeat the request")

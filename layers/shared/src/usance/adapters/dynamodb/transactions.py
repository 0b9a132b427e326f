"""DynamoDB transactions whose refusals are ours: one cancellation reason becomes one error of the domain."""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from usance.adapters.faults import PASSING, passing_faults, unavailable
from usance.domain.kernel.errors import UnavailableError, UsanceError

ITEMS_MAX: Final = 100  # DynamoDB TransactWriteItems
ATTEMPTS_MAX: Final = 6  # two writers of one item; a seventh try means real contention, and the client may repeat
FIRST_PAUSE_SECONDS: Final = 0.02

_BUSY: Final = frozenset({"TransactionConflict", "TransactionInProgressException", "TransactionConflictException"})


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
            with passing_faults():
                client.transact_write_items(TransactItems=[dict(step.item) for step in steps])
        except ClientError as cancelled:
            _raise_refusal(steps, _reasons(cancelled))
        else:
            return
        pause(attempt)
    raise UnavailableError("the entity is being changed by others at the same time; repeat the request")


@contextmanager
def store_faults() -> Iterator[None]:
    """Turn faults that pass, and conflicts with transactions, into `UnavailableError`; leave faults of ours to raise."""
    try:
        with passing_faults():
            yield
    except ClientError as fault:
        code = fault.response["Error"]["Code"]
        if code in _BUSY:  # a single write of an item that a transaction holds; the client does not repeat it
            raise unavailable(code) from fault
        raise


def pause(attempt: int) -> None:
    """Wait before trying again: longer each time, with full jitter so that rivals part."""
    time.sleep(random.uniform(0, FIRST_PAUSE_SECONDS * 2**attempt))  # noqa: S311  (spreads load; guards nothing)


def _reasons(cancelled: ClientError) -> Sequence[Mapping[str, Any]]:
    """Why DynamoDB did not apply the transaction, step by step; raises what is no cancellation."""
    code = cancelled.response["Error"]["Code"]
    if code == "TransactionCanceledException":
        return list(cancelled.response.get("CancellationReasons", []))
    if code in _BUSY:
        return [{"Code": code}]
    raise cancelled


def _raise_refusal(steps: Sequence[Step], reasons: Sequence[Mapping[str, Any]]) -> None:
    """Raise what the reasons mean; return when trying again may help."""
    for step, reason in zip(steps, reasons, strict=False):
        if reason.get("Code") == "ConditionalCheckFailed":
            raise step.refusal(reason.get("Item"))
    for reason in reasons:
        code = reason.get("Code", "None")
        if code in PASSING:
            raise unavailable(code)
        if code != "None" and code not in _BUSY:
            raise ValueError(f"DynamoDB refused the transaction: {code} {reason.get('Message', '')}")

"""Which faults of AWS pass by themselves, and the one refusal that they become, whatever the store.

The client has repeated the call already (`aws.ATTEMPTS_MAX`). What is refused still is `UnavailableError`: 503 with
`Retry-After` at the edge, a message that comes again behind a queue. Every other fault is ours, and raises.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from usance.domain.kernel.errors import UnavailableError

PASSING: Final = frozenset(
    {
        "BandwidthLimitExceeded",
        "InternalError",
        "InternalServerError",
        "LimitExceededException",
        "OverLimit",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottledException",
        "ThrottlingError",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
SERVER_ERROR: Final = 500  # and above: the fault is not in what was asked

_logger = logging.getLogger(__name__)


def passes(fault: ClientError) -> bool:
    """Whether the same call may succeed later."""
    status = fault.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return fault.response["Error"]["Code"] in PASSING or status >= SERVER_ERROR


def unavailable(reason: str) -> UnavailableError:
    """The refusal, once `reason` is in the log."""
    _logger.warning("a store is unavailable: %s", reason)
    return UnavailableError("the store is busy; repeat the request")


@contextmanager
def passing_faults() -> Iterator[None]:
    """Turn throttling, time-outs and lost connections into `UnavailableError`; leave faults of ours to raise."""
    try:
        yield
    except ClientError as fault:
        if passes(fault):
            raise unavailable(fault.response["Error"]["Code"]) from fault
        raise
    except BotoCoreError as fault:
        raise unavailable(type(fault).__name__) from fault

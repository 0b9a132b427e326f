"""Ask for the merging of small items, now and then: one item in so many stands for the others (design: packed).

Which one follows from its content, so that nothing is counted or remembered. A message that is lost delays merging until the
next item that asks.
"""

import logging
from collections.abc import Sequence
from typing import Final

from usance.application.ports.queue import Queue
from usance.application.ports.usage_log import UsageBatch
from usance.domain.kernel.errors import UnavailableError

ROWS_SMALL: Final = 100  # an item of more is not one of the many
ONE_IN: Final = 64
DELAY_SECONDS: Final = 900  # the longest of SQS, by when retries of a request have met its own item

_logger = logging.getLogger(__name__)


def ask_for_merges(queue: Queue, batches: Sequence[UsageBatch]) -> None:
    """Put a message per chosen batch onto the queue. What was stored is stored, whatever becomes of the message."""
    chosen = [batch for batch in batches if len(batch.columns) < ROWS_SMALL and int(batch.digest[:8], 16) % ONE_IN == 0]
    if not chosen:
        return
    try:
        queue.send([_message(batch) for batch in chosen], delay_seconds=DELAY_SECONDS)
    except UnavailableError as refused:
        _logger.warning("merging was not asked for: %s", refused.message)


def _message(batch: UsageBatch) -> dict[str, str]:
    scope = batch.scope
    return {
        "orgId": scope.org_id,
        "meterId": scope.meter_id,
        "accountId": scope.account_id,
        "month": batch.month,
    }

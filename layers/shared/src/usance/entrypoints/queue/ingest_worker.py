"""Messages of the ingest queue: measurements that were accepted and are to be stored."""

from collections.abc import Callable
from typing import Any, Final

from aws_lambda_powertools import Logger

from usance.application.ingest.buffer import drain
from usance.bootstrap.ingest import Ingest, build_ingest

LEFT_MILLISECONDS: Final = 25_000  # to store what a request holds, each measurement of it with a failure of its own

logger = Logger()


def handler(build: Callable[[], Ingest] = build_ingest) -> Callable[[dict[str, Any], Any], Any]:
    """A Lambda handler that stores a batch of messages together, and reports those that must come again."""

    def handle(event: dict[str, Any], context: Any) -> Any:
        def time_is_up() -> bool:
            return bool(context.get_remaining_time_in_millis() < LEFT_MILLISECONDS)

        records = event["Records"]
        again = drain(build().ports, build().directory, [record["body"] for record in records], time_is_up)
        logger.info("measurements were stored", messages=len(records), again=len(again))
        return {"batchItemFailures": [{"itemIdentifier": records[at]["messageId"]} for at in again]}

    return handle

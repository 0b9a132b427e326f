"""Messages of the billing queue: cut jobs into accounts, bill accounts, approve bills."""

from collections.abc import Callable
from typing import Any
from zlib import crc32

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from usance.application.billing.run_message import Catalogues, run_message
from usance.application.billing.stores import Workbench
from usance.bootstrap.billing import workbench
from usance.resources import wire

logger = Logger()


def handler(build: Callable[[], Workbench] = workbench) -> Callable[[dict[str, Any], Any], Any]:
    """A Lambda handler that reports the messages it could not finish, so that only those come again."""

    def handle(event: dict[str, Any], context: Any) -> Any:
        catalogues: Catalogues = {}  # what the accounts of one batch share is read once

        def run(record: SQSRecord) -> None:
            message = wire.loads(record.body)
            logger.set_correlation_id(message.get("jobId"))
            attempt = int(record.attributes.approximate_receive_count or 1)
            named = {key: message[key] for key in ("kind", "orgId", "jobId", "accountId") if key in message}
            try:
                run_message(build(), catalogues, message, delivery=attempt)
            except Exception:
                logger.exception("the message failed and comes again", attempt=attempt, **named)
                raise
            logger.info("the message is done", attempt=attempt, **named)

        # The report names every failed message, also when all failed; raising would add nothing to it.
        event = {**event, "Records": sorted(event["Records"], key=_turn)}
        processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        return process_partial_response(event=event, record_handler=run, processor=processor, context=context)

    return handle


def _turn(record: dict[str, Any]) -> int:
    """Another order at each delivery, so that a message whose account kills the worker is not before the same ones each time."""
    return crc32(f"{record['messageId']} {record['attributes'].get('ApproximateReceiveCount')}".encode())

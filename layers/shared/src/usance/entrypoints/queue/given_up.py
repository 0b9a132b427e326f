"""Messages that the delivery queues gave up, since their workers ended before they were done."""

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from usance.application.notifications.stores import Stores
from usance.application.notifications.take_back_run import take_back_run
from usance.bootstrap.notifications import notification_stores
from usance.resources import wire

logger = Logger()


def handler(build: Callable[[], Stores] = notification_stores) -> Callable[[dict[str, Any], Any], Any]:
    """A Lambda handler that reports the messages it could not finish."""

    def take_back(record: SQSRecord) -> None:
        message = wire.loads(record.body)
        logger.set_correlation_id(message["runId"])
        status = take_back_run(message["orgId"], message["runId"], build())
        logger.error("the queue gave the delivery up", org_id=message["orgId"], run_id=message["runId"], status=status)

    def handle(event: dict[str, Any], context: Any) -> Any:
        processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        return process_partial_response(event=event, record_handler=take_back, processor=processor, context=context)

    return handle

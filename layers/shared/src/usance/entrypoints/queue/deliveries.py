"""Messages of the delivery queues: each names a run to bring forward."""

from collections.abc import Callable
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from usance.application.notifications.deliver_run import Deliverer, deliver_run
from usance.domain.notifications.delivery import FAILED, RunStatus
from usance.entrypoints.metrics import count
from usance.resources import wire

_COUNTED: Final = {
    RunStatus.COMPLETE: "Delivered",
    RunStatus.AWAITING_RETRY: "DeliveryAttemptsFailed",
    RunStatus.RATE_LIMIT_RETRY: "DeliveryAttemptsFailed",
    **dict.fromkeys(FAILED, "DeliveriesFailed"),
}

logger = Logger()


def handler(build: Callable[[], Deliverer]) -> Callable[[dict[str, Any], Any], Any]:
    """A Lambda handler that reports the messages it could not finish, so that only those come again."""

    def deliver(record: SQSRecord) -> None:
        message = wire.loads(record.body)
        logger.set_correlation_id(message["runId"])
        status = deliver_run(message["orgId"], message["runId"], build(), message.get("timesHeld", 0))
        counted = _COUNTED.get(RunStatus(status)) if status else None
        if counted:
            count(counted)
        logger.info("the delivery was brought forward", org_id=message["orgId"], run_id=message["runId"], status=status)

    def handle(event: dict[str, Any], context: Any) -> Any:
        # The report names every failed message, also when all failed; raising would add nothing to it.
        processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        return process_partial_response(event=event, record_handler=deliver, processor=processor, context=context)

    return handle

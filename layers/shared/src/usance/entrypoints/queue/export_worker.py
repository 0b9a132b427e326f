"""Messages of the export queue: jobs whose files are to be made."""

from collections.abc import Callable
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from usance.application.exports.ports import ExportWorkbench
from usance.application.exports.run_export_job import run_export_job
from usance.bootstrap.exports import export_workbench
from usance.resources import wire

LEFT_MILLISECONDS: Final = 180_000  # to put a file of a million rows into the buckets, and to record it
TRIES_MAX: Final = 5  # the queue's maxReceiveCount (template.yaml)

logger = Logger()


def handler(build: Callable[[], ExportWorkbench] = export_workbench) -> Callable[[dict[str, Any], Any], Any]:
    """A Lambda handler that reports the messages it could not finish, so that only those come again."""

    def handle(event: dict[str, Any], context: Any) -> Any:
        def time_is_up() -> bool:
            return bool(context.get_remaining_time_in_millis() < LEFT_MILLISECONDS)

        def run(record: SQSRecord) -> None:
            message = wire.loads(record.body)
            org_id, job_id = message["orgId"], message["jobId"]
            last = int(record.attributes.approximate_receive_count) >= TRIES_MAX
            faults = message.get("faults", 0)
            status = run_export_job(build(), org_id, job_id, time_is_up=time_is_up, faults=faults, last_try=last)
            logger.info("the export was worked at", org_id=org_id, job_id=job_id, status=status)

        # The report names every failed message, also when all failed; raising would add nothing to it.
        processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        return process_partial_response(event=event, record_handler=run, processor=processor, context=context)

    return handle

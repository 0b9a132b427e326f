"""Messages of the statement queue: each names a job to run."""

from collections.abc import Callable
from functools import partial
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from usance.application.billing.priced_usage import priced_usage
from usance.application.statements.run_statement_job import run_statement_job
from usance.bootstrap.statements import WorkerStores, worker_stores
from usance.entrypoints.metrics import count
from usance.resources import wire

logger = Logger()


def handler(build: Callable[[], WorkerStores] = worker_stores) -> Callable[[dict[str, Any], Any], Any]:
    """A Lambda handler that reports the messages it could not finish, so that only those come again."""

    def run(record: SQSRecord) -> None:
        message, ports = wire.loads(record.body), build()
        logger.set_correlation_id(message["jobId"])
        outcome = run_statement_job(
            ports.entities,
            ports.bills,
            ports.usage,
            ports.blobs,
            ports.clock,
            org_id=message["orgId"],
            job_id=message["jobId"],
            priced=partial(priced_usage, ports.bills, ports.blobs),
        )
        if outcome.status == "FAILED":
            count("JobsFailed")
        logger.info(
            "the statement job ran",
            org_id=message["orgId"],
            job_id=message["jobId"],
            status=outcome.status,
            reason=outcome.reason,
        )

    def handle(event: dict[str, Any], context: Any) -> Any:
        # The report names every failed message, also when all failed; raising would add nothing to it.
        processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        return process_partial_response(event=event, record_handler=run, processor=processor, context=context)

    return handle

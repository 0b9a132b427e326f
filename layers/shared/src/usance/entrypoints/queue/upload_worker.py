"""Messages of the upload queue: the bucket has a new file, or a file is to be gone on with."""

from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import unquote_plus

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from usance.application.lookups import upload_data as lookups
from usance.application.uploaded_files import parsed_key
from usance.application.uploads import jobs as measurements
from usance.application.uploads.process_upload import process_upload
from usance.bootstrap.uploads import UploadWorker, upload_worker
from usance.resources import wire
from usance.resources.wire import Document

LEFT_MILLISECONDS: Final = (
    120_000  # to end a part, record it and send a message; one of nothing but failures takes a minute
)
TRIES_MAX: Final = 5  # the queue's maxReceiveCount (template.yaml)

logger = Logger()


def handler(build: Callable[[], UploadWorker] = upload_worker) -> Callable[[dict[str, Any], Any], Any]:
    """A Lambda handler that reports the messages it could not finish, so that only those come again."""

    def handle(event: dict[str, Any], context: Any) -> Any:
        def time_is_up() -> bool:
            return bool(context.get_remaining_time_in_millis() < LEFT_MILLISECONDS)

        def run(record: SQSRecord) -> None:
            last = int(record.attributes.approximate_receive_count) >= TRIES_MAX
            message = wire.loads(record.body)
            faults = message.get("faults", 0)
            for folder, org_id, job_id in _files(message):
                if folder == measurements.FOLDER:
                    bench = build().measurements
                    status = process_upload(bench, org_id, job_id, time_is_up=time_is_up, faults=faults, last_try=last)
                elif folder == lookups.FOLDER:
                    status = lookups.process_lookup_upload(
                        build().lookups, org_id, job_id, faults=faults, last_try=last
                    )
                else:
                    status = "none of ours"
                logger.info("the file was read", folder=folder, org_id=org_id, job_id=job_id, status=status)

        # The report names every failed message, also when all failed; raising would add nothing to it.
        processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        return process_partial_response(event=event, record_handler=run, processor=processor, context=context)

    return handle


def _files(message: Document) -> Iterator[tuple[str, str, str]]:
    """The folder, organization and job of each file that a message is about; none of the bucket's test event."""
    if message.get("kind") == "continue":
        yield message.get("folder", measurements.FOLDER), message["orgId"], message["jobId"]
    for record in message.get("Records", ()):
        yield parsed_key(unquote_plus(record["s3"]["object"]["key"]))

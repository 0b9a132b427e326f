"""Messages of the merge queue: a month of a meter of an account that has many small items, whose copies are told too."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from usance.application.ingest.report_repeats import report_repeats_of_month
from usance.application.ports.usage_log import UsageScope
from usance.bootstrap.merging import Merging, merging
from usance.resources import wire

RESTS_FOR: Final = timedelta(minutes=10)  # what was just received may be sent again, and then meets its own item
LEFT_MILLISECONDS: Final = 60_000  # a call merges for some ten seconds

logger = Logger()


def handler(build: Callable[[], Merging] = merging) -> Callable[[dict[str, Any], Any], Any]:
    """A Lambda handler that reports the messages it could not finish, so that only those come again."""

    def handle(event: dict[str, Any], context: Any) -> Any:
        def time_is_up() -> bool:
            return bool(context.get_remaining_time_in_millis() <= LEFT_MILLISECONDS)

        def run(record: SQSRecord) -> None:
            message = wire.loads(record.body)
            scope = UsageScope(message["orgId"], message["meterId"], message["accountId"])
            tools = build()
            before = tools.clock.now() - RESTS_FOR
            merged = 0
            while not time_is_up():
                made = tools.merger.merge(scope, message["month"], before)
                merged += made
                if not made:
                    break
            if not time_is_up():
                report_repeats_of_month(tools.telling, tools.usage, scope, message["month"], time_is_up)
            logger.info("items were merged", org_id=scope.org_id, month=message["month"], made=merged)

        # The report names every failed message, also when all failed; raising would add nothing to it.
        processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        return process_partial_response(event=event, record_handler=run, processor=processor, context=context)

    return handle

"""Delivers the records of a table's stream to its function, as Lambda's event source mapping for DynamoDB streams does.

A position is confirmed after the function succeeded, so that a crash repeats records and loses none. A batch that fails
is tried again, halved if the template says so, and goes to the failure destination when its attempts are used up.
"""

import base64
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from local.checkpoints import Checkpoints
from local.names import REGION, function_arn, last_part
from local.patterns import admits
from local.plan import StreamSource
from local.poller import Poller
from local.queues import Invoke, failed_items
from local.workers import BusyError, FunctionError

_LOG: Final = logging.getLogger("local.streams")
_PAUSE_SECONDS: Final = 0.1  # between looks at a stream that has nothing new
_SHARDS_SECONDS: Final = 10  # how long the list of shards is taken for current
_RETRY_PAUSE_SECONDS: Final = 0.5
_RETRY_PAUSE_SECONDS_MAX: Final = 30

Record = Mapping[str, Any]


class StreamDelivery:
    """One table's stream and its function."""

    def __init__(
        self, source: StreamSource, clients: Callable[[str], Any], invoke: Invoke, checkpoints: Checkpoints
    ) -> None:
        """`clients` makes a boto3 client of a service, by name."""
        self.source = source
        self._streams = clients("dynamodbstreams")
        self._sqs = clients("sqs")
        self._invoke = invoke
        self._checkpoints = checkpoints
        described = clients("dynamodb").describe_table(TableName=source.table)["Table"]
        self._arn = str(described["LatestStreamArn"])
        self._iterators: dict[str, str] = {}
        self._shards: list[str] = []
        self._shards_known_until = 0.0
        self._poller = Poller(f"stream {source.table}", self._step)
        self.busy = True

    def start(self) -> None:
        """Begin to deliver."""
        self._poller.start()

    def stop(self) -> None:
        """End after the present batch."""
        self._poller.stop()

    def join(self, seconds: float) -> bool:
        """Wait for the end; False when it did not come in time."""
        return self._poller.join(seconds)

    def drain(self, seconds: float) -> bool:
        """Wait until everything that is in the stream is delivered; False when it was not in time."""
        deadline = time.monotonic() + seconds
        quiet = 0
        while time.monotonic() < deadline:
            quiet = 0 if self.busy else quiet + 1
            if quiet > 2:  # noqa: PLR2004 -- two looks apart, so that a look under way counts
                return True
            time.sleep(_PAUSE_SECONDS * 2)
        return False

    def _step(self) -> None:
        if time.monotonic() > self._shards_known_until:
            described = self._streams.describe_stream(StreamArn=self._arn)["StreamDescription"]
            self._shards = [shard["ShardId"] for shard in described["Shards"]]
            self._shards_known_until = time.monotonic() + _SHARDS_SECONDS
        found = False
        for shard in self._shards:
            found = self._read(shard) or found
        if not found:
            self.busy = False
            self._poller.stopping.wait(_PAUSE_SECONDS)

    def _read(self, shard: str) -> bool:
        iterator = self._iterators.get(shard) or self._position(shard)
        try:
            answer = self._streams.get_records(ShardIterator=iterator, Limit=self.source.batch_size)
        except (self._streams.exceptions.ExpiredIteratorException, self._streams.exceptions.TrimmedDataAccessException):
            self._iterators.pop(shard, None)
            return False
        records = [event_record(record, self._arn) for record in answer["Records"]]
        done = self._checkpoints.last(self.source.table)
        fresh = [record for record in records if done is None or int(_sequence(record)) > int(done)]
        if fresh:
            self.busy = True
            if not self._deliver(fresh, shard):
                return True
            self._checkpoints.confirm(self.source.table, _sequence(fresh[-1]))
        self._iterators[shard] = answer.get("NextShardIterator", "")
        return bool(records)

    def _position(self, shard: str) -> str:
        """After the last confirmed record; from the oldest one when that is unknown to the stream."""
        arguments = {"StreamArn": self._arn, "ShardId": shard}
        done = self._checkpoints.last(self.source.table)
        if done is not None:
            try:
                answer = self._streams.get_shard_iterator(
                    **arguments, ShardIteratorType="AFTER_SEQUENCE_NUMBER", SequenceNumber=done
                )
                return str(answer["ShardIterator"])
            except self._streams.exceptions.ClientError:
                pass  # the store restarted and kept only what was not confirmed
        return str(self._streams.get_shard_iterator(**arguments, ShardIteratorType="TRIM_HORIZON")["ShardIterator"])

    def _deliver(self, records: Sequence[Record], shard: str) -> bool:
        """Deliver until done or given up; False when the stack stops first, and the records are to come again."""
        pending: list[tuple[list[Record], int]] = [([one for one in records if admits(self.source.patterns, one)], 0)]
        while pending:
            batch, attempts = pending.pop(0)
            if not batch:
                continue
            failed_from = self._attempt(batch)
            if failed_from is None:
                continue
            batch = batch[failed_from:]
            # Progress within the batch begins a new count: its first record fails for the first time.
            attempts = attempts + 1 if failed_from == 0 else 1
            if self.source.retries is not None and attempts > self.source.retries:
                self._give_up(batch, shard, attempts)
                continue
            if self._poller.stopping.wait(min(_RETRY_PAUSE_SECONDS * 2**attempts, _RETRY_PAUSE_SECONDS_MAX)):
                return False
            if self.source.bisects and len(batch) > 1:
                middle = len(batch) // 2
                pending[:0] = [(batch[:middle], attempts), (batch[middle:], attempts)]
            else:
                pending.insert(0, (batch, attempts))
        return True

    def _attempt(self, batch: Sequence[Record]) -> int | None:
        """Position of the first record that failed; None when all succeeded."""
        try:
            result = self._invoke(self.source.function, {"Records": list(batch)}, 3600)
        except (FunctionError, BusyError) as failed:
            _LOG.warning("stream %s: %s", self.source.table, failed)
            return 0
        if not self.source.reports_failures:
            return None
        sequences = [_sequence(record) for record in batch]
        failed_sequences = failed_items(result, sequences)
        return min((sequences.index(one) for one in failed_sequences), default=None)

    def _give_up(self, batch: Sequence[Record], shard: str, attempts: int) -> None:
        _LOG.error("stream %s: gave up %s records after %s attempts", self.source.table, len(batch), attempts)
        if self.source.on_failure is None:
            return
        message = failure_message(self.source, batch, shard, self._arn, attempts)
        url = self._sqs.get_queue_url(QueueName=last_part(self.source.on_failure))["QueueUrl"]
        self._sqs.send_message(QueueUrl=url, MessageBody=json.dumps(message))


def _sequence(record: Record) -> str:
    return str(record["dynamodb"]["SequenceNumber"])


def event_record(record: Record, arn: str) -> dict[str, Any]:
    """A record of GetRecords as a function gets it: binary values in base64, times in epoch seconds."""
    plain: dict[str, Any] = json.loads(json.dumps(record, default=_plain))
    return {**plain, "eventSourceARN": arn, "awsRegion": record.get("awsRegion", REGION)}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, datetime):
        return int(value.timestamp())
    if isinstance(value, set | frozenset):
        return sorted(value)
    message = f"{type(value).__name__} in a stream record"
    raise TypeError(message)


def failure_message(
    source: StreamSource, batch: Sequence[Record], shard: str, arn: str, attempts: int
) -> dict[str, Any]:
    """What the failure destination gets: where the records are, not the records themselves."""

    def arrival(record: Record) -> str:
        moment = datetime.fromtimestamp(record["dynamodb"]["ApproximateCreationDateTime"], UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

    return {
        "requestContext": {
            "functionArn": f"{function_arn(source.function)}:$LATEST",
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": attempts,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "DDBStreamBatchInfo": {
            "shardId": shard,
            "startSequenceNumber": _sequence(batch[0]),
            "endSequenceNumber": _sequence(batch[-1]),
            "approximateArrivalOfFirstRecord": arrival(batch[0]),
            "approximateArrivalOfLastRecord": arrival(batch[-1]),
            "batchSize": len(batch),
            "streamArn": arn,
        },
    }

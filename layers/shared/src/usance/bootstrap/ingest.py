"""The use cases of ingest, composed."""

from dataclasses import dataclass
from functools import cache

from usance.application.ingest.directory import Directory
from usance.application.ingest.failure_events import FailureLog
from usance.application.ingest.ports import IngestPorts
from usance.application.lookups.published import PublishedTables
from usance.application.ports.queue import Queue
from usance.application.ports.usage_log import UsageWriter
from usance.bootstrap import stores
from usance.settings import Settings


@dataclass(frozen=True, slots=True)
class Ingest:
    """The stores, and what is remembered of the organization's meters and accounts."""

    ports: IngestPorts
    directory: Directory
    buffer: Queue | None = None  # where requests go first, when the deployment says so


@cache
def build_ingest() -> Ingest:
    """Those of this deployment."""
    ports = IngestPorts(
        entities=stores.entities(),
        usage=_usage_writer(),
        failures=FailureLog(stores.events(), stores.blobs(), Settings().api_url),
        blobs=stores.blobs(),
        clock=stores.clock(),
        ids=stores.ids(),
        merges=stores.merge_queue(),
    )
    directory = Directory(ports.entities, ports.clock, PublishedTables(ports.entities, ports.blobs, ports.clock))
    return Ingest(ports, directory, stores.ingest_queue() if Settings().ingest_is_buffered else None)


def _usage_writer() -> UsageWriter:
    from usance.adapters.aws import client
    from usance.adapters.dynamodb.usage_log import DynamoUsageLog

    return DynamoUsageLog(client("dynamodb"), Settings().usage_table)

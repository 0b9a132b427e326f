"""The adapters that serve the ports, made once per process; an import happens only where its part is used."""

from functools import cache
from typing import TYPE_CHECKING

from usance.settings import Settings

if TYPE_CHECKING:  # the ports serve annotations alone here; a function imports only what it runs
    from usance.adapters.dynamodb.usage_log import DynamoUsageLog
    from usance.application.ports.bills import BillRepository
    from usance.application.ports.blobs import BlobStore
    from usance.application.ports.clock import Clock, IdFactory
    from usance.application.ports.entities import EntityRepository
    from usance.application.ports.events import EventLog
    from usance.application.ports.mailer import Mailer
    from usance.application.ports.queue import Queue
    from usance.application.ports.secrets import Secrets
    from usance.application.ports.usage_log import UsageExplorer, UsageReader


@cache
def entities() -> "EntityRepository":
    """Configuration and billing entities."""
    from usance.adapters.aws import client
    from usance.adapters.dynamodb.entities import DynamoEntityRepository

    return DynamoEntityRepository(client("dynamodb"), Settings().entities_table)


@cache
def bills() -> "BillRepository":
    """Bills and their line items."""
    from usance.adapters.aws import client
    from usance.adapters.dynamodb.bills import DynamoBillRepository

    return DynamoBillRepository(client("dynamodb"), Settings().entities_table)


def usage_reader() -> "UsageReader":
    """Measurements, deduplicated and aggregated."""
    return _usage_log()


@cache
def _usage_log() -> "DynamoUsageLog":
    from usance.adapters.aws import client
    from usance.adapters.dynamodb.usage_log import DynamoUsageLog

    return DynamoUsageLog(client("dynamodb"), Settings().usage_table)


def usage_explorer() -> "UsageExplorer":
    """Measurements, for questions about them."""
    return _usage_log()


@cache
def events() -> "EventLog":
    """The log of events."""
    from usance.adapters.aws import client
    from usance.adapters.dynamodb.events import DynamoEventLog

    return DynamoEventLog(client("dynamodb"), Settings().events_table)


@cache
def blobs() -> "BlobStore":
    """Documents."""
    from usance.adapters.aws import client
    from usance.adapters.s3.blobs import S3BlobStore

    return S3BlobStore(client("s3"), Settings().documents_bucket)


def billing_queue() -> "Queue":
    """Accounts to bill."""
    return _queue(Settings().billing_queue_url)


def statement_queue() -> "Queue":
    """Statements to make."""
    return _queue(Settings().statement_queue_url)


def upload_queue() -> "Queue":
    """Uploaded files."""
    return _queue(Settings().upload_queue_url)


def export_queue() -> "Queue":
    """Exports to make."""
    return _queue(Settings().export_queue_url)


def ingest_queue() -> "Queue":
    """Measurements that were accepted and are to be stored."""
    return _queue(Settings().ingest_queue_url)


def merge_queue() -> "Queue":
    """Small items of measurements to merge."""
    return _queue(Settings().merge_queue_url)


def delivery_queue() -> "Queue":
    """Webhook deliveries."""
    return _queue(Settings().delivery_queue_url)


def integration_queue() -> "Queue":
    """Deliveries to external systems."""
    return _queue(Settings().integration_queue_url)


def delivery_dead_letter_queue() -> "Queue":
    """Deliveries that failed for good."""
    return _queue(Settings().delivery_dead_letter_queue_url)


@cache
def mailer() -> "Mailer | None":
    """E-mail, where the deployment sends any."""
    sender = Settings().mail_from
    if not sender:
        return None
    from usance.adapters.aws import client
    from usance.adapters.ses import SesMailer

    return SesMailer(client("sesv2"), sender)


@cache
def _queue(url: str) -> "Queue":
    from usance.adapters.aws import client
    from usance.adapters.sqs.queue import SqsQueue

    return SqsQueue(client("sqs"), url)


@cache
def secrets() -> "Secrets":
    """Signing and sealing."""
    from usance.adapters.aws import client
    from usance.adapters.secrets import ManagedSecrets

    return ManagedSecrets(client("secretsmanager"), Settings().secret_arn)


@cache
def clock() -> "Clock":
    """The present."""
    from usance.adapters.clock import SystemClock

    return SystemClock()


@cache
def ids() -> "IdFactory":
    """Fresh identifiers."""
    from usance.adapters.clock import TimeOrderedIds

    return TimeOrderedIds()

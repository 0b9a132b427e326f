"""Keep what could not be ingested: a file with the original and the reason, and an event that points to it."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Final
from urllib.parse import quote

import msgspec

from usance.application.ingest.ports import IngestPorts
from usance.application.ports.events import Event
from usance.domain.kernel.ids import derived_id
from usance.domain.metering.enrichment import Failure
from usance.resources import wire
from usance.resources.measurements import Measurement

EVENT_NAME: Final = "ingest.validation.failure"
EVENT_TYPE: Final = "IngestValidationFailure"
PARALLEL_WRITES_MAX: Final = 8  # of each client's 32 connections


def failed_ingest_prefix(org_id: str) -> str:
    """Where the files of an organization lie."""
    return f"{org_id}/failed-ingest/"


def report_failures(
    ports: IngestPorts,
    org_id: str,
    measurements: Sequence[Measurement],
    originals: Sequence[bytes],
    failures: Sequence[Failure],
    received_at: datetime,
) -> None:
    """Store a file and raise an event per failure. What was reported before (the same measurement, reason and text) stays."""

    def report(failure: Failure) -> None:
        _report(ports, org_id, measurements[failure.position], originals[failure.position], failure, received_at)

    with ThreadPoolExecutor(PARALLEL_WRITES_MAX) as pool:
        list(pool.map(report, failures))


def _report(
    ports: IngestPorts,
    org_id: str,
    measurement: Measurement,
    original: bytes,
    failure: Failure,
    received_at: datetime,
) -> None:
    digest = hashlib.sha256(original).hexdigest()
    event_id = derived_id(org_id, EVENT_NAME, failure.type, failure.message, digest)
    if ports.events.get(org_id, event_id):
        return
    file = f"{failed_ingest_prefix(org_id)}{event_id}.json"
    reason = {"type": str(failure.type), "message": failure.message}
    content = {"errors": [reason], "measurement": msgspec.Raw(original)}
    ports.blobs.put(file, wire.dumps(content), "application/json")
    path = f"/organizations/{org_id}/measurements/failedIngest/getDownloadUrl?file={quote(file, safe='')}"
    detail = {
        **reason,
        "meter": measurement.meter,
        "account": measurement.account,
        "uid": measurement.uid,
        "getDownloadUrl": path,
    }
    ports.events.append(Event(event_id, org_id, EVENT_NAME, received_at, detail, type=EVENT_TYPE))

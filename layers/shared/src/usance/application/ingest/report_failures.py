"""Keep what could not be ingested: a file with the original and the reason, and an event that points to it."""

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from usance.application.ingest.failure_events import EVENT_NAME
from usance.application.ingest.ports import IngestPorts
from usance.domain.kernel.ids import derived_id
from usance.domain.metering.enrichment import Failure
from usance.resources.measurements import Measurement

INVALID_MEASUREMENT: Final = "InvalidMeasurement"  # our own: a row of a file that no request could carry
PARALLEL_WRITES_MAX: Final = 8  # of each client's 32 connections


@dataclass(frozen=True, slots=True)
class Failed:
    """A measurement that failed: as decoded, and the JSON text that was sent. `uid` is its own or the one made for it."""

    failure: Failure
    measurement: Measurement
    original: bytes
    uid: str


def report_failures(ports: IngestPorts, org_id: str, failed: Sequence[Failed], received_at: datetime) -> None:
    """Store a file and raise an event per failure. What was reported before (the same uid, text and reason) stays."""
    with ThreadPoolExecutor(PARALLEL_WRITES_MAX) as pool:
        list(pool.map(lambda one: _report(ports, org_id, one, received_at), failed))


def report_refused(
    ports: IngestPorts, org_id: str, place: str, message: str, original: bytes, received_at: datetime
) -> None:
    """As `report_failures`, for JSON that is no measurement, found at `place` of a file."""
    reason = {"type": INVALID_MEASUREMENT, "message": message}
    _record(ports, org_id, reason, place, original, {}, received_at)


def report_each_refused(
    ports: IngestPorts, org_id: str, place: str, refused: Sequence[tuple[str, bytes]], received_at: datetime
) -> None:
    """`report_refused` for each message and its JSON, some at a time: there may be as many as a part of a file has rows."""
    with ThreadPoolExecutor(PARALLEL_WRITES_MAX) as pool:
        list(pool.map(lambda one: report_refused(ports, org_id, place, one[0], one[1], received_at), refused))


def _report(ports: IngestPorts, org_id: str, failed: Failed, received_at: datetime) -> None:
    failure, measurement = failed.failure, failed.measurement
    reason = {"type": str(failure.type), "message": failure.message}
    names = {"meter": measurement.meter, "account": measurement.account, "uid": measurement.uid}
    _record(ports, org_id, reason, failed.uid, failed.original, names, received_at)


def _record(
    ports: IngestPorts,
    org_id: str,
    reason: Mapping[str, str],
    uid: str,
    original: bytes,
    names: Mapping[str, str | None],
    received_at: datetime,
) -> None:
    digest = hashlib.sha256(original).hexdigest()
    event_id = derived_id(org_id, EVENT_NAME, reason["type"], reason["message"], uid, digest)
    ports.failures.record(org_id, event_id, reason, names, msgspec.Raw(original), received_at)

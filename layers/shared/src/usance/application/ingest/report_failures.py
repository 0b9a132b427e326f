"""Keep what could not be ingested: a file with the original and the reason, and an event that points to it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import msgspec

from usance.application.ingest.failure_events import EVENT_NAME, FailureRecord
from usance.application.ingest.ports import IngestPorts
from usance.domain.kernel.ids import derived_id
from usance.domain.metering.enrichment import Failure
from usance.resources.measurements import Measurement

INVALID_MEASUREMENT: Final = "InvalidMeasurement"  # our own: a row of a file that no request could carry


@dataclass(frozen=True, slots=True)
class Failed:
    """A measurement that failed: as decoded, and the JSON text that was sent. `uid` is its own or the one made for it.

    `account_id` is that of its account, where there is one.
    """

    failure: Failure
    measurement: Measurement
    original: bytes
    uid: str
    account_id: str | None = None


def report_failures(ports: IngestPorts, org_id: str, failed: Sequence[Failed], received_at: datetime) -> None:
    """Store a file and raise an event per failure. What was reported before (the same uid, text and reason) stays."""
    ports.failures.record(org_id, [_of_measurement(org_id, one) for one in failed], received_at)


def report_refused(
    ports: IngestPorts, org_id: str, place: str, refused: Sequence[tuple[str, bytes]], received_at: datetime
) -> None:
    """As `report_failures`, for what is no measurement: each message and its JSON, found at `place` of a file."""
    records = [
        _record(org_id, {"type": INVALID_MEASUREMENT, "message": message}, place, original, {})
        for message, original in refused
    ]
    ports.failures.record(org_id, records, received_at)


def _of_measurement(org_id: str, failed: Failed) -> FailureRecord:
    failure, measurement = failed.failure, failed.measurement
    reason = {"type": str(failure.type), "message": failure.message}
    names = {"meter": measurement.meter, "account": measurement.account, "uid": measurement.uid}
    return replace(_record(org_id, reason, failed.uid, failed.original, names), account_id=failed.account_id)


def _record(
    org_id: str, reason: Mapping[str, str], uid: str, original: bytes, names: Mapping[str, str | None]
) -> FailureRecord:
    digest = hashlib.sha256(original).hexdigest()
    event_id = derived_id(org_id, EVENT_NAME, reason["type"], reason["message"], uid, digest)
    return FailureRecord(event_id, reason, names, msgspec.Raw(original))

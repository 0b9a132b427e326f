"""Events of what was kept out of usage: each points to a file with the reason (metering.md 1.4)."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from usance.application.ports.blobs import BlobStore
from usance.application.ports.events import Event, EventLog
from usance.resources import wire

EVENT_NAME: Final = "ingest.validation.failure"
EVENT_TYPE: Final = "IngestValidationFailure"
PARALLEL_MAX: Final = 8  # of each client's 32 connections


def failed_ingest_prefix(org_id: str) -> str:
    """Where the files of an organization lie."""
    return f"{org_id}/failed-ingest/"


@dataclass(frozen=True, slots=True)
class FailureRecord:
    """What was kept out of usage: why, as whose, and the measurement. `id` is that of its event, which follows from all of it."""

    id: str
    reason: Mapping[str, str]
    names: Mapping[str, str | None]
    measurement: Any


@dataclass(frozen=True, slots=True)
class FailureLog:
    """Where failures are kept. `api_url` is the address of the API, without a slash at the end; empty when it is not known."""

    events: EventLog
    blobs: BlobStore
    api_url: str = ""

    def record(self, org_id: str, failures: Sequence[FailureRecord], at: datetime) -> None:
        """Of each, store the file, then raise the event. `getDownloadUrl` is whole where the API's address is known.

        What was recorded before stays, and is asked for many at a time: copies are found again each time their month is read.
        """
        by_id = {one.id: one for one in failures}
        known = {event.id for event in self.events.get_many(org_id, list(by_id))}
        with ThreadPoolExecutor(PARALLEL_MAX) as pool:
            list(pool.map(lambda id_: self._record(org_id, by_id[id_], at), (id_ for id_ in by_id if id_ not in known)))

    def _record(self, org_id: str, one: FailureRecord, at: datetime) -> None:
        file = f"{failed_ingest_prefix(org_id)}{one.id}.json"
        self.blobs.put(file, wire.dumps({"errors": [one.reason], "measurement": one.measurement}), "application/json")
        path = f"/organizations/{org_id}/measurements/failedIngest/getDownloadUrl?file={quote(file, safe='')}"
        detail = {**one.reason, **one.names, "getDownloadUrl": f"{self.api_url}{path}"}
        self.events.append(Event(one.id, org_id, EVENT_NAME, at, detail, type=EVENT_TYPE))

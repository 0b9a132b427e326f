"""Events of what was kept out of usage: each points to a file with the reason (metering.md 1.4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from usance.application.ports.blobs import BlobStore
from usance.application.ports.events import Event, EventLog
from usance.resources import wire

EVENT_NAME: Final = "ingest.validation.failure"
EVENT_TYPE: Final = "IngestValidationFailure"


def failed_ingest_prefix(org_id: str) -> str:
    """Where the files of an organization lie."""
    return f"{org_id}/failed-ingest/"


@dataclass(frozen=True, slots=True)
class FailureLog:
    """Where failures are kept. `api_url` is the address of the API, without a slash at the end; empty when it is not known."""

    events: EventLog
    blobs: BlobStore
    api_url: str = ""

    def record(
        self,
        org_id: str,
        event_id: str,
        reason: Mapping[str, str],
        names: Mapping[str, str | None],
        measurement: Any,
        at: datetime,
    ) -> None:
        """Store the file, then raise the event, once for an id. `getDownloadUrl` is whole where the API's address is known."""
        if self.events.get(org_id, event_id):
            return
        file = f"{failed_ingest_prefix(org_id)}{event_id}.json"
        self.blobs.put(file, wire.dumps({"errors": [reason], "measurement": measurement}), "application/json")
        path = f"/organizations/{org_id}/measurements/failedIngest/getDownloadUrl?file={quote(file, safe='')}"
        detail = {**reason, **names, "getDownloadUrl": f"{self.api_url}{path}"}
        self.events.append(Event(event_id, org_id, EVENT_NAME, at, detail, type=EVENT_TYPE))

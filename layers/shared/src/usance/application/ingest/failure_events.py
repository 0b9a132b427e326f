"""Events of what was kept out of usage: each points to a file with the reason (metering.md 1.4, 1.8).

Few of these files are ever asked for, and one costs as much as several events: what it says is kept with the event, and the
file is made when somebody asks for it.
"""

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
ATTACHED_MAX_BYTES: Final = 8_192  # S3 asks for a file what DynamoDB asks for as many bytes
_MEDIA_TYPE: Final = "application/json"


def file_of(org_id: str, event_id: str) -> str:
    """The key of the file that an event points to."""
    return f"{org_id}/failed-ingest/{event_id}.json"


@dataclass(frozen=True, slots=True)
class FailureRecord:
    """What was kept out of usage: why, as whose, and the measurement. `id` is that of its event, which follows from these.

    `account_id` is that of the account it names, where there is one.
    """

    id: str
    reason: Mapping[str, str]
    names: Mapping[str, str | None]
    measurement: Any
    account_id: str | None = None


@dataclass(frozen=True, slots=True)
class FailureLog:
    """Where failures are kept. `api_url` is the address of the API, without a slash at the end; empty when it is not known."""

    events: EventLog
    blobs: BlobStore
    api_url: str = ""

    def record(self, org_id: str, failures: Sequence[FailureRecord], at: datetime) -> None:
        """Raise an event for each; the file of a large one is stored before. `getDownloadUrl` is whole where the API's address is known.

        What was recorded before stays, and is asked for many at a time: copies are found again each time their month is read.
        """
        by_id = {one.id: one for one in failures}
        known = {event.id for event in self.events.get_many(org_id, list(by_id))}
        with ThreadPoolExecutor(PARALLEL_MAX) as pool:
            list(pool.map(lambda id_: self._record(org_id, by_id[id_], at), (id_ for id_ in by_id if id_ not in known)))

    def has_file(self, org_id: str, event_id: str) -> bool:
        """Whether there is a file for this event, which is made now if it was not before."""
        file = file_of(org_id, event_id)
        if self.blobs.exists(file):
            return True
        event = self.events.get(org_id, event_id)
        if event is None or event.attachment is None:
            return False
        self.blobs.put(file, event.attachment, _MEDIA_TYPE)
        return True

    def _record(self, org_id: str, one: FailureRecord, at: datetime) -> None:
        file, content = file_of(org_id, one.id), wire.dumps({"errors": [one.reason], "measurement": one.measurement})
        attached = len(content) <= ATTACHED_MAX_BYTES
        if not attached:
            self.blobs.put(file, content, _MEDIA_TYPE)
        path = f"/organizations/{org_id}/measurements/failedIngest/getDownloadUrl?file={quote(file, safe='')}"
        detail = {**one.reason, **one.names, "getDownloadUrl": f"{self.api_url}{path}"}
        attachment = content if attached else None
        self.events.append(
            Event(
                one.id,
                org_id,
                EVENT_NAME,
                at,
                detail,
                type=EVENT_TYPE,
                account_id=one.account_id,
                attachment=attachment,
            )
        )

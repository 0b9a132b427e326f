"""The log of events (platform.md 6): immutable but for being actioned, gone after 28 days."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from usance.application.ports.entities import Page
from usance.resources import instants
from usance.resources.wire import Document

KEPT_FOR: Final = timedelta(days=28)  # the API's


@dataclass(frozen=True, slots=True)
class Event:
    """One event. Its `id` derives from what caused it, so that recording it twice keeps one.

    `type` is the category that `eventType` filters by (Notification, IntegrationEvent, IngestValidationFailure,
    DataExportJobFailure) or None for changes of entities. `detail` becomes `m3terEvent` on the wire; `attachment`, of some
    kilobytes, is kept with the event and on no wire.
    """

    id: str
    org_id: str
    name: str
    time: datetime
    detail: Document
    type: str | None = None
    resource_id: str | None = None
    account_id: str | None = None
    notification_id: str | None = None
    notification_code: str | None = None
    actioned_at: datetime | None = None
    attachment: bytes | None = None


def to_wire(event: Event) -> Document:
    """The event as the API shows it (platform.md 6.3); `dtActioned` is null until it is actioned."""
    return {
        "id": event.id,
        "eventName": event.name,
        "eventTime": instants.to_text(event.time),
        "dtActioned": instants.to_text(event.actioned_at) if event.actioned_at else None,
        "m3terEvent": event.detail,
    }


@dataclass(frozen=True, slots=True)
class EventQuery:
    """What `GET /events` may ask (platform.md 6.4). `filters` keys are the query parameters of the API."""

    filters: Mapping[str, str] = field(default_factory=dict)
    include_actioned: bool = False


class EventLog(Protocol):
    """Events of one deployment."""

    def append(self, event: Event) -> bool:
        """Record the event; False when it was recorded before."""
        ...

    def get(self, org_id: str, event_id: str) -> Event | None:
        """One event or None."""
        ...

    def get_many(self, org_id: str, ids: Sequence[str]) -> Sequence[Event]:
        """Those that exist."""
        ...

    def mark_actioned(self, org_id: str, event_id: str, at: datetime) -> Event | None:
        """The event, actioned now or before, which stays; None when there is none. Lists leave it out from then on."""
        ...

    def list_page(self, org_id: str, query: EventQuery, *, page_size: int, next_token: str | None) -> Page:
        """Newest first; `data` holds wire documents."""
        ...

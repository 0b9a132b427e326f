"""Events in memory, with the semantics of `usance.adapters.dynamodb.events`."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from tests.fakes.clock import FrozenClock
from usance.adapters.dynamodb.event_items import AT, INDEXES, VALUE_MAX_CHARS, at
from usance.application.paging import decode_token, encode_token
from usance.application.ports.clock import Clock
from usance.application.ports.entities import Page
from usance.application.ports.events import KEPT_FOR, Event, EventQuery, to_wire
from usance.domain.kernel.errors import InvalidInputError


@dataclass
class FakeEventLog:
    """`EventLog` in a dictionary; what a store removes after 28 days it hides then."""

    clock: Clock = field(default_factory=FrozenClock)
    rows: dict[tuple[str, str], tuple[Event, datetime]] = field(default_factory=dict)

    def append(self, event: Event) -> bool:
        new = (event.org_id, event.id) not in self.rows
        self.rows.setdefault((event.org_id, event.id), (event, self.clock.now() + KEPT_FOR))
        return new

    def get(self, org_id: str, event_id: str) -> Event | None:
        found = self.rows.get((org_id, event_id))
        return found[0] if found and found[1] > self.clock.now() else None

    def get_many(self, org_id: str, ids: Sequence[str]) -> Sequence[Event]:
        found = (self.get(org_id, id_) for id_ in dict.fromkeys(ids))
        return [event for event in found if event]

    def mark_actioned(self, org_id: str, event_id: str, at: datetime) -> Event | None:
        event = self.get(org_id, event_id)
        if event is None:
            return None
        actioned = replace(event, actioned_at=event.actioned_at or at)
        self.rows[org_id, event_id] = (actioned, self.rows[org_id, event_id][1])
        return actioned

    def list_page(self, org_id: str, query: EventQuery, *, page_size: int, next_token: str | None) -> Page:
        for name, value in query.filters.items():
            if name not in INDEXES:
                raise InvalidInputError(f"{name} is not a filter of events; they are {', '.join(INDEXES)}")
            if len(value) > VALUE_MAX_CHARS:
                raise InvalidInputError(f"{name} has {len(value)} characters; the limit is {VALUE_MAX_CHARS}")
        below = decode_token(next_token, AT) if next_token else None
        found = sorted(
            (
                (at(event.time, event.id), event)
                for (org, id_), (event, _) in self.rows.items()
                if org == org_id
                and self.get(org, id_)
                and (query.include_actioned or not event.actioned_at)
                and all(_value(event, name) == value for name, value in query.filters.items())
                and (below is None or at(event.time, event.id) < below)
            ),
            reverse=True,
        )
        page = found[:page_size]
        token = encode_token(page[-1][0]) if len(found) > page_size else None
        return Page([to_wire(event) for _, event in page], token)

    def events(self, name: str | None = None) -> list[Event]:
        """All events, or those of one name, as they were recorded."""
        return [event for event, _ in self.rows.values() if name in {None, event.name}]


def _value(event: Event, name: str) -> str | None:
    return {
        "resourceId": event.resource_id,
        "accountId": event.account_id,
        "notificationId": event.notification_id,
        "notificationCode": event.notification_code,
        "eventType": event.type,
        "eventName": event.name,
    }[name]

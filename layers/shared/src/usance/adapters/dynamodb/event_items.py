"""Events as items: keys, the attributes of the indexes, and back.

An item's key is `{org}#{id}`, so one conditional put keeps an event once, and writes spread over every partition. Each
list of the API is a global index: its hash attribute is `{org}#{value}`, with `#{shard}` where one value can take more
writes than a partition does, and its range attribute `at` is time and id. Indexes hold what lists filter by, not the
event.
"""

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from usance.application.ports.events import KEPT_FOR, Event
from usance.resources import instants, wire

VALUE_MAX_CHARS: Final = 500  # a key of DynamoDB has at most 2,048 bytes
SHARDS: Final = 8  # a partition takes 1,000 writes a second
AT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z#[\x21-\x7e]{1,80}", re.ASCII)
"""A place in the order of a list, as `at` makes it."""


@dataclass(frozen=True, slots=True)
class Index:
    """A global index and its hash attribute."""

    name: str
    attribute: str
    shards: int

    def partition(self, org_id: str, value: str, shard: int) -> str:
        """The value of the hash attribute."""
        parts = [org_id, *([value] if value else []), *([str(shard)] if self.shards > 1 else [])]
        return "#".join(parts)


ALL: Final = Index("byOrganization", "inOrganization", SHARDS)

# By filter of the API, the most selective first: a list reads the first that it has and filters by the others.
INDEXES: Final[Mapping[str, Index]] = {
    "resourceId": Index("byResource", "inResource", 1),
    "accountId": Index("byAccount", "inAccount", 1),
    "notificationId": Index("byNotification", "inNotification", SHARDS),
    "notificationCode": Index("byNotificationCode", "inNotificationCode", SHARDS),
    "eventType": Index("byType", "inType", SHARDS),
    "eventName": Index("byName", "inName", SHARDS),
}


def is_id(text: str) -> bool:
    """Whether `text` can be part of a key; what cannot be one names no event."""
    return 0 < len(text) <= VALUE_MAX_CHARS


def key(org_id: str, event_id: str) -> dict[str, Any]:
    """The primary key of an event."""
    return {"pk": {"S": f"{org_id}#{event_id}"}}


def to_item(event: Event, recorded_at: datetime) -> dict[str, Any]:
    """The item of an event; it expires 28 days after it was recorded."""
    shard = shard_of(event.id)
    filters = {
        "resourceId": event.resource_id,
        "accountId": event.account_id,
        "notificationId": event.notification_id,
        "notificationCode": event.notification_code,
        "eventType": event.type,
        "eventName": event.name,
    }
    item = {
        **key(event.org_id, event.id),
        "id": {"S": event.id},
        "org": {"S": event.org_id},
        "time": {"S": instants.to_text(event.time)},
        "at": {"S": at(event.time, event.id)},
        "detail": {"B": zlib.compress(wire.dumps(event.detail))},  # units are counted by the kilobyte
        "expires": {"N": str(int((recorded_at + KEPT_FOR).timestamp()))},
        ALL.attribute: {"S": ALL.partition(event.org_id, "", shard)},
    }
    for filter_, value in filters.items():
        if value and len(value) <= VALUE_MAX_CHARS:
            index = INDEXES[filter_]
            item[index.attribute] = {"S": index.partition(event.org_id, value, shard)}
            item[filter_] = {"S": value}
    if event.attachment is not None:
        item["attachment"] = {"B": zlib.compress(event.attachment)}
    if event.actioned_at:
        item["actioned"] = {"S": instants.to_text(event.actioned_at)}
    return item


def to_event(item: Mapping[str, Any]) -> Event:
    """The event of an item."""
    actioned = _text(item, "actioned")
    return Event(
        id=item["id"]["S"],
        org_id=item["org"]["S"],
        name=item["eventName"]["S"],
        time=instants.from_text(item["time"]["S"]),
        detail=wire.loads(zlib.decompress(bytes(item["detail"]["B"]))),
        type=_text(item, "eventType"),
        resource_id=_text(item, "resourceId"),
        account_id=_text(item, "accountId"),
        notification_id=_text(item, "notificationId"),
        notification_code=_text(item, "notificationCode"),
        actioned_at=instants.from_text(actioned) if actioned else None,
        attachment=zlib.decompress(bytes(item["attachment"]["B"])) if "attachment" in item else None,
    )


def shard_of(event_id: str) -> int:
    """Which of the shards of an index an event is in."""
    return zlib.crc32(event_id.encode()) % SHARDS


def at(time: datetime, event_id: str) -> str:
    """The place of an event in the order of a list."""
    return f"{instants.to_text(time)}#{event_id}"


def _text(item: Mapping[str, Any], name: str) -> str | None:
    return item[name]["S"] if name in item else None

"""`GET /events` (platform.md 6.4)."""

from collections.abc import Mapping, Sequence
from typing import Final

from usance.application.access.authorize import require_some
from usance.application.notifications.readable import RESOURCE, readable
from usance.application.paging import kept_page
from usance.application.ports.deadline import Deadline
from usance.application.ports.entities import Page
from usance.application.ports.events import EventLog, EventQuery, to_wire
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import InvalidInputError

EVENT_TYPES: Final = ("Notification", "IntegrationEvent", "IngestValidationFailure", "DataExportJobFailure")
IDS_MAX: Final = 100  # as many as a page holds


def list_events(
    caller: Caller,
    events: EventLog,
    *,
    filters: Mapping[str, str],
    ids: Sequence[str],
    include_actioned: bool,
    page_size: int,
    next_token: str | None,
    deadline: Deadline,
) -> Page:
    """A page of events, newest first. `ids` stands alone: it gives those events, actioned or not.

    Events that a policy denies, or that show an entity that one denies, are not on it.
    """
    require_some(caller, Action.CONFIG_RETRIEVE, RESOURCE)
    if ids:
        if filters or next_token:
            raise InvalidInputError("ids cannot be combined with other filters or nextToken; send ids alone")
        if len(ids) > IDS_MAX:
            raise InvalidInputError(f"ids has {len(ids)} values; the limit is {IDS_MAX}")
        found = [to_wire(event) for event in events.get_many(caller.org_id, ids)]
        return Page(readable(caller, found), None)
    kind = filters.get("eventType")
    if kind is not None and kind not in EVENT_TYPES:
        raise InvalidInputError(f"eventType must be one of {', '.join(EVENT_TYPES)}")
    query = EventQuery(filters, include_actioned=include_actioned)
    return kept_page(
        lambda size, token: events.list_page(caller.org_id, query, page_size=size, next_token=token),
        lambda found: readable(caller, found),
        page_size=page_size,
        next_token=next_token,
        deadline=deadline,
        place_of=lambda event: f"{event['eventTime']}#{event['id']}",  # newest first, by time
    )

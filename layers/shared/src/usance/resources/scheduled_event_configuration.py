"""Scheduled events: an event some days before or after a date of an entity (platform.md 8)."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from usance.domain.catalog.proposal import Proposal
from usance.domain.kernel.errors import InvalidInputError
from usance.resources.event_fields import dates_of
from usance.resources.event_names import SCHEDULED_PREFIX, entity_in_events
from usance.resources.fields import Integral, Name, Noun
from usance.resources.resource import IDS, Dependant, Index, Resource, Serial

SWEEP: Final = "scheduledEventSweep"  # how far the entities of a configuration have been looked at
DAYS_MAX: Final = 36_500  # a century either way: beyond it dates leave the years that calendars know


class ScheduledEventConfiguration(Noun):
    """An event `offset` days after the date that each entity of a kind has in `field`; negative days are before it."""

    name: Name
    entity: Name
    field: Name
    offset: Annotated[int, Field(ge=-DAYS_MAX, le=DAYS_MAX), Integral]


def check_scheduled_event(proposal: Proposal) -> Mapping[str, Any]:
    """The name says which entity it is about, and the field is a date of that entity."""
    new = proposal.new
    entity = new["entity"].lower()
    dates = dates_of(entity)
    if not dates:
        raise InvalidInputError(f"entity: {new['entity']} is no entity with dates; write it as Bill or AccountPlan")
    about, _, own = new["name"].removeprefix(SCHEDULED_PREFIX).partition(".")
    is_prefixed = new["name"].startswith(SCHEDULED_PREFIX)
    if not is_prefixed or entity_in_events(about) != entity_in_events(entity) or not all(own.split(".")):
        raise InvalidInputError(
            f"name must be {SCHEDULED_PREFIX}{entity}. and a name of your own, such as {SCHEDULED_PREFIX}{entity}.reminder"
        )
    if new["field"] not in dates:
        raise InvalidInputError(f"field: {new['entity']} has no date {new['field']}; it has {', '.join(dates)}")
    return {}


SCHEDULED_EVENT_CONFIGURATION: Final = Resource(
    type="scheduledEventConfiguration",
    path="scheduledevents/configurations",
    model=ScheduledEventConfiguration,
    title="Scheduled event configuration",
    unique=("name",),
    indexes=(Index("name"),),
    filters=(IDS,),
    rules=(check_scheduled_event,),
    serial=(Serial("name of scheduled event", "name"),),
    dependants=(Dependant("notificationConfiguration", "eventName", path="name"),),
    parts=(Dependant(SWEEP, "configurationId"),),
)

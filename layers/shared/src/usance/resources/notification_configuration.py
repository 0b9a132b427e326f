"""Notification rules: what to tell of, and when (platform.md 7)."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from usance.domain.catalog.proposal import Entity, Proposal
from usance.domain.kernel.errors import InvalidInputError
from usance.resources.event_fields import fields_of
from usance.resources.event_names import EVENT_NAMES
from usance.resources.fields import Code, Name, Noun, Text
from usance.resources.resource import IDS, Dependant, Filter, Index, Ref, Related, Resource, Serial


class NotificationConfiguration(Noun):
    """A rule over events of one name. With `alwaysFireEvent` its calculation is not asked."""

    name: Name
    code: Code
    description: Text
    event_name: Text
    active: bool = True
    always_fire_event: bool = False
    calculation: Annotated[str, Field(max_length=5000)] | None = None


def check_rule(proposal: Proposal) -> Mapping[str, Any]:
    """The event exists; the calculation is one that can fire on it (platform.md 16, Q10 and Q11)."""
    from usance.domain.notifications.rules import check

    name, calculation = proposal.new["eventName"], proposal.new.get("calculation")
    if name not in EVENT_NAMES and not proposal.many("scheduled"):
        raise InvalidInputError(f"eventName: there is no event {name}; events/types lists their names")
    if calculation:
        check(calculation, fields_of(name))
    elif not proposal.new["alwaysFireEvent"]:
        raise InvalidInputError("calculation is required unless alwaysFireEvent is true")
    return {}


def scheduled_event(proposal: Proposal) -> Iterable[str]:
    """The configuration of the scheduled event that the rule is about; none for other events."""
    return (str(one["id"]) for one in proposal.many("scheduled"))


def _scheduled_name(rule: Entity) -> Iterable[str]:
    return () if rule["eventName"] in EVENT_NAMES else (rule["eventName"],)


NOTIFICATION_CONFIGURATION: Final = Resource(
    type="notificationConfiguration",
    path="notifications/configurations",
    model=NotificationConfiguration,
    title="Notification configuration",
    unique=("code",),
    indexes=(Index("active"), Index("eventName")),
    filters=(
        IDS,
        Filter("active", "active", "Only the rules that are active, or only those that are not.", boolean=True),
        Filter("eventName", "eventName", "Only the rules over this event."),
    ),
    references=(Ref("eventName", "scheduledEventConfiguration", compute=scheduled_event),),
    related=(Related("scheduled", "scheduledEventConfiguration", where={"name": "eventName"}),),
    rules=(check_rule,),
    serial=(Serial("name of scheduled event", compute=_scheduled_name),),
    dependants=(Dependant("integrationConfiguration", "entityId"),),
)

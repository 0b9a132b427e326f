"""Notification rules: what to tell of, and when (platform.md 7)."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from usance.domain.catalog.proposal import Proposal
from usance.domain.kernel.errors import InvalidInputError
from usance.resources.event_fields import fields_of
from usance.resources.event_names import EVENT_NAMES
from usance.resources.fields import Code, Name, Noun, Text
from usance.resources.resource import IDS, Dependant, Filter, Index, Resource


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
    if name not in EVENT_NAMES:
        raise InvalidInputError(f"eventName: there is no event {name}; events/types lists their names")
    if calculation:
        check(calculation, fields_of(name) or None)
    elif not proposal.new["alwaysFireEvent"]:
        raise InvalidInputError("calculation is required unless alwaysFireEvent is true")
    return {}


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
    rules=(check_rule,),
    dependants=(Dependant("integrationConfiguration", "entityId"),),
)

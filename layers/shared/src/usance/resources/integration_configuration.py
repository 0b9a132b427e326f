"""Integration configurations: what is sent to which destination (platform.md 10.1)."""

from typing import Annotated, Final

from pydantic import Field

from usance.domain.catalog.integrations import check_integration
from usance.resources.fields import FreeObject, Name, Noun
from usance.resources.resource import Dependant, Filter, Index, Ref, Related, Resource, gathered

Identification = Annotated[str, Field(min_length=1, max_length=80, pattern="^[a-zA-Z0-9_-]*$")]
OptionalId = Annotated[str, Field(min_length=1, max_length=80)]


class IntegrationConfiguration(Noun):
    """A link from entities of `entityType`, or from the one `entityId`, to a destination."""

    name: Name | None = None
    entity_type: Identification
    entity_id: OptionalId | None = None
    destination: Identification
    destination_id: OptionalId | None = None
    config_data: FreeObject = Field(default_factory=dict)
    integration_credentials_id: OptionalId | None = None


BY_ENTITY: Final = (
    Filter("entityId", "entityId", "Only the configurations of this entity."),
    Filter("destination", "destination", "Only the configurations with this kind of destination.", folded=True),
    Filter("destinationId", "destinationId", "Only the configurations with this destination."),
)

INTEGRATION_CONFIGURATION: Final = Resource(
    type="integrationConfiguration",
    path="integrationconfigs",
    model=IntegrationConfiguration,
    title="Integration configuration",
    indexes=(
        Index("entityType", compute=lambda proposal: (proposal.new["entityType"].lower(),)),
        Index("entityId"),
        Index("destination", compute=lambda proposal: (proposal.new["destination"].lower(),)),
        Index("destinationId"),
    ),
    filters=(Filter("destinationId", "destinationId", "Only the configurations with this destination."),),
    references=(
        Ref("entityId", "notificationConfiguration", compute=gathered("notifications")),
        Ref("destinationId", "webhook", compute=gathered("webhooks")),
    ),
    related=(
        Related("notifications", "notificationConfiguration", where={"id": "entityId"}),
        Related("webhooks", "webhook", where={"id": "destinationId"}),
    ),
    rules=(check_integration,),
    dependants=(Dependant("externalMapping", "integrationConfigId"),),
    page_size_max=200,
    answers={
        "authorized": {"type": "boolean"},
        "enabled": {"type": "boolean"},
        "triggerType": {"type": "string", "enum": ["EVENT", "SCHEDULE"]},
    },
)

"""Integration configurations: what is sent to which destination (platform.md 10.1)."""

from typing import Annotated, Final, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from usance.domain.catalog.integrations import check_integration
from usance.domain.integrations.configuration import check_connector, endpoint_of, mapping_of
from usance.resources.fields import FreeObject, Name, Noun, Whole
from usance.resources.resource import Dependant, Filter, Index, Ref, Related, Resource, gathered

CREDENTIALS_MAX: Final = 20  # properties that one external system asks for
CREDENTIAL_MAX_CHARS: Final = 8_000  # a private key of 8,192 bits in PEM has 6,400

Identification = Annotated[str, Field(min_length=1, max_length=80, pattern="^[a-zA-Z0-9_-]*$")]
CredentialText = Annotated[str, Field(min_length=1, max_length=CREDENTIAL_MAX_CHARS)]
OptionalId = Annotated[str, Field(min_length=1, max_length=80)]


class IntegrationCredentials(Noun):
    """What signs in to an external system: its `type`, and what the system asks for of that type, as further texts."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, CredentialText]

    type: Literal[
        "HTTP_BASIC",
        "OAUTH_CLIENT_CREDENTIALS",
        "M3TER_SIGNED_REQUEST",
        "AWS_INTEGRATION",
        "PADDLE_AUTH",
        "NETSUITE_AUTH",
        "CHARGEBEE_AUTH",
        "M3TER_APP_SIGNATURE",
        "M3TER_SERVICE_USER",
        "STRIPE_SIGNED_REQUEST",
        "HUBSPOT_ACCESS_TOKEN",
        "HUBSPOT_CLIENT_SECRET",
        "OPSGENIE_KEY",
        "SAP_BYD",
        "SLACK_WEBHOOK",
        "SAGE_INTACCT_CLIENT_CREDENTIALS",
        "SAGE_INTACCT_CLIENT_SECRET",
        "STATIC_API_KEY",
    ]
    destination: (
        Literal[
            "WEBHOOK",
            "NETSUITE",
            "STRIPE",
            "STRIPE_TEST",
            "AWS",
            "PADDLE",
            "PADDLE_SANDBOX",
            "SALESFORCE",
            "XERO",
            "CHARGEBEE",
            "QUICKBOOKS",
            "QUICKBOOKS_SANDBOX",
            "M3TER",
        ]
        | None
    ) = None
    name: Name | None = None
    empty: bool | None = None
    version: Whole | None = None

    @model_validator(mode="after")
    def _few(self) -> Self:
        if len(self.__pydantic_extra__) > CREDENTIALS_MAX:
            raise ValueError(f"must have at most {CREDENTIALS_MAX} properties of the external system")
        return self


class IntegrationConfiguration(Noun):
    """A link from entities of `entityType`, or from the one `entityId`, to a destination.

    `credentials` are kept encrypted and never answered: `integrationCredentialsId` stands for them, and an update that
    sends this back, without `credentials`, keeps them.
    """

    name: Name | None = None
    entity_type: Identification
    entity_id: OptionalId | None = None
    destination: Identification
    destination_id: OptionalId | None = None
    config_data: FreeObject = Field(default_factory=dict)
    credentials: IntegrationCredentials | None = None
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
    rules=(check_integration, check_connector),
    reaches=endpoint_of,
    mapping=mapping_of,
    parts=(Dependant("externalMapping", "integrationConfigId"),),
    page_size_max=200,
    sealed="credentials",
    sealed_as="integrationCredentialsId",
    answers={
        "authorized": {"type": "boolean"},
        "enabled": {"type": "boolean"},
        "triggerType": {"type": "string", "enum": ["EVENT", "SCHEDULE"]},
    },
)

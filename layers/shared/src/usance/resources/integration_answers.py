"""What the API answers of integrations beside their configurations: for its description alone."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, WithJsonSchema

from usance.domain.notifications.delivery import RunStatus
from usance.resources.fields import Noun

_Instant = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]


class IntegrationRun(Noun):
    """Something that is sent, or was, to a webhook or an external system. `error` says why it failed."""

    id: str
    version: int
    entity_type: str
    entity_id: str
    destination: str
    destination_id: str
    status: RunStatus
    dt_started: _Instant | None = None
    dt_completed: _Instant | None = None
    error: str | None = None
    url: str | None = None
    external_id: str | None = None
    replayed_from_integration_run_id: str | None = None
    dt_created: _Instant
    dt_last_modified: _Instant
    created_by: str
    last_modified_by: str


class IntegrationRuns(Noun):
    """Runs that were made."""

    data: list[IntegrationRun]
    next_token: Annotated[str | None, WithJsonSchema({"type": ["string", "null"]})] = None


class IntegrationRunLog(Noun):
    """`Payload` is base64 of JSON: what was sent, and every attempt."""

    payload: Annotated[str, Field(alias="Payload")]


class Evaluation(Noun):
    """Whether a calculation is valid, and if it is not, why."""

    success: bool
    error_message: Annotated[str | None, WithJsonSchema({"type": ["string", "null"]})]


class IntegrationOption(Noun):
    """Something that an integration asks for; `values` are the only ones where there are any."""

    name: str
    label: str
    type: str
    required: bool
    secret: bool
    values: list[str]


class IntegrationDestination(Noun):
    """Where entities of a kind can be sent, and what that asks for."""

    api_name: str
    destination: str
    display_name: str
    destination_config_options: list[IntegrationOption]
    auth_config_options: list[IntegrationOption]
    auth_type: str | None
    categories: list[str]
    released: bool


class IntegratedEntity(Noun):
    """Where entities of one kind can be sent."""

    readable_name: str
    destinations: list[IntegrationDestination]
    entity_configuration_options: list[IntegrationOption]
    released: bool


class Integrations(Noun):
    """By kind of entity where it can be sent, the configurations that there are, and the options that all share."""

    supported_entities: dict[str, IntegratedEntity]
    selected_configurations: list[dict[str, Any]]
    global_configuration_options: list[IntegrationOption]


class ExternalSystem(Noun):
    """An external system with a connector, and how one signs in to it."""

    identifier: str
    display_name: str
    validation_supported: bool
    supported_auth_types: list[str]


def _text(schema: dict[str, Any]) -> None:
    described = schema["description"]
    schema.clear()
    schema.update({"type": "string", "description": described})


class EntityName(Noun):
    """A kind of entity, such as `Bill`: a string."""

    model_config = ConfigDict(json_schema_extra=_text)


class SignInOption(Noun):
    """A way to sign in to an external system: `type` is that of the credentials, which hold the options."""

    auth_type: str
    type: str
    auth_config_options: list[IntegrationOption]


class OptionValue(Noun):
    """What an option may be."""

    id: str
    label: str


class MappableSystem(Noun):
    """The tables of an external system."""

    name: str
    tables: list[str]
    allow_custom_external_tables: Literal[True]


class Mappable(Noun):
    """What external mappings are for."""

    m3ter_entities: Annotated[list[str], Field(alias="m3terEntities")]
    external_systems: list[MappableSystem]


class ExternalValue(Noun):
    """An entity of an external system."""

    external_id: str
    external_name: str

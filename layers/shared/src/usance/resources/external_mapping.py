"""External mappings: which entity of ours is which one of another system (platform.md 10.5)."""

from collections.abc import Iterable
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from usance.domain.catalog.proposal import Proposal
from usance.domain.kernel.ids import derived_id
from usance.resources.fields import Id, Noun, code_text
from usance.resources.resource import Filter, Index, Ref, Resource

Text = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(code_text)]


class ExternalMapping(Noun):
    """A mapping of an entity to an id in a table of an external system."""

    m3ter_entity: Annotated[Text, Field(alias="m3terEntity")]
    m3ter_id: Annotated[Text, Field(alias="m3terId")]
    external_system: Text
    external_table: Text
    external_id: Text
    integration_config_id: Id | None = None


def entity_key(entity: str, id_: str) -> str:
    """How mappings of one of our entities are found; the kind of entity in any spelling of case."""
    return f"{entity.lower()}/{id_}"


def external_key(system: str, table: str, id_: str) -> str:
    """How mappings to one external entity are found, its system in any spelling of case: all three may be long, so it is their digest."""
    return derived_id(system.lower(), table, id_)


def _entity(mapping: Proposal) -> Iterable[str]:
    return (entity_key(mapping.new["m3terEntity"], mapping.new["m3terId"]),)


def _external(mapping: Proposal) -> Iterable[str]:
    new = mapping.new
    return (external_key(new["externalSystem"], new["externalTable"], new["externalId"]),)


def _system(mapping: Proposal) -> Iterable[str]:
    return (mapping.new["externalSystem"].lower(),)


EXTERNAL_MAPPING: Final = Resource(
    type="externalMapping",
    path="externalmappings",
    model=ExternalMapping,
    title="External mapping",
    indexes=(
        Index("m3terId"),
        Index("externalSystem", compute=_system),
        Index("integrationConfigId"),
        Index("entity", compute=_entity),
        Index("external", compute=_external),
    ),
    filters=(
        Filter(
            "externalSystemId", "externalSystem", "Only the mappings to the external system of this name.", folded=True
        ),
        Filter("integrationConfigId", "integrationConfigId", "Only the mappings of this integration configuration."),
        Filter("m3terIds", "m3terId", "Only the mappings of entities with these ids.", many=True),
    ),
    references=(Ref("integrationConfigId", "integrationConfiguration"),),
    page_size_max=200,
)

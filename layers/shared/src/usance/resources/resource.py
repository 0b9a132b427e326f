"""A resource as one row of data: its path, its model, and what its entities refer to, are found by and must obey."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from usance.domain.catalog.proposal import Entity, Proposal
from usance.domain.metering.custom_sql import CustomSql
from usance.resources.fields import Noun

Model = type[Noun]
Rule = Callable[[Proposal], Mapping[str, Any]]
"""Refuses a proposal or answers the fields that follow from it (None as a value removes the field)."""


class Verb(StrEnum):
    """What the API offers on a resource."""

    CREATE = "create"
    GET = "get"
    LIST = "list"
    UPDATE = "update"
    DELETE = "delete"


ALL_VERBS: Final = frozenset(Verb)
ORGANIZATION: Final = "@organization"


@dataclass(frozen=True, slots=True)
class Index:
    """Values by which lists find an entity: those at `path` in the document (default: at `name`), or `compute`d."""

    name: str
    path: str = ""
    compute: Callable[[Proposal], Iterable[str]] | None = None

    def values(self, proposal: Proposal) -> tuple[str, ...]:
        """The values of one entity, each once."""
        found = self.compute(proposal) if self.compute else values_at(proposal.new, self.path or self.name)
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class Filter:
    """A query parameter of the list that selects by an index."""

    parameter: str
    index: str
    description: str
    many: bool = False
    boolean: bool = False
    folded: bool = False  # the index is in lower case
    day: bool = False  # the parameter is a date; of a date-time its date
    choices: tuple[str, ...] = ()  # the only values it may have, where they are known
    blank: str = ""  # what an empty parameter selects; without it an empty parameter is as good as none


TEXT: Final = "text"


@dataclass(frozen=True, slots=True)
class Selection:
    """Query parameters that select by computing: entities for which `keep` answers no are left out of the list.

    Each parameter is a boolean, or a text of the format `TEXT`, or else a date or date-time. `keep` takes the document, the parameters that were sent,
    and the present instant as text.
    """

    parameters: Mapping[str, Mapping[str, Any]]
    keep: Callable[[Entity, Mapping[str, str], str], bool]


@dataclass(frozen=True, slots=True)
class Ref:
    """A field (by path, `[]` for each item) that holds the id of an entity of `type`, or from which ids `compute`."""

    path: str
    type: str
    compute: Callable[[Proposal], Iterable[str]] | None = None

    def ids(self, proposal: Proposal) -> tuple[str, ...]:
        """The ids of one entity, each once."""
        return tuple(dict.fromkeys(self.compute(proposal) if self.compute else values_at(proposal.new, self.path)))


@dataclass(frozen=True, slots=True)
class Related:
    """Entities to gather for the rules, under `name`.

    Either the one whose id is at `id_at` (a path, whose first step may be the name of a `Related` above; `ORGANIZATION`:
    the organization's own), or all that the indexes `where` find: index name to path of the value. `find` computes
    the values by index name, from the entity and what was gathered above.
    """

    name: str
    type: str
    id_at: str = ""
    where: Mapping[str, str] = field(default_factory=dict)
    find: Callable[[Proposal], Mapping[str, Sequence[str]]] | None = None


@dataclass(frozen=True, slots=True)
class Serial:
    """Changes that are decided one after another: those whose `path` holds, or `compute` finds, one value of `scope`.

    A rule that reads other entities needs it wherever two changes, each right alone, would be wrong together. Changes of a
    scope that only `holds` do not come after one another, but after those that do not.
    """

    scope: str
    path: str = ""
    compute: Callable[[Entity], Iterable[str]] | None = None
    holds: bool = False

    def values(self, entity: Entity) -> tuple[str, ...]:
        """The values of one entity."""
        return tuple(self.compute(entity) if self.compute else values_at(entity, self.path))


@dataclass(frozen=True, slots=True)
class Dependant:
    """Entities that block a deletion: those of `type` whose `index` holds the value at `path` of the entity.

    A `wide` one may refer to more entities than a transaction can check.
    """

    type: str
    index: str
    path: str = "id"
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Addition:
    """Fields that follow from other entities, shown when `additional` asks for them.

    `rule` sees what `related` finds; of the entities in `shown`, the name of one of these, what the caller may read.
    """

    related: tuple[Related, ...]
    rule: Rule
    shown: str


@dataclass(frozen=True, slots=True)
class Within:
    """The entity of `type` that a resource lives in. Its id is in the path as `{field}`, and in the document."""

    field: str
    type: str


@dataclass(frozen=True, slots=True)
class Resource:
    """One row of the registry. `type` is its name in the store, in policies and in messages.

    A name in `unique` may join fields by `+`: then no two entities may agree in all of them.
    """

    type: str
    path: str
    model: Model
    title: str
    verbs: frozenset[Verb] = ALL_VERBS
    singleton: bool = False
    within: Within | None = None
    unique: tuple[str, ...] = ()
    indexes: tuple[Index, ...] = ()
    filters: tuple[Filter, ...] = ()
    selection: Selection | None = None
    check_list: Callable[[Collection[str]], None] | None = None  # refuses a list by the names of what was asked for
    order_by: str = ""  # a field by which `sortOrder` orders a list, as far as `ordered_page` reads
    references: tuple[Ref, ...] = ()
    related: tuple[Related, ...] = ()
    rules: tuple[Rule, ...] = ()
    serial: tuple[Serial, ...] = ()
    dependants: tuple[Dependant, ...] = ()
    parts: tuple[Dependant, ...] = ()  # what is deleted together with the entity
    derived: Rule | None = None  # fields that follow from other entities each time the entity is shown
    additional: Mapping[str, Addition] = field(default_factory=dict)  # by the name that asks for it
    page_size_max: int = 100
    reaches: Callable[[Entity], str | None] | None = None  # finds a URL that this deployment is going to call
    mapping: Callable[[Entity], str | None] | None = None  # finds an expression in JSONata that it is going to apply
    query: Callable[[Proposal], CustomSql | None] | None = None  # finds a query that this deployment is going to run
    sealed: str = ""  # a field whose texts are kept encrypted and shown only to those who may update the entity
    sealed_texts: tuple[str, ...] = ()
    sealed_as: str = ""  # a field that answers an id in place of what is sealed, all of which is then never shown
    answers: Mapping[str, Mapping[str, Any]] = field(
        default_factory=dict
    )  # fields only the server sets, as JSON Schema


IDS: Final = Filter("ids", "id", "Only the entities with these ids.", many=True)


def gathered(name: str) -> Callable[[Proposal], Iterable[str]]:
    """For a `Ref`: the ids of what the `Related` of this name found, where a field names its entity otherwise."""
    return lambda proposal: (str(entity["id"]) for entity in proposal.many(name))


def values_at(document: Entity, path: str) -> list[str]:
    """Every value at a path such as `productId` or `dimensions[].meterId`, as text; booleans as `true` and `false`."""
    found: list[Any] = [document]
    for step in path.split("."):
        name = step.removesuffix("[]")
        found = [item[name] for item in found if isinstance(item, Mapping) and item.get(name) is not None]
        if step.endswith("[]"):
            found = [inner for item in found for inner in item]
    return [str(value).lower() if isinstance(value, bool) else str(value) for value in found]

"""What an external system is called, which entities it takes, and what has to be set up for it (platform.md 10.2)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

BILL: Final = "Bill"


@dataclass(frozen=True, slots=True)
class Setting:
    """A property of `configData` or of `credentials` that a connector reads; one `in_header` is sent as it is."""

    name: str
    label: str
    required: bool = False
    secret: bool = False
    kind: str = "string"  # or boolean, array, object
    choices: Sequence[str] = ()
    in_header: bool = False


@dataclass(frozen=True, slots=True)
class System:
    """An external system. `check` refuses (`InvalidInputError`) options that nothing can be sent with.

    `destinations` are the API's names for it, the main one first. `identifier` is what external mappings call it.
    `tables` maps an entity of ours to the tables of the system that it can be mapped to, the usual one first; bills are
    mapped to `tables["Bill"][0]` when they are sent. `credentials` maps a `type` of credentials to its properties; a
    system that `takes_unsigned` requests needs none of them.
    """

    identifier: str
    display_name: str
    destinations: Sequence[str]
    entities: Sequence[str] = (BILL,)
    category: str = "Accounts Receivable"
    credentials: Mapping[str, Sequence[Setting]] = field(default_factory=dict)
    takes_unsigned: bool = False
    options: Sequence[Setting] = ()
    tables: Mapping[str, Sequence[str]] = field(default_factory=dict)
    check: Callable[[Mapping[str, Any]], None] | None = None

    def table_of(self, entity: str) -> str:
        """The table that entities of ours are usually mapped to; the entity's own name where none is listed."""
        return self.tables.get(entity, (entity,))[0]

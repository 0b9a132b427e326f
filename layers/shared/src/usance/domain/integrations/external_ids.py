"""Which entity of ours is which of an external system, as far as one connector needs to know (platform.md 10.5)."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExternalId:
    """An entity (`Account`, `Product`, `Bill`, …) and its id in a table of the external system."""

    entity: str
    id: str
    table: str
    external_id: str


@dataclass(frozen=True, slots=True)
class ExternalIds:
    """External ids, those of the integration configuration itself before those of the whole system."""

    known: Sequence[ExternalId] = ()

    def of(self, entity: str, id_: str | None, table: str | None = None) -> str | None:
        """The external id of an entity, in a table where one is named; None when it is not mapped. Case does not matter."""
        for one in self.known:
            if (
                one.id == id_
                and one.entity.casefold() == entity.casefold()
                and (table is None or one.table.casefold() == table.casefold())
            ):
                return one.external_id
        return None

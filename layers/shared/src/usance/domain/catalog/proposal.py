"""A proposed state of an entity, with what it must agree with: what every rule of the catalog judges."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Entity = Mapping[str, Any]
"""An entity as the API shows it: camelCase names, exact decimals."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """`new` is to replace `old` (None: to be created). `related` holds the entities gathered for the rules, by name."""

    new: Entity
    old: Entity | None = None
    related: Mapping[str, Sequence[Entity]] = field(default_factory=dict)

    def one(self, name: str) -> Entity | None:
        """The related entity of that name; None when there is none."""
        found = self.related.get(name, ())
        return found[0] if found else None

    def many(self, name: str) -> Sequence[Entity]:
        """The related entities of that name."""
        return self.related.get(name, ())

    def changed(self, field_: str) -> bool:
        """Whether an update changes the field. A creation changes nothing."""
        return self.old is not None and self.old.get(field_) != self.new.get(field_)

"""Mappings of fields without a language."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from usance.domain.kernel.errors import InvalidInputError
from usance.resources.wire import Document


@dataclass
class FakeFieldMappings:
    """`FieldMappings` that knows these expressions."""

    known: Mapping[str, Callable[[Document], Any]] = field(default_factory=dict)

    def check(self, expression: str) -> None:
        if expression not in self.known:
            raise InvalidInputError(f"configData.mapping: {expression} is not known (line 1, column 1)")

    def apply(self, expression: str, document: Document) -> Any:
        self.check(expression)
        return self.known[expression](document)

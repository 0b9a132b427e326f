"""Mappings of fields in JSONata, as customers write them (docs/integrations.md)."""

from typing import Any, Protocol

from usance.resources.wire import Document

MAPPING_MAX_CHARS = 20_000  # far more than any entity has fields


class FieldMappings(Protocol):
    """Reads expressions and applies them, each in bounded time and memory."""

    def check(self, expression: str) -> None:
        """Refuse (`InvalidInputError`, which says where) what is no expression. `UnavailableError` may pass."""
        ...

    def apply(self, expression: str, document: Document) -> Any:
        """What the expression makes of the document: JSON, None where it makes nothing.

        Numbers that it does not calculate with keep their digits. `InvalidInputError` says why it cannot be done;
        `UnavailableError` may pass.
        """
        ...

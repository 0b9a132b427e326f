"""All that the tables hold of one organization, row by row, as DynamoDB writes its own exports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Protocol

Row = Mapping[str, Any]
"""A row in DynamoDB's JSON, `{"pk": {"S": ...}, ...}`; binary values are base64, sets are in order."""


RESTORED: Final = "restored"
"""Stands in rows that were put back, so that readers of the streams know that nothing has happened."""


class Table(StrEnum):
    """The tables of a deployment."""

    ENTITIES = "entities"
    USAGE = "usage"
    EVENTS = "events"


@dataclass(frozen=True, slots=True)
class RowPage:
    """Some rows. `after` is where the next page goes on; None on the last one. A page may be empty."""

    rows: Sequence[Row]
    after: Mapping[str, Any] | None


class OrganizationRows(Protocol):
    """Rows of one organization, whatever they are."""

    def page(self, table: Table, org_id: str, after: Mapping[str, Any] | None) -> RowPage:
        """Rows of the organization in any order that stays the same; strongly consistent, row by row."""
        ...

    def keys_to_it(self, org_id: str) -> Sequence[Row]:
        """The rows by which an organization is found and entered: its own and its access keys; none before it exists."""
        ...

    def put(self, table: Table, rows: Sequence[Row]) -> None:
        """Store or replace rows that were read from a page. They raise no events and no rule fires on them."""
        ...

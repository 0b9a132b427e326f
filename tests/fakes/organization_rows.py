"""Rows of organizations in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from usance.application.ports.organization_rows import Row, RowPage, Table


@dataclass
class FakeOrganizationRows:
    """`OrganizationRows` in dictionaries. `before_page` is called before each page, to change things while they are read."""

    tables: dict[Table, dict[str, Row]] = field(default_factory=lambda: {table: {} for table in Table})
    page_size: int = 2
    before_page: Any = None

    def page(self, table: Table, org_id: str, after: Mapping[str, Any] | None) -> RowPage:
        if self.before_page:
            self.before_page(table, after)
        rows = self.tables[table]
        keys = sorted(key for key in rows if after is None or key > after["key"]["S"])
        found = [rows[key] for key in keys[: self.page_size] if key.startswith(f"{org_id}#")]
        more = len(keys) > self.page_size
        return RowPage(found, {"key": {"S": keys[self.page_size - 1]}} if more else None)

    def keys_to_it(self, org_id: str) -> Sequence[Row]:
        rows = self.tables[Table.ENTITIES]
        return [rows[key] for key in sorted(rows) if key.startswith("-#") and org_id in str(rows[key])]

    def put(self, table: Table, rows: Sequence[Row]) -> None:
        self.tables[table] |= {key_of(row): row for row in rows}


def key_of(row: Row) -> str:
    return f"{row['pk']['S']}|{row.get('sk', {'S': ''})['S']}"

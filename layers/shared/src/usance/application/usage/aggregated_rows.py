"""Values computed of usage, a row per group."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from usance.application.billing.catalogue import Catalogue
from usance.application.billing.pricings import field_values
from usance.application.ports.read_budget import ReadBudget
from usance.application.ports.usage_log import UsageScope
from usance.application.usage.groups import ACCOUNT, CODE, SEGMENT, Answers, Groups, Key, group_columns, queries
from usance.application.usage.plan import Plan
from usance.application.usage.ports import UsagePorts
from usance.application.usage.scopes import Limits, read_each, scopes_of
from usance.application.usage.values import Shown
from usance.domain.billing.pricings import FieldValue
from usance.domain.kernel.errors import InvalidInputError
from usance.resources.wire import Document


def aggregated_rows(ports: UsagePorts, org_id: str, plan: Plan, limits: Limits) -> Iterator[Document]:
    """A row for each group that has usage, in ascending order of the groups: its names, then the values.

    By segment there are the rows that have a value. Rows are computed as they are taken; `InvalidInputError` says which
    one has none because a calculation fails.
    """
    groups, whole = Groups(plan, ports.usage.answer, limits.custom), limits.budget()
    scopes = scopes_of(ports, org_id, plan, limits)

    alone = len(scopes) == 1 or any(group["groupType"] == "ACCOUNT" for group in plan.groups)

    def read(scope: UsageScope) -> Answers:
        asked = list(queries(plan, scope, alone=alone))
        found = ports.usage.aggregate(
            scope, plan.start, plan.end, [query for _, query in asked], budget=ReadBudget(limits.of_scope, whole=whole)
        )
        return [(at, query, rows) for (at, query), rows in zip(asked, found, strict=True)]

    for scope, answers in zip(scopes, read_each(scopes, read), strict=True):
        groups.add(scope, answers)
    keys = groups.keys()
    rows = _Rows(plan, groups, Catalogue(ports.entities, org_id), _accounts(ports, org_id, plan, groups, keys))
    return (row for key in keys if (row := rows.row(key)))


def columns_of(plan: Plan) -> Sequence[str]:
    """The names of all fields of the rows, in their order."""
    names = list(group_columns(plan))
    return [*names, *([CODE] if ACCOUNT in names else []), *value_columns(plan)]


def value_columns(plan: Plan) -> Sequence[str]:
    """The names of the fields that hold values."""
    return [column for shown in plan.shown for column in shown.columns]


@dataclass(slots=True)
class _Rows:
    """From the places of groups to rows. `accounts` are those that still exist, by id."""

    plan: Plan
    groups: Groups
    catalogue: Catalogue
    accounts: Mapping[str, Document]

    def row(self, key: Key) -> Document | None:
        """The row of a group; None for a segment that has no value."""
        row: Document = {name: cell or None for name, cell in zip(self.groups.columns, key, strict=True)}
        if self.plan.by_segment and row[SEGMENT]:
            row[SEGMENT] = dict(self.groups.segments[row[SEGMENT]])
        if ACCOUNT in row:
            row[CODE] = self.accounts.get(row[ACCOUNT], {}).get("code")
        values = {
            column: value
            for at, shown in enumerate(self.plan.shown)
            for column, value in zip(shown.columns, self._values(at, shown, key, row), strict=True)
        }
        has_row = not self.plan.by_segment or any(value is not None for value in values.values())
        return row | values if has_row else None

    def _values(self, at: int, shown: Shown, key: Key, row: Document) -> Sequence[Decimal | None]:
        if not self.groups.shows(shown, key):
            return (None,) * len(shown.columns)
        try:
            return shown.values(lambda part: self.groups.value(key, part), self._fields(shown, row))
        except InvalidInputError as failed:
            group = ", ".join(f"{name} {row[name]}" for name in self.groups.columns)
            raise InvalidInputError(
                f"aggregations[{at}]{f' of {group}' if group else ''}: {failed.message}"
            ) from failed

    def _fields(self, shown: Shown, row: Document) -> Mapping[str, FieldValue]:
        if not shown.custom_fields:
            return {}
        account_id = row.get(ACCOUNT) or (self.plan.account_ids or ("",))[0]
        product_id = shown.product_id
        own = {
            "account": self.accounts.get(account_id, {}),
            "product": self.catalogue.one("product", product_id) if product_id else {},
        }
        return field_values(self.catalogue, shown.custom_fields, own)


def _accounts(
    ports: UsagePorts, org_id: str, plan: Plan, groups: Groups, keys: Sequence[Key]
) -> Mapping[str, Document]:
    """The accounts that rows are of."""
    if ACCOUNT in groups.columns:
        at = list(groups.columns).index(ACCOUNT)
        ids = list(dict.fromkeys(key[at] for key in keys))
    else:
        ids = list(plan.account_ids or ()) if any(one.custom_fields for one in plan.shown) else []
    return {one["id"]: one for one in ports.entities.get_many(org_id, "account", ids)} if ids else {}

"""From a request to what must be read: everything it names is looked up, and refused by its name (metering.md 7)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from usance.application.usage.named import named_in
from usance.application.usage.ports import UsagePorts
from usance.application.usage.values import ACCOUNT_FIELD, Measured, Shown, values_of
from usance.domain.catalog.usage_questions import Named, check_question
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.timezones import time_zone
from usance.domain.metering.usage_query import Step, buckets
from usance.resources import instants
from usance.resources.usage_query import ROWS_MAX
from usance.resources.wire import Document

Filters = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Plan:
    """A question that can be answered. None as ids means all.

    `shown` is what is computed for each group, `measured` what that follows from. `buckets` are the starts of the
    stretches of time to group by, none without such a group; the first may lie before `start`. `filters` hold, by meter, the values by field that measurements must have.
    """

    start: datetime
    end: datetime
    meter_ids: Sequence[str] | None
    account_ids: Sequence[str] | None
    filters: Mapping[str, Filters]
    shown: Sequence[Shown]
    measured: Sequence[Measured]
    groups: Sequence[Document]
    buckets: Sequence[datetime]
    limit: int

    @property
    def by_segment(self) -> bool:
        """Whether values are computed for each segment."""
        return any(group["groupType"] == "SEGMENT" for group in self.groups)

    def dimensions(self, meter_id: str) -> Sequence[str]:
        """The fields of the meter that values are computed for each value of."""
        of_meter = (group for group in self.groups if group.get("meterId") == meter_id)
        return tuple(dict.fromkeys(group["fieldCode"] for group in of_meter if group["groupType"] == "DIMENSION"))


def planned(ports: UsagePorts, org_id: str, asked: Document) -> Plan:
    """The plan of a validated request. `InvalidInputError` names the field that is wrong."""
    start, end = (instants.from_text(asked[name]).astimezone(UTC) for name in ("startDate", "endDate"))
    if end <= start:
        raise InvalidInputError("endDate must be after startDate")
    named = named_in(ports.entities, org_id, asked)
    check_question(asked, named)
    _check_accounts(ports, org_id, asked.get("accountIds") or [])
    filters, aggregations = asked.get("dimensionFilters") or [], asked.get("aggregations") or []
    groups = asked.get("groups") or []
    values = values_of(aggregations, named, by_segment=any(group["groupType"] == "SEGMENT" for group in groups))
    _check_account_fields(asked, values.shown)
    by_time = next((group for group in groups if group["groupType"] == "TIME"), None)
    return Plan(
        start=start,
        end=end,
        meter_ids=_wanted_meters(asked, aggregations, named),
        account_ids=asked.get("accountIds") or None,
        filters={meter_id: _filters_of(filters, meter_id) for meter_id in named.meters},
        shown=values.shown,
        measured=values.measured,
        groups=groups,
        buckets=_buckets(by_time, start, end) if by_time else (),
        limit=int(asked.get("limit") or ROWS_MAX),
    )


def _buckets(group: Document, start: datetime, end: datetime) -> Sequence[datetime]:
    return buckets(Step(group["frequency"]), start, end, time_zone(group.get("timezone") or "UTC"))


def _check_accounts(ports: UsagePorts, org_id: str, ids: Sequence[str]) -> None:
    found = {account["id"] for account in ports.entities.get_many(org_id, "account", ids)} if ids else set()
    for id_ in ids:
        if id_ not in found:
            raise InvalidInputError(f"accountIds: there is no account {id_}")


def _check_account_fields(asked: Document, shown: Sequence[Shown]) -> None:
    """An account's custom field has no value where a row is made of several accounts."""
    alone = len(asked.get("accountIds") or ()) == 1
    if alone or any(group["groupType"] == "ACCOUNT" for group in asked.get("groups") or ()):
        return
    for at, one in enumerate(shown):
        for name in sorted(one.custom_fields):
            if name.startswith(ACCOUNT_FIELD):
                raise InvalidInputError(
                    f"aggregations[{at}]: its calculation needs {name}; add a group of type ACCOUNT, or name one of accountIds"
                )


def _wanted_meters(asked: Document, aggregations: Sequence[Document], named: Named) -> Sequence[str] | None:
    if aggregations:
        return tuple(dict.fromkeys(id_ for one in aggregations for id_ in named.meter_ids(one)))
    return asked.get("meterIds") or None


def _filters_of(filters: Sequence[Document], meter_id: str) -> Filters:
    """Values of one filter are alternatives; every filter must hold."""
    found: dict[str, list[str]] = {}
    for one in filters:
        if one["meterId"] == meter_id:
            values: list[str] = one["values"]
            allowed = found.get(one["fieldCode"], values)
            found[one["fieldCode"]] = [value for value in values if value in allowed]
    return found

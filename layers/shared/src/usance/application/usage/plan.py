"""From a request to what must be read: everything it names is looked up, and refused by its name (metering.md 7)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from usance.application.usage.ports import UsagePorts
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.metering.meter import NUMERIC
from usance.domain.metering.usage_query import FUNCTIONS, Step, buckets
from usance.resources import instants
from usance.resources.usage_query import ROWS_MAX
from usance.resources.wire import Document

Filters = Mapping[str, Sequence[str]]
_NUMERIC: Final = frozenset(category.name for category in NUMERIC)


@dataclass(frozen=True, slots=True)
class Plan:
    """A question that can be answered. `meters` are those it names; None as ids means all.

    `buckets` are the starts of the stretches of time to group by, none without such a group; the first may lie before
    `start`. `filters` hold, by meter, the values by field that measurements must have.
    """

    start: datetime
    end: datetime
    meters: Mapping[str, Document]
    meter_ids: Sequence[str] | None
    account_ids: Sequence[str] | None
    filters: Mapping[str, Filters]
    aggregations: Sequence[Document]
    groups: Sequence[Document]
    buckets: Sequence[datetime]
    limit: int

    def dimensions(self, meter_id: str) -> Sequence[str]:
        """The fields of the meter that values are computed for each value of."""
        of_meter = (group for group in self.groups if group.get("meterId") == meter_id)
        return tuple(dict.fromkeys(group["fieldCode"] for group in of_meter if group["groupType"] == "DIMENSION"))


def planned(ports: UsagePorts, org_id: str, asked: Document) -> Plan:
    """The plan of a validated request. `InvalidInputError` names the field that is wrong."""
    start, end = (instants.from_text(asked[name]).astimezone(UTC) for name in ("startDate", "endDate"))
    if end <= start:
        raise InvalidInputError("endDate must be after startDate")
    filters, aggregations = asked.get("dimensionFilters") or [], asked.get("aggregations") or []
    groups = asked.get("groups") or []
    if groups and not aggregations:
        raise InvalidInputError("groups need aggregations: say what to compute for each group")
    _check_groups(groups)
    meters = _meters(ports, org_id, asked, [*filters, *aggregations, *groups])
    _check_accounts(ports, org_id, asked.get("accountIds") or [])
    _check_fields(meters, asked.get("meterIds"), filters, aggregations, groups)
    steps = [Step(group["frequency"]) for group in groups if group["groupType"] == "TIME"]
    return Plan(
        start=start,
        end=end,
        meters=meters,
        meter_ids=_wanted_meters(asked, aggregations),
        account_ids=asked.get("accountIds") or None,
        filters={meter_id: _filters_of(filters, meter_id) for meter_id in meters},
        aggregations=aggregations,
        groups=groups,
        buckets=buckets(steps[0], start, end) if steps else (),
        limit=int(asked.get("limit") or ROWS_MAX),
    )


def _meters(ports: UsagePorts, org_id: str, asked: Document, parts: Iterable[Document]) -> Mapping[str, Document]:
    named = [*(asked.get("meterIds") or []), *(part["meterId"] for part in parts if part.get("meterId"))]
    ids = list(dict.fromkeys(named))
    found = {meter["id"]: meter for meter in ports.entities.get_many(org_id, "meter", ids)} if ids else {}
    for id_ in ids:
        if id_ not in found:
            raise InvalidInputError(f"meterIds: there is no meter {id_}")
    return found


def _check_accounts(ports: UsagePorts, org_id: str, ids: Sequence[str]) -> None:
    found = {account["id"] for account in ports.entities.get_many(org_id, "account", ids)} if ids else set()
    for id_ in ids:
        if id_ not in found:
            raise InvalidInputError(f"accountIds: there is no account {id_}")


def _check_groups(groups: Sequence[Document]) -> None:
    needed = {"DIMENSION": ("meterId", "fieldCode"), "TIME": ("frequency",), "ACCOUNT": ()}
    for at, group in enumerate(groups):
        for name in needed[group["groupType"]]:
            if not group.get(name):
                raise InvalidInputError(f"groups[{at}].{name} is required for a group of type {group['groupType']}")
    if sum(group["groupType"] == "TIME" for group in groups) > 1:
        raise InvalidInputError("groups: there is one group of type TIME at most")


def _check_fields(
    meters: Mapping[str, Document],
    meter_ids: Sequence[str] | None,
    filters: Sequence[Document],
    aggregations: Sequence[Document],
    groups: Sequence[Document],
) -> None:
    for at, one in enumerate(filters):
        _check_field(f"dimensionFilters[{at}]", meters, one, "DIMENSION")
    for at, one in enumerate(aggregations):
        where = f"aggregations[{at}]"
        if meter_ids and one["meterId"] not in meter_ids:
            raise InvalidInputError(f"{where}.meterId: the meter is not among meterIds")
        if one["function"] not in FUNCTIONS[one["fieldType"]]:
            allowed = ", ".join(sorted(FUNCTIONS[one["fieldType"]]))
            raise InvalidInputError(f"{where}.function: of a {one['fieldType']} there is {allowed}")
        _check_field(where, meters, one, one["fieldType"])
    on = {one["meterId"] for one in aggregations}
    for at, one in enumerate(groups):
        if one["groupType"] == "DIMENSION":
            if one["meterId"] not in on:
                raise InvalidInputError(f"groups[{at}].meterId: no aggregation is on this meter")
            _check_field(f"groups[{at}]", meters, one, "DIMENSION")


def _check_field(where: str, meters: Mapping[str, Document], one: Document, field_type: str) -> None:
    meter = meters[one["meterId"]]
    fields = {field["code"]: field["category"] for field in (*meter["dataFields"], *(meter.get("derivedFields") or ()))}
    category = fields.get(one["fieldCode"])
    if category is None:
        raise InvalidInputError(f"{where}.fieldCode: the meter {meter['code']} has no field {one['fieldCode']}")
    if (category in _NUMERIC) is not (field_type == "MEASURE"):
        raise InvalidInputError(f"{where}: the field {one['fieldCode']} is of category {category}, no {field_type}")


def _wanted_meters(asked: Document, aggregations: Sequence[Document]) -> Sequence[str] | None:
    if aggregations:
        return tuple(dict.fromkeys(one["meterId"] for one in aggregations))
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

"""What a question about usage may name, wherever it is asked: in a query, an export or a schedule (metering.md 7)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from usance.domain.kernel.errors import InvalidInputError
from usance.domain.metering.meter import NUMERIC
from usance.domain.metering.usage_query import FUNCTIONS

Part = Mapping[str, Any]

_NUMERIC: Final = frozenset(category.name for category in NUMERIC)
_NEEDED: Final[Mapping[str, Sequence[str]]] = {
    "DIMENSION": ("meterId", "fieldCode"),
    "TIME": ("frequency",),
    "ACCOUNT": (),
}


def meters_named(asked: Part) -> tuple[str, ...]:
    """The ids of the meters that a question names, each once."""
    parts = [part for name in ("dimensionFilters", "aggregations", "groups") for part in asked.get(name) or ()]
    named = [*(asked.get("meterIds") or ()), *(part["meterId"] for part in parts if part.get("meterId"))]
    return tuple(dict.fromkeys(named))


def check_question(asked: Part, meters: Mapping[str, Part]) -> None:
    """Refuse a question that does not fit the meters it names, which `meters` holds by id. The message names the field."""
    for id_ in meters_named(asked):
        if id_ not in meters:
            raise InvalidInputError(f"meterIds: there is no meter {id_}")
    groups, aggregations = asked.get("groups") or (), asked.get("aggregations") or ()
    if groups and not aggregations:
        raise InvalidInputError("groups need aggregations: say what to compute for each group")
    _check_groups(groups)
    for at, one in enumerate(asked.get("dimensionFilters") or ()):
        _check_field(f"dimensionFilters[{at}]", meters, one, "DIMENSION")
    _check_aggregations(aggregations, meters, asked.get("meterIds"))
    _check_dimensions(groups, meters, {one["meterId"] for one in aggregations})


def _check_groups(groups: Sequence[Part]) -> None:
    for at, group in enumerate(groups):
        for name in _NEEDED[group["groupType"]]:
            if not group.get(name):
                raise InvalidInputError(f"groups[{at}].{name} is required for a group of type {group['groupType']}")
    if sum(group["groupType"] == "TIME" for group in groups) > 1:
        raise InvalidInputError("groups: there is one group of type TIME at most")


def _check_aggregations(
    aggregations: Sequence[Part], meters: Mapping[str, Part], meter_ids: Sequence[str] | None
) -> None:
    for at, one in enumerate(aggregations):
        where = f"aggregations[{at}]"
        if meter_ids and one["meterId"] not in meter_ids:
            raise InvalidInputError(f"{where}.meterId: the meter is not among meterIds")
        if one["function"] not in FUNCTIONS[one["fieldType"]]:
            allowed = ", ".join(sorted(FUNCTIONS[one["fieldType"]]))
            raise InvalidInputError(f"{where}.function: of a {one['fieldType']} there is {allowed}")
        _check_field(where, meters, one, one["fieldType"])


def _check_dimensions(groups: Sequence[Part], meters: Mapping[str, Part], on: set[str]) -> None:
    for at, one in enumerate(groups):
        if one["groupType"] == "DIMENSION":
            if one["meterId"] not in on:
                raise InvalidInputError(f"groups[{at}].meterId: no aggregation is on this meter")
            _check_field(f"groups[{at}]", meters, one, "DIMENSION")


def _check_field(where: str, meters: Mapping[str, Part], one: Part, field_type: str) -> None:
    meter = meters[one["meterId"]]
    fields = {field["code"]: field["category"] for field in (*meter["dataFields"], *(meter.get("derivedFields") or ()))}
    category = fields.get(one["fieldCode"])
    if category is None:
        raise InvalidInputError(f"{where}.fieldCode: the meter {meter['code']} has no field {one['fieldCode']}")
    if (category in _NUMERIC) is not (field_type == "MEASURE"):
        raise InvalidInputError(f"{where}: the field {one['fieldCode']} is of category {category}, no {field_type}")

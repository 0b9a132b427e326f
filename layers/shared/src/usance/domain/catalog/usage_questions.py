"""What a question about usage may name, wherever it is asked: in a query, an export or a schedule (metering.md 7)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from usance.domain.catalog.compounds import codes_in_calculation
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.timezones import time_zone
from usance.domain.metering.meter import NUMERIC
from usance.domain.metering.usage_query import FUNCTIONS

Part = Mapping[str, Any]

AGGREGATION_ID: Final = "aggregationId"
COMPOUND_ID: Final = "compoundAggregationId"
_NUMERIC: Final = frozenset(category.name for category in NUMERIC)
_OF_FIELD: Final = ("meterId", "fieldCode", "fieldType", "function")
_NEEDED: Final[Mapping[str, Sequence[str]]] = {
    "DIMENSION": ("meterId", "fieldCode"),
    "TIME": ("frequency",),
    "ACCOUNT": (),
    "SEGMENT": (),
}


@dataclass(frozen=True, slots=True)
class Named:
    """What a question names, by id, as far as it exists. `parts` are the aggregations of `compounds`, by code."""

    meters: Mapping[str, Part]
    aggregations: Mapping[str, Part] = field(default_factory=dict)
    compounds: Mapping[str, Part] = field(default_factory=dict)
    parts: Mapping[str, Part] = field(default_factory=dict)

    def measuring(self, one: Part) -> Sequence[Part]:
        """The simple aggregations that one of the question's `aggregations` needs; none for one of a field."""
        if id_ := one.get(AGGREGATION_ID):
            return (self.aggregations[id_],)
        if id_ := one.get(COMPOUND_ID):
            return [self.parts[code] for code in codes_in_calculation(self.compounds[id_]) if code in self.parts]
        return ()

    def meter_ids(self, one: Part) -> Sequence[str]:
        """The meters that one of the question's `aggregations` is about."""
        return [one["meterId"]] if one.get("meterId") else [part["meterId"] for part in self.measuring(one)]


def meters_named(asked: Part) -> tuple[str, ...]:
    """The ids of the meters that a question names, each once."""
    parts = [part for name in ("dimensionFilters", "aggregations", "groups") for part in asked.get(name) or ()]
    named = [*(asked.get("meterIds") or ()), *(part["meterId"] for part in parts if part.get("meterId"))]
    return tuple(dict.fromkeys(named))


def ids_named(asked: Part, name: str) -> tuple[str, ...]:
    """The ids at `name`, `AGGREGATION_ID` or `COMPOUND_ID`, of what a question wants computed, each once."""
    return tuple(dict.fromkeys(one[name] for one in asked.get("aggregations") or () if one.get(name)))


def codes_named(compounds: Iterable[Part]) -> tuple[str, ...]:
    """The codes of the aggregations that compound aggregations are calculated of, each once."""
    return tuple(dict.fromkeys(code for compound in compounds for code in codes_in_calculation(compound)))


def check_question(asked: Part, named: Named) -> None:
    """Refuse a question that does not fit what it names. The message names the field."""
    for id_ in meters_named(asked):
        if id_ not in named.meters:
            raise InvalidInputError(f"meterIds: there is no meter {id_}")
    groups, aggregations = asked.get("groups") or (), asked.get("aggregations") or ()
    if groups and not aggregations:
        raise InvalidInputError("groups need aggregations: say what to compute for each group")
    _check_groups(groups)
    for at, one in enumerate(asked.get("dimensionFilters") or ()):
        _check_field(f"dimensionFilters[{at}]", named.meters, one, "DIMENSION")
    _check_aggregations(aggregations, named, asked.get("meterIds"))
    _check_dimensions(groups, named.meters, {id_ for one in aggregations for id_ in named.meter_ids(one)})
    _check_segmented(groups, [part for one in aggregations for part in named.measuring(one)])


def _check_groups(groups: Sequence[Part]) -> None:
    for at, group in enumerate(groups):
        for name in _NEEDED[group["groupType"]]:
            if not group.get(name):
                raise InvalidInputError(f"groups[{at}].{name} is required for a group of type {group['groupType']}")
        if zone := group.get("timezone"):
            _check_zone(f"groups[{at}]", group, zone)
    for once in ("TIME", "SEGMENT"):
        if sum(group["groupType"] == once for group in groups) > 1:
            raise InvalidInputError(f"groups: there is one group of type {once} at most")


def _check_zone(where: str, group: Part, zone: str) -> None:
    if group["groupType"] != "TIME":
        raise InvalidInputError(f"{where}.timezone: only a group of type TIME has one")
    try:
        time_zone(zone)
    except InvalidInputError as unknown:
        raise InvalidInputError(f"{where}.{unknown.message}") from unknown


def _check_aggregations(aggregations: Sequence[Part], named: Named, meter_ids: Sequence[str] | None) -> None:
    for at, one in enumerate(aggregations):
        where = f"aggregations[{at}]"
        if one.get(AGGREGATION_ID) or one.get(COMPOUND_ID):
            _check_by_id(where, one, named)
        else:
            _check_of_field(where, one, named.meters)
        for id_ in named.meter_ids(one) if meter_ids else ():
            if id_ not in (meter_ids or ()):
                raise InvalidInputError(f"{where}: the meter {id_} is not among meterIds")


def _check_by_id(where: str, one: Part, named: Named) -> None:
    if len(one) > 1:
        raise InvalidInputError(
            f"{where}: give {', '.join(_OF_FIELD)}, or {AGGREGATION_ID} alone, or {COMPOUND_ID} alone"
        )
    for name, known in ((AGGREGATION_ID, named.aggregations), (COMPOUND_ID, named.compounds)):
        if name in one and one[name] not in known:
            raise InvalidInputError(f"{where}.{name}: there is no such aggregation: {one[name]}")
    for code in codes_in_calculation(named.compounds[one[COMPOUND_ID]]) if COMPOUND_ID in one else ():
        if code not in named.parts:
            raise InvalidInputError(f"{where}: its calculation needs the aggregation {code}, which is gone")


def _check_of_field(where: str, one: Part, meters: Mapping[str, Part]) -> None:
    for name in _OF_FIELD:
        if not one.get(name):
            raise InvalidInputError(f"{where}.{name} is required, or else {AGGREGATION_ID} or {COMPOUND_ID} alone")
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


def _check_segmented(groups: Sequence[Part], aggregations: Sequence[Part]) -> None:
    for at, one in enumerate(groups):
        if one["groupType"] == "SEGMENT" and not any(aggregation.get("segments") for aggregation in aggregations):
            raise InvalidInputError(
                f"groups[{at}]: a group of type SEGMENT needs an {AGGREGATION_ID} or {COMPOUND_ID} that has segments"
            )


def _check_field(where: str, meters: Mapping[str, Part], one: Part, field_type: str) -> None:
    meter = meters[one["meterId"]]
    fields = {field["code"]: field["category"] for field in (*meter["dataFields"], *(meter.get("derivedFields") or ()))}
    category = fields.get(one["fieldCode"])
    if category is None:
        raise InvalidInputError(f"{where}.fieldCode: the meter {meter['code']} has no field {one['fieldCode']}")
    if (category in _NUMERIC) is not (field_type == "MEASURE"):
        raise InvalidInputError(f"{where}: the field {one['fieldCode']} is of category {category}, no {field_type}")

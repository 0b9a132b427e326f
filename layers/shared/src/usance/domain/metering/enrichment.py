"""The second stage: which measurements of one meter can be ingested, and why the others cannot (metering.md 1.3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from operator import attrgetter
from typing import Final

from usance.domain.metering.columns import Columns, Number
from usance.domain.metering.meter import NUMERIC, Category, Meter
from usance.domain.metering.submission import Submitted

_FIELDS_OF: Final = {category: attrgetter(category.value) for category in Category}
"""Per category, the map of a measurement that holds its fields."""


class FailureType(StrEnum):
    """Why a measurement, or one derived value of it, is not ingested; the `type` of the event."""

    UNDEFINED_METER = "UndefinedMeter"
    MISSING_FIELD = "MissingField"
    DUPLICATE_FIELD = "DuplicateField"
    DUPLICATE_UID = "DuplicateUid"
    INVALID_ACCOUNT_CODE = "InvalidAccountCode"
    CALCULATION_ERROR = "CalculationError"


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong with the measurement at `position` of the request."""

    position: int
    type: FailureType
    message: str


@dataclass(frozen=True, slots=True)
class Sorted:
    """Positions of measurements that have every field of their meter, once; and the failures of the others.

    `exact` when no measurement lacks a field of the meter or has one that the meter does not know.
    """

    positions: Sequence[int]
    failures: Sequence[Failure]
    exact: bool


def sort_out(meter: Meter, measurements: Sequence[Submitted], positions: Sequence[int]) -> Sorted:
    """Keep those of `measurements` at `positions` (all of `meter` and of one account) that can be ingested.

    Of measurements with one `uid`, the first that can be ingested is kept.
    """
    chosen = [measurements[position] for position in positions]
    used = {category: set[str]().union(*filter(None, map(fields, chosen))) for category, fields in _FIELDS_OF.items()}
    surplus = any(meter.fields.get(code) is not category for category, codes in used.items() for code in codes)
    if _flawless(meter, chosen, list(used.values())):
        return Sorted(positions, (), exact=not surplus)
    kept: list[int] = []
    failures: list[Failure] = []
    seen: set[str] = set()
    for position in positions:
        failure = _failure(meter, measurements[position], position, seen)
        if failure:
            failures.append(failure)
        else:
            kept.append(position)
    missing = any(failure.type is FailureType.MISSING_FIELD for failure in failures)
    return Sorted(kept, failures, exact=not (surplus or missing))


def _flawless(meter: Meter, measurements: Sequence[Submitted], used: Sequence[set[str]]) -> bool:
    """Whether nothing is wrong with any: the common case, decided column by column. `used` are the codes per category."""
    uids = [measurement.uid for measurement in measurements if measurement.uid is not None]
    if len(set(uids)) < len(uids):
        return False
    for category in Category:
        maps = list(map(_FIELDS_OF[category], measurements))
        required = {code for code, belongs in meter.fields.items() if belongs is category}
        if required and not all(fields and required <= fields.keys() for fields in maps):
            return False
    return all(one.isdisjoint(other) for one, other in combinations(used, 2))


def _failure(meter: Meter, measurement: Submitted, position: int, seen: set[str]) -> Failure | None:
    categories: dict[str, list[Category]] = {}
    for category in Category:
        for code in _FIELDS_OF[category](measurement) or ():
            categories.setdefault(code, []).append(category)
    repeated = [f"{code} in {' and '.join(where)}" for code, where in categories.items() if len(where) > 1]
    if repeated:
        return Failure(position, FailureType.DUPLICATE_FIELD, f"a field under two categories: {', '.join(repeated)}")
    missing = [f"{category}.{code}" for code, category in meter.fields.items() if categories.get(code) != [category]]
    if missing:
        return Failure(position, FailureType.MISSING_FIELD, f"fields of the meter are missing: {', '.join(missing)}")
    if measurement.uid is not None:
        if measurement.uid in seen:
            message = f"the uid {measurement.uid!r} stands more than once in the request; the first counts"
            return Failure(position, FailureType.DUPLICATE_UID, message)
        seen.add(measurement.uid)
    return None


def columns_of(
    meter: Meter,
    measurements: Sequence[Submitted],
    uids: Sequence[str],
    ts: Sequence[int],
    ets: Sequence[int | None],
) -> Columns:
    """The data fields of `measurements`, which have passed `sort_out`; fields that the meter does not know are left out."""
    numbers: dict[str, Sequence[Number | None]] = {}
    texts: dict[str, Sequence[str | None]] = {}
    for category in set(meter.fields.values()):
        maps = list(map(_FIELDS_OF[category], measurements))
        target = numbers if category in NUMERIC else texts
        for code, belongs in meter.fields.items():
            if belongs is category:
                target[code] = [fields[code] for fields in maps]
    return Columns(uids, ts, ets, numbers, texts)

"""A statement: the lines of a bill, each with the rows of usage behind it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal

from usance.domain.billing.pricings import Segment
from usance.domain.statements.breakdown import Breakdown
from usance.domain.statements.definition import Definition
from usance.domain.statements.line import BilledLine, Metered


@dataclass(frozen=True, slots=True)
class BillHeader:
    """Whose bill, and for when. `start` and `end` are the bill's own dates, `end` exclusive as on the bill."""

    bill_id: str
    account_id: str
    account_code: str
    account_name: str
    bill_date: date | None
    start: date | None
    end: date | None
    currency: str
    zone: tzinfo
    time_zone_name: str


@dataclass(frozen=True, slots=True)
class Value:
    """One aggregated value: of which group, in which bucket. `value` is None when the group holds no value."""

    group: Mapping[str, str]
    bucket_start: datetime
    value: Decimal | None


@dataclass(frozen=True, slots=True)
class UsageRow:
    """One bucket and combination of dimensions: `measures` by field and method. `[start, end)` in UTC."""

    start: datetime
    end: datetime
    dimensions: Mapping[str, str]
    measures: Mapping[tuple[str, str], Decimal]


@dataclass(frozen=True, slots=True)
class StatementLine:
    """A line item and its usage, oldest bucket first; how much of it is not on the bill, None where rows cannot tell."""

    line: BilledLine
    usage: Sequence[UsageRow] = ()
    not_on_bill: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """All there is to write down."""

    bill: BillHeader
    definition: Definition
    lines: Sequence[StatementLine]


def by_segment(metered: Metered, values: Iterable[Value]) -> Mapping[Segment, Sequence[Value]]:
    """The values by the segment that prices them; all under the empty segment when the line is of none.

    Values that no segment prices are left out. One pass serves all lines of an aggregation.
    """
    if metered.segmentation is None:
        return {(): tuple(values)}
    found: dict[Segment, list[Value]] = {}
    for value in values:
        segment = metered.segmentation.segment_of({name: value.group[name] for name in metered.segmented_fields})
        if segment is not None:
            found.setdefault(segment, []).append(value)
    return found


def usage_rows(
    shown: Breakdown, starts: Sequence[datetime], end: datetime, values: Iterable[tuple[tuple[str, str], Value]]
) -> Sequence[UsageRow]:
    """Join the values of several measures, each `((field, method), value)`, to rows by bucket, then by dimensions.

    `starts` are the ascending starts of the buckets, of which the last ends at `end`. Buckets and combinations without
    any value have no row.
    """
    ends = dict(zip(starts, [*starts[1:], end], strict=True))
    rows: dict[tuple[datetime, tuple[str, ...]], dict[tuple[str, str], Decimal]] = {}
    for measure, item in values:
        if item.value is None or not shown.shows(item.group):
            continue
        key = (item.bucket_start, tuple(item.group.get(name, "") for name in shown.dimensions))
        rows.setdefault(key, {})[measure] = plain(item.value)
    return tuple(
        UsageRow(
            start=start,
            end=ends[start],
            dimensions=dict(zip(shown.dimensions, group, strict=True)),
            measures={measure: cells[measure] for measure in shown.measures if measure in cells},
        )
        for (start, group), cells in sorted(rows.items(), key=lambda row: row[0])
    )


def plain(value: Decimal) -> Decimal:
    """The same number without an exponent or trailing zeros, so that equal values are written equally."""
    text = f"{value:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return Decimal("0" if text == "-0" else text)

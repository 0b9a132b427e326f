"""What a question wants computed: of fields, by aggregations and by compound aggregations (metering.md 4, 5, 7)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, assert_never

from usance.application.billing.convert_pricings import aggregation_of, compound_of
from usance.domain.billing.compound import calculated, fields_used
from usance.domain.billing.pricings import Aggregation, Compound, FieldValue, Segment
from usance.domain.catalog.usage_questions import AGGREGATION_ID, COMPOUND_ID, Named
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.quantity import rated_units
from usance.domain.metering.custom_sql import CustomSql
from usance.resources.usage_query import AGGREGATIONS_MAX
from usance.resources.wire import Document

ACCOUNT_FIELD: Final = "account."


@dataclass(frozen=True, slots=True)
class Measured:
    """What is read of a meter: `function` of a field, apart by segment when there are `segments`."""

    meter_id: str
    field_code: str
    function: str
    sql: CustomSql | None = None
    segmented_fields: tuple[str, ...] = ()
    segments: tuple[Segment, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """A value of every row, `by` an aggregation unless it is a function of a field.

    `columns` are its names, `parts` what it follows from, as positions among what is measured. `segments` are those it
    has a value for; None where it has one value for all.
    """

    columns: tuple[str, ...]
    parts: tuple[int, ...]
    by: Aggregation | Compound | None = None
    segments: tuple[Segment, ...] | None = None
    product_id: str | None = None

    @property
    def custom_fields(self) -> frozenset[str]:
        """The names of the custom fields that it is calculated from."""
        return fields_used(self.by.calculation) if isinstance(self.by, Compound) else frozenset()

    def values(
        self, found: Callable[[int], Decimal | None], fields: Mapping[str, FieldValue]
    ) -> Sequence[Decimal | None]:
        """A value for each of `columns`: `found` answers what was measured, `fields` are custom fields by name.

        Of an aggregation the quantity, its default where there is no usage, and the units that bills rate. Raises
        `InvalidInputError` when a calculation has no result.
        """
        values = [found(part) for part in self.parts]
        match self.by:
            case None:
                return values
            case Aggregation():
                quantity = _or_default(self.by, values[0])
            case Compound():
                parts = zip(self.by.parts, values, strict=True)
                quantity = calculated(self.by, {code: _or_default(one, value) for (code, one), value in parts}, fields)
            case _:
                assert_never(self.by)
        if quantity is None:
            return (None, None)
        return (quantity, rated_units(quantity, self.by.quantity_per_unit, self.by.rounding))


@dataclass(slots=True)
class Values:
    """What is shown in every row, and what must be measured for it, each once."""

    shown: list[Shown] = field(default_factory=list)
    measured: list[Measured] = field(default_factory=list)

    def measure(self, one: Measured) -> int:
        """The position of `one` among what is measured."""
        if one not in self.measured:
            self.measured.append(one)
        return self.measured.index(one)


def values_of(aggregations: Sequence[Document], named: Named, *, by_segment: bool) -> Values:
    """What the `aggregations` of a question, which were checked, come to."""
    values = Values()
    names = _field_names([one for one in aggregations if one.get("meterId")], named)
    for one in aggregations:
        if one.get("meterId"):
            measured = Measured(one["meterId"], one["fieldCode"], one["function"])
            values.shown.append(Shown((names[_field_key(one)],), (values.measure(measured),)))
        else:
            values.shown.append(_by_aggregation(values, one, named, by_segment=by_segment))
    if len(values.measured) > AGGREGATIONS_MAX:
        raise InvalidInputError(
            f"aggregations: they are made of {len(values.measured)} values; the limit is {AGGREGATIONS_MAX}"
        )
    return values


def _by_aggregation(values: Values, one: Document, named: Named, *, by_segment: bool) -> Shown:
    if id_ := one.get(AGGREGATION_ID):
        document, kind = named.aggregations[id_], "aggregation"
        by: Aggregation | Compound = _simple(document, named)
    else:
        document, kind = named.compounds[one[COMPOUND_ID]], "compoundAggregation"
        parts = tuple((part["code"], _simple(part, named)) for part in named.measuring(one))
        by = compound_of(dict(document), parts)
    simple = (by,) if isinstance(by, Aggregation) else tuple(part for _, part in by.parts)
    name = f"{kind}.{document.get('code') or document['id']}"
    return Shown(
        (f"{name}.quantity", f"{name}.units"),
        tuple(values.measure(_measured(part, by_segment=by_segment)) for part in simple),
        by,
        _shared([part.segments for part in simple if part.segments]) if by_segment else None,
        document.get("productId"),
    )


def _simple(document: Mapping[str, Any], named: Named) -> Aggregation:
    return aggregation_of(dict(document), dict(named.meters.get(document["meterId"], {})))


def _measured(by: Aggregation, *, by_segment: bool) -> Measured:
    segments = (by.segmented_fields, by.segments) if by_segment else ((), ())
    return Measured(by.meter_id, by.target_field, by.method, by.custom_sql, *segments)


def _shared(segments: Sequence[tuple[Segment, ...]]) -> tuple[Segment, ...] | None:
    """The segments that all segmented aggregations have (metering.md, open question 23); None without any."""
    if not segments:
        return None
    first, *others = segments
    return tuple(segment for segment in first if all(segment in other for other in others))


def _or_default(by: Aggregation, value: Decimal | None) -> Decimal | None:
    return by.default_value if value is None else value


def _field_key(one: Document) -> tuple[str, str, str]:
    return one["meterId"], one["fieldCode"], one["function"]


def _field_names(aggregations: Sequence[Document], named: Named) -> Mapping[tuple[str, str, str], str]:
    """`<field>.<FUNCTION>`, with the code of the meter in front where two meters have such a field."""
    meters: dict[str, set[str]] = {}
    for one in aggregations:
        meters.setdefault(f"{one['fieldCode']}.{one['function']}", set()).add(one["meterId"])
    return {
        _field_key(one): name if len(meters[name]) == 1 else f"{named.meters[one['meterId']]['code']}.{name}"
        for one in aggregations
        for name in (f"{one['fieldCode']}.{one['function']}",)
    }

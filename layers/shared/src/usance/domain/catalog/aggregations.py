"""Rules of aggregations (metering.md 4)."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from usance.domain.catalog.meters import NUMERIC, categories
from usance.domain.catalog.proposal import Entity, Proposal
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.metering.custom_sql import CUSTOM_SQL, CustomSql, custom_sql_of

_OF_NUMBERS: Final = frozenset(
    {"SUM", "MIN", "MAX", "LATEST", "MEAN", "P50", "P75", "P90", "P95", "P99", "TIME_WEIGHTED_SUM"}
)  # COUNT takes any field, UNIQUE any text
WILDCARD: Final = "*"
_QUERIES: Final = ("select", "with", "from")


def product_of_meter(proposal: Proposal) -> Iterable[str]:
    """The product whose plans the aggregation may price: its meter's (metering.md 4)."""
    meter = proposal.one("meter")
    return (meter["productId"],) if meter and meter.get("productId") else ()


def check_target(proposal: Proposal) -> Mapping[str, Any]:
    """The target is a field of the meter, of a category that the method can take (metering.md 4.1, question 18)."""
    new, meter = proposal.new, proposal.one("meter")
    method, target = new["aggregation"], new["targetField"]
    if method == CUSTOM_SQL:
        check_sql(new.get("customSql", ""))
    elif "customSql" in new:
        raise InvalidInputError("customSql is only for aggregation CUSTOM_SQL")
    category = categories(meter or _NO_METER).get(target)
    if category is None:
        raise InvalidInputError(f"targetField: {target} is not a field of the meter {new['meterId']}")
    if method in _OF_NUMBERS and category not in NUMERIC:
        raise InvalidInputError(f"targetField: {method} needs a field of category MEASURE, INCOME or COST")
    if method == "UNIQUE" and category in NUMERIC:
        raise InvalidInputError("targetField: UNIQUE needs a field that holds text")
    return {}


def query_to_try(proposal: Proposal) -> CustomSql | None:
    """The query of the customer's own that a creation or an update brings, with the columns it may name."""
    asked = ("aggregation", "customSql", "meterId")
    if proposal.old is not None and not any(proposal.changed(name) for name in asked):
        return None
    return custom_sql_of(proposal.new, proposal.one("meter") or _NO_METER)


def check_sql(sql: str) -> None:
    """What can be told of a query without a database; the rest is told by the one that tries it."""
    if not sql.strip():
        raise InvalidInputError("customSql is required for aggregation CUSTOM_SQL: a SELECT over measurements")
    if not sql.lstrip().lower().startswith(_QUERIES):
        raise InvalidInputError("customSql must be one SELECT over measurements")


def check_segments(proposal: Proposal) -> Mapping[str, Any]:
    """Segments and segmented fields belong together, and name text fields of the meter (metering.md 4.5, question 21)."""
    fields, segments = proposal.new.get("segmentedFields", []), proposal.new.get("segments", [])
    if bool(fields) != bool(segments):
        missing, given = ("segments", "segmentedFields") if fields else ("segmentedFields", "segments")
        raise InvalidInputError(f"{missing} is required with {given}")
    if len(set(fields)) < len(fields):
        raise InvalidInputError("segmentedFields must not name a field twice")
    known = categories(proposal.one("meter") or _NO_METER)
    for position, code in enumerate(fields):
        if known.get(code) in {None, "METADATA", *NUMERIC}:
            raise InvalidInputError(
                f"segmentedFields[{position}]: {code} is not a text field of the meter that can segment"
            )
    seen: set[frozenset[tuple[str, str]]] = set()
    for position, segment in enumerate(segments):
        if set(segment) != set(fields):
            raise InvalidInputError(f"segments[{position}] must have exactly the fields {', '.join(fields)}")
        if frozenset(segment.items()) in seen:
            raise InvalidInputError(f"segments[{position}] is there twice")
        seen.add(frozenset(segment.items()))
    return {}


def check_still_priced(proposal: Proposal) -> Mapping[str, Any]:
    """An update keeps every segment that a pricing uses, and the meter while there are pricings."""
    for pricing in proposal.many("pricings") if proposal.old else ():
        name = pricing.get("code") or pricing["id"]
        if pricing.get("segment") and pricing["segment"] not in proposal.new.get("segments", ()):
            raise InvalidInputError(f"segments: the pricing {name} uses the segment {dict(pricing['segment'])}")
        if proposal.changed("meterId"):
            raise InvalidInputError(f"meterId cannot change while the pricing {name} uses the aggregation")
    return {}


_NO_METER: Final[Entity] = {"dataFields": (), "derivedFields": ()}

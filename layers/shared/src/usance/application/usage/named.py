"""Read what a question about usage names."""

from usance.application.ports.entities import EntityRepository
from usance.domain.catalog.usage_questions import (
    AGGREGATION_ID,
    COMPOUND_ID,
    Named,
    codes_named,
    ids_named,
    meters_named,
)
from usance.domain.metering.custom_sql import CUSTOM_SQL
from usance.resources.wire import Document


def named_in(entities: EntityRepository, org_id: str, asked: Document) -> Named:
    """What `asked` names and exists."""
    compounds = _by_id(entities, org_id, "compoundAggregation", ids_named(asked, COMPOUND_ID))
    found = (
        (code, entities.find_unique(org_id, "aggregation", "code", code)) for code in codes_named(compounds.values())
    )
    aggregations = _by_id(entities, org_id, "aggregation", ids_named(asked, AGGREGATION_ID))
    parts = {code: aggregation for code, aggregation in found if aggregation}
    queried = (
        one["meterId"] for one in (*aggregations.values(), *parts.values()) if one["aggregation"] == CUSTOM_SQL
    )  # a query may name any field of its meter
    meters = _by_id(entities, org_id, "meter", tuple(dict.fromkeys((*meters_named(asked), *queried))))
    return Named(meters, aggregations, compounds, parts)


def _by_id(entities: EntityRepository, org_id: str, type_: str, ids: tuple[str, ...]) -> dict[str, Document]:
    return {one["id"]: one for one in entities.get_many(org_id, type_, ids)} if ids else {}

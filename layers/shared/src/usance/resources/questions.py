"""Resources that hold a question about usage: what it names is gathered for its rules."""

from collections.abc import Callable

from usance.domain.catalog.proposal import Entity, Proposal
from usance.domain.catalog.usage_questions import (
    AGGREGATION_ID,
    COMPOUND_ID,
    Named,
    codes_named,
    ids_named,
    meters_named,
)
from usance.resources.resource import Related


def related_to(question: Callable[[Entity], Entity]) -> tuple[Related, ...]:
    """What to gather where `question` finds the question in an entity."""
    return (
        Related("meters", "meter", find=lambda proposal: {"id": meters_named(question(proposal.new))}),
        Related(
            "aggregations",
            "aggregation",
            find=lambda proposal: {"id": ids_named(question(proposal.new), AGGREGATION_ID)},
        ),
        Related(
            "compounds",
            "compoundAggregation",
            find=lambda proposal: {"id": ids_named(question(proposal.new), COMPOUND_ID)},
        ),
        Related("parts", "aggregation", find=lambda proposal: {"code": codes_named(proposal.many("compounds"))}),
    )


def named_by(proposal: Proposal) -> Named:
    """What was gathered by `related_to`."""
    return Named(
        meters={one["id"]: one for one in proposal.many("meters")},
        aggregations={one["id"]: one for one in proposal.many("aggregations")},
        compounds={one["id"]: one for one in proposal.many("compounds")},
        parts={one["code"]: one for one in proposal.many("parts")},
    )

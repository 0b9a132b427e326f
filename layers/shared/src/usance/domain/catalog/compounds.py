"""Rules of compound aggregations (metering.md 5)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from usance.domain.catalog.proposal import Entity, Proposal
from usance.domain.kernel.errors import InvalidInputError

if TYPE_CHECKING:  # only compounds need the language
    from usance.domain.expressions.tree import Expression

REFERENCES_MAX: Final = 15  # a transaction holds 100 rows; an update may need five for each
_PREFIX: Final = "aggregation."
_CUSTOM_FIELD_OWNERS: Final = frozenset({"organization", "meter", "account", "product"})


def codes_in_calculation(compound: Entity) -> Iterable[str]:
    """The codes of the aggregations that the calculation names; none when it is malformed."""
    try:
        return sorted(name.removeprefix(_PREFIX) for name in _names(compound) if name.startswith(_PREFIX))
    except InvalidInputError:
        return ()


def named_aggregations(proposal: Proposal) -> Mapping[str, Sequence[str]]:
    """Where to look for the aggregations of a compound."""
    return {"code": tuple(codes_in_calculation(proposal.new))}


def aggregations_of_pricing(proposal: Proposal) -> Mapping[str, Sequence[str]]:
    """Where to look for the aggregations of the compound that a pricing prices."""
    compound = proposal.one("compound")
    return {"code": tuple(codes_in_calculation(compound)) if compound else ()}


def compound_pricings(proposal: Proposal) -> Mapping[str, Sequence[str]]:
    """Where to look for the pricings of the compounds that use an aggregation."""
    return {"compoundAggregationId": [str(compound["id"]) for compound in proposal.many("compounds")]}


def ids_of_aggregations(proposal: Proposal) -> Iterable[str]:
    """The ids of the aggregations that the calculation names."""
    return (str(aggregation["id"]) for aggregation in proposal.many("aggregations"))


def check_calculation(proposal: Proposal) -> Mapping[str, Any]:
    """The calculation names simple aggregations that exist, by code, and custom fields; it looks nothing up."""
    from usance.domain.expressions.kinds import refuse_lookups

    refuse_lookups(_parsed(proposal.new))
    for name in sorted(_names(proposal.new)):
        owner, dot, _ = name.partition(".")
        if not name.startswith(_PREFIX) and not (dot and owner in _CUSTOM_FIELD_OWNERS):
            raise InvalidInputError(
                f"calculation: {name} is neither aggregation.<code> nor a custom field of "
                f"{', '.join(sorted(_CUSTOM_FIELD_OWNERS))}"
            )
    codes = tuple(codes_in_calculation(proposal.new))
    if len(codes) > REFERENCES_MAX:
        raise InvalidInputError(f"calculation: it names {len(codes)} aggregations; the limit is {REFERENCES_MAX}")
    known = {aggregation.get("code") for aggregation in proposal.many("aggregations")}
    for code in codes:
        if code not in known:
            raise InvalidInputError(f"calculation: there is no aggregation with the code {code}")
    return {}


def check_priced(proposal: Proposal) -> Mapping[str, Any]:
    """An update keeps every segment that a pricing uses, and the product while there are pricings."""
    offered = segments_of(proposal.many("aggregations"))
    for pricing in proposal.many("pricings") if proposal.old else ():
        name = pricing.get("code") or pricing["id"]
        if pricing.get("segment") and pricing["segment"] not in offered:
            raise InvalidInputError(f"calculation: the pricing {name} uses the segment {dict(pricing['segment'])}")
        if proposal.changed("productId") and "productId" in proposal.new:
            raise InvalidInputError(f"productId cannot change while the pricing {name} uses the compound aggregation")
    return {}


def offered_segments(proposal: Proposal) -> Mapping[str, Any]:
    """The segments that pricings of the compound may name, as its aggregations are now."""
    return {"segments": list(segments_of(proposal.many("aggregations")))}


def segments_of(aggregations: Sequence[Entity]) -> Sequence[Mapping[str, str]]:
    """The segments that all segmented aggregations share (metering.md, open question 23)."""
    segmented = [aggregation["segments"] for aggregation in aggregations if aggregation.get("segments")]
    if not segmented:
        return ()
    first, *others = segmented
    return [segment for segment in first if all(segment in other for other in others)]


def check_compounds(proposal: Proposal) -> Mapping[str, Any]:
    """An update of an aggregation keeps its code while compounds name it, and the segments that their pricings use."""
    if proposal.old is None:
        return {}
    compounds, new = proposal.many("compounds"), proposal.new
    if compounds and proposal.changed("code"):
        named = compounds[0].get("code") or compounds[0]["id"]
        raise InvalidInputError(f"code cannot change while the compound aggregation {named} uses it")
    before, after = proposal.old.get("segments", ()), new.get("segments", ())
    for pricing in proposal.many("compound_pricings"):
        segment = pricing.get("segment")
        if segment and segment in before and segment not in after:
            name = pricing.get("code") or pricing["id"]
            raise InvalidInputError(f"segments: the pricing {name} uses the segment {dict(segment)}")
        if segment and not before and after and segment not in after:
            raise InvalidInputError(f"segments: a compound aggregation is priced for the segment {dict(segment)}")
    return {}


def _names(compound: Entity) -> Iterable[str]:
    from usance.domain.expressions.tree import names

    return names(_parsed(compound))


def _parsed(compound: Entity) -> "Expression":
    from usance.domain.expressions.grammar import parse

    return parse(compound["calculation"])

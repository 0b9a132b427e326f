"""Read the pricings of a plan, and what their compound aggregations are calculated from."""

from collections.abc import Collection, Mapping, Sequence
from datetime import tzinfo
from typing import Any, Final

from usance.application.billing.catalogue import Catalogue
from usance.application.billing.convert_pricings import aggregation_of, compound_of, pricing_of
from usance.application.billing.values import number_of
from usance.domain.billing.compound import fields_used
from usance.domain.billing.pricings import Aggregation, Compound, FieldValue, Pricing
from usance.domain.catalog.compounds import codes_in_calculation
from usance.domain.kernel.errors import InvalidInputError
from usance.resources.wire import Document

CUSTOM_FIELDS: Final = ".customFields."  # what may stand between an entity and the name of its field


def pricings_of(catalogue: Catalogue, plan: Document, zone: tzinfo) -> tuple[Pricing, ...]:
    """The pricings of a plan and of its template, oldest first."""
    documents = catalogue.pricings_of(plan)
    catalogue.many("aggregation", (document.get("aggregationId") for document in documents))
    catalogue.many("compoundAggregation", (document.get("compoundAggregationId") for document in documents))
    config = catalogue.config()
    return tuple(pricing_of(document, _priced(catalogue, document), config, zone) for document in documents)


def _priced(catalogue: Catalogue, pricing: Document) -> Aggregation | Compound:
    """One value for all pricings that share it: a thousand segments have a pricing each."""
    if compound_id := pricing.get("compoundAggregationId"):
        return catalogue.remember(
            ("compound", compound_id),
            lambda: _compound(catalogue, catalogue.one("compoundAggregation", compound_id)),
        )
    return _simple(catalogue, catalogue.one("aggregation", pricing["aggregationId"]))


def _simple(catalogue: Catalogue, document: Document) -> Aggregation:
    return catalogue.remember(
        ("simple", document["id"]), lambda: aggregation_of(document, catalogue.meter_of_query(document))
    )


def _compound(catalogue: Catalogue, document: Document) -> Compound:
    codes = codes_in_calculation(document)
    return compound_of(document, tuple((code, _simple(catalogue, _named(catalogue, document, code))) for code in codes))


def _named(catalogue: Catalogue, compound: Document, code: str) -> Document:
    """The aggregation of a code, which is unique."""
    found = catalogue.remember(
        ("aggregation of code", code),
        lambda: catalogue.entities.find_unique(catalogue.org_id, "aggregation", "code", code),
    )
    if found is None:
        raise InvalidInputError(
            f"the compound aggregation {compound['id']} needs the aggregation {code}, which is gone"
        )
    return found


def custom_fields(
    catalogue: Catalogue, pricings: Sequence[Pricing], account: Document, product: Document
) -> Mapping[str, FieldValue]:
    """What the compound aggregations of `pricings` refer to, as `field_values` has it."""
    used = {
        name
        for pricing in pricings
        if isinstance(pricing.aggregation, Compound)
        for name in fields_used(pricing.aggregation.calculation)
    }
    return field_values(catalogue, used, {"account": account, "product": product})


def field_values(catalogue: Catalogue, used: Collection[str], own: Mapping[str, Document]) -> Mapping[str, FieldValue]:
    """The custom fields that calculations refer to, by the name they use; what is not set is absent.

    The value of the account or product in `own` comes before the organization's; a meter's is always the organization's
    (metering.md 5.1).
    """
    if not used:
        return {}
    defaults: Document = catalogue.remember(
        "custom fields", lambda: catalogue.entities.get(catalogue.org_id, "customField", catalogue.org_id) or {}
    )
    found: dict[str, FieldValue] = {}
    for name in sorted(used):
        entity, _, field = name.replace(CUSTOM_FIELDS, ".", 1).partition(".")
        values = {**defaults.get(entity, {}), **(own.get(entity, {}).get("customFields") or {})}
        if field in values:
            found[name] = _value(values[field])
    return found


def _value(value: Any) -> FieldValue:
    return value if isinstance(value, str) else number_of(value)

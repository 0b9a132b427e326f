"""Read what plans ask for counters, and what an account's counters stand at."""

from collections.abc import Mapping, Sequence
from datetime import tzinfo

from usance.application.billing.catalogue import Catalogue
from usance.application.billing.convert_charges import counter_of, counter_pricing_of, counter_value_of
from usance.domain.billing.counters import CounterPricing, CounterValue
from usance.resources.wire import Document


def counter_pricings(catalogue: Catalogue, plan: Document, zone: tzinfo) -> tuple[CounterPricing, ...]:
    """The counter pricings of a plan and of its template, oldest first."""
    documents = catalogue.counter_pricings_of(plan)
    catalogue.many("counter", (document["counterId"] for document in documents))
    return tuple(
        counter_pricing_of(document, counter_of(catalogue.one("counter", document["counterId"])), zone)
        for document in documents
    )


def counter_values(
    catalogue: Catalogue, account_id: str, pricings: Sequence[CounterPricing]
) -> Mapping[str, tuple[CounterValue, ...]]:
    """By priced counter that has been set on the account: its values, in order of their days."""
    wanted = {pricing.counter.id for pricing in pricings}
    if not wanted:
        return {}
    found: dict[str, list[CounterValue]] = {}
    documents = catalogue.entities.list_all(catalogue.org_id, "counterAdjustment", filters={"accountId": [account_id]})
    for document in documents:
        if document["counterId"] in wanted:
            found.setdefault(document["counterId"], []).append(counter_value_of(document))
    return {id_: tuple(sorted(values, key=lambda one: one.day)) for id_, values in sorted(found.items())}

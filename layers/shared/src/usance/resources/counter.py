"""Counters: quantities that are set, not measured, such as seats (metering.md 6)."""

from typing import Final

from usance.domain.catalog.counters import check_counter
from usance.resources.fields import Code, Id, Name, Noun
from usance.resources.meter import Unit
from usance.resources.resource import IDS, Dependant, Filter, Index, Ref, Related, Resource, Serial


class Counter(Noun):
    """A counter. Without `productId` it is global: it may price any plan."""

    name: Name
    code: Code | None = None
    unit: Unit
    product_id: Id | None = None


COUNTER: Final = Resource(
    type="counter",
    path="counters",
    model=Counter,
    title="Counter",
    unique=("code",),
    indexes=(Index("code"), Index("productId")),
    filters=(
        IDS,
        Filter("codes", "code", "Only the counters with these codes.", many=True),
        Filter("productId", "productId", "Only the counters of these products.", many=True),
    ),
    references=(Ref("productId", "product"),),
    related=(Related("pricings", "counterPricing", where={"counterId": "id"}),),
    rules=(check_counter,),
    serial=(Serial("product of counter", "id"),),
    dependants=(Dependant("counterPricing", "counterId"), Dependant("counterAdjustment", "counterId")),
    page_size_max=200,
)

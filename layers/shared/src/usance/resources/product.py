"""Products: what plans sell and usage belongs to."""

from typing import Final

from usance.resources.fields import Code, CustomFields, Name, Noun
from usance.resources.resource import IDS, Dependant, Resource


class Product(Noun):
    """A product."""

    name: Name
    code: Code
    custom_fields: CustomFields | None = None


PRODUCT: Final = Resource(
    type="product",
    path="products",
    model=Product,
    title="Product",
    unique=("code",),
    filters=(IDS,),
    dependants=(
        Dependant("meter", "productId"),
        Dependant("planTemplate", "productId"),
        Dependant("aggregation", "accountingProductId"),
        Dependant("pricing", "accountingProductId"),
        Dependant("plan", "accountingProductId"),
        Dependant("compoundAggregation", "productId"),
        Dependant("compoundAggregation", "accountingProductId"),
        Dependant("counter", "productId"),
        Dependant("counterPricing", "accountingProductId"),
        Dependant("planGroup", "accountingProductId"),
        Dependant("commitment", "productId", wide=True),
        Dependant("commitment", "accountingProductId"),
        Dependant("balance", "productId", wide=True),
        Dependant("balance", "accountingProductId"),
        Dependant("charge", "accountingProductId"),
    ),
    page_size_max=200,
)

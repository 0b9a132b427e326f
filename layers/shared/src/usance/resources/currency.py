"""Currencies of the organization (billing.md 2.8)."""

from typing import Annotated, Final, Literal

from pydantic import Field

from usance.domain.catalog.settings import check_currency
from usance.resources.fields import Identifier, Integral, Name, Noun
from usance.resources.resource import IDS, ORGANIZATION, Dependant, Filter, Index, Related, Resource


class Currency(Noun):
    """A currency, and how amounts in it are rounded."""

    name: Name
    code: Identifier | None = None
    archived: bool = False
    max_decimal_places: Annotated[int, Field(ge=0, le=5), Integral] = 2
    rounding_mode: Literal["UP", "DOWN", "CEILING", "FLOOR", "HALF_UP", "HALF_DOWN", "HALF_EVEN", "UNNECESSARY"] = (
        "HALF_UP"
    )


CURRENCY: Final = Resource(
    type="currency",
    path="picklists/currency",
    model=Currency,
    title="Currency",
    unique=("code",),
    indexes=(Index("code"), Index("archived")),
    filters=(
        IDS,
        Filter("codes", "code", "Only the currencies with these codes.", many=True),
        Filter(
            "archived", "archived", "Only the currencies that are archived, or only those that are not.", boolean=True
        ),
    ),
    related=(Related("configs", "organizationConfig", id_at=ORGANIZATION),),
    rules=(check_currency,),
    # Amounts in these are rounded as their currency says. Bills are not among them: theirs are rounded already, and for
    # the sake of those that a job wanted in another currency no bill has to pay for an index row.
    dependants=tuple(
        Dependant(type_, "currency", path="code")
        for type_ in (
            "organizationConfig",
            "account",
            "planTemplate",
            "planGroup",
            "commitment",
            "charge",
            "balance",
            "balanceChargeSchedule",
        )
    ),
)

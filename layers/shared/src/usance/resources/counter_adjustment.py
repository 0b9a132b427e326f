"""Counter adjustments: the value of a counter on an account from a day on (billing.md 4)."""

from typing import Annotated, Final

from pydantic import Field

from usance.domain.catalog.counters import adjustment_asked, check_adjustment_list
from usance.resources.fields import Day, Id, Noun, Whole
from usance.resources.resource import Filter, Index, Ref, Resource, Selection


class CounterAdjustment(Noun):
    """A counter adjustment. `value` is the new value, not a difference."""

    counter_id: Id
    account_id: Id
    date: Day
    value: Whole
    purchase_order_number: Annotated[str, Field(max_length=100)] | None = None


COUNTER_ADJUSTMENT: Final = Resource(
    type="counterAdjustment",
    path="counteradjustments",
    model=CounterAdjustment,
    title="Counter adjustment",
    unique=("counterId+accountId+date",),
    indexes=(Index("counterId"), Index("accountId")),
    filters=(
        Filter("counterId", "counterId", "The counter whose adjustments are wanted; required."),
        Filter("accountId", "accountId", "Only the adjustments on this account."),
    ),
    selection=Selection(
        {
            "date": {"type": "string", "description": "Only the adjustment of this day; needs accountId."},
            "dateStart": {"type": "string", "description": "Only from this day on; needs accountId."},
            "dateEnd": {"type": "string", "description": "Only before this day; needs accountId."},
            "endDateStart": {"type": "string", "description": "Only those that end on this day or later."},
            "endDateEnd": {"type": "string", "description": "Only those that end before this day."},
        },
        adjustment_asked,
    ),
    check_list=check_adjustment_list,
    order_by="date",
    references=(Ref("counterId", "counter"), Ref("accountId", "account")),
)

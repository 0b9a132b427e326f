"""The id of a line item: stays the same when the bill is calculated again, whatever other items come or go."""

from usance.domain.billing.items import Item
from usance.domain.kernel.ids import derived_id


def line_id(bill_id: str, item: Item) -> str:
    """The id of `item` on the bill."""
    origin = item.origin
    member = (origin.plan_group_id, origin.plan_id or "") if origin.plan_group_id else ()
    return derived_id(
        bill_id,
        item.type,
        origin.account_plan_id or (origin.plan_id if origin.summary else None) or "",
        item.pricing_id or item.charge_id or "",
        item.span.start.isoformat(),
        *member,
        *((origin.child.id,) if origin.child else ()),
        *((item.commitment_id or item.balance_id or "",) if item.pays_for or item.apart else ()),
        *((item.pays_for,) if item.pays_for else ()),
        *((item.apart,) if item.apart else ()),
    )

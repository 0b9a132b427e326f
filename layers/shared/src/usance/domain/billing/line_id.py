"""The id of a line item: stays the same when the bill is calculated again, whatever other items come or go."""

from usance.domain.billing.items import Item
from usance.domain.kernel.ids import derived_id


def line_id(bill_id: str, item: Item) -> str:
    """The id of `item` on the bill.

    In summary it stands for the charges of several account plans: of one plan, for one time, under one contract.
    """
    origin = item.origin
    summary = (item.span.end.isoformat(), origin.contract_id or "") if origin.summary else ()
    member = (origin.plan_group_id, origin.plan_id or "") if origin.plan_group_id else ()
    return derived_id(
        bill_id,
        item.type,
        origin.account_plan_id or (origin.plan_id if origin.summary else None) or "",
        item.pricing_id or item.charge_id or "",
        item.span.start.isoformat(),
        *summary,
        *member,
        *((origin.child.id,) if origin.child else ()),
        *((item.commitment_id or item.balance_id or "",) if item.pays_for or item.apart else ()),
        *((item.pays_for,) if item.pays_for else ()),
        *((item.apart,) if item.apart else ()),
    )

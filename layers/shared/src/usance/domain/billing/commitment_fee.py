"""What a commitment costs, on the bills that its schedule names (billing.md 8.2). No credit pays for it (section 11)."""

from collections.abc import Sequence

from usance.domain.billing.attached import Origin
from usance.domain.billing.context import Context
from usance.domain.billing.dated import Fee
from usance.domain.billing.items import Item, LineItemType, Working
from usance.domain.kernel.quantity import EXACT, ONE

DESCRIPTION = "Prepayment Fee"


def commitment_fees(context: Context, _: Sequence[Item]) -> Sequence[Item]:
    """The COMMITMENT_FEE items. A fee that others have paid already is an item of 0: so its bill is known to have it."""
    return [_item(context, fee) for fee in context.inputs.fees if fee.amount or fee.behind]


def _item(context: Context, fee: Fee) -> Item:
    due = EXACT.add(fee.amount, fee.behind)
    given = (("fee", fee.amount), ("behind", fee.behind))
    return Item(
        type=LineItemType.COMMITMENT_FEE,
        description=fee.description or DESCRIPTION,
        origin=Origin(fee.currency, contract_id=fee.contract_id),
        accounting_product=context.product(*fee.accounting_product_ids),
        span=fee.span,
        subtotal=context.inputs.terms.currency(fee.currency).round(due),
        quantity=ONE,
        units=ONE,
        unit="",
        average_unit_price=due,
        commitment_id=fee.commitment_id,
        apart=str(fee.number),
        workings=(Working("FEE_CAUGHT_UP", given, due),) if fee.behind else (),
    )

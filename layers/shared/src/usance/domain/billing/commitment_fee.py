"""What a commitment costs, on the bills that its schedule names (billing.md 8.2). No credit pays for it (section 11)."""

from collections.abc import Sequence

from usance.domain.billing.attached import Origin
from usance.domain.billing.context import Context
from usance.domain.billing.items import Item, LineItemType
from usance.domain.kernel.quantity import ONE

DESCRIPTION = "Prepayment Fee"


def commitment_fees(context: Context, _: Sequence[Item]) -> Sequence[Item]:
    """The COMMITMENT_FEE items."""
    return [
        Item(
            type=LineItemType.COMMITMENT_FEE,
            description=fee.description or DESCRIPTION,
            origin=Origin(fee.currency, contract_id=fee.contract_id),
            accounting_product=context.product(*fee.accounting_product_ids),
            span=fee.span,
            subtotal=context.inputs.terms.currency(fee.currency).round(fee.amount),
            quantity=ONE,
            units=ONE,
            unit="",
            average_unit_price=fee.amount,
            commitment_id=fee.commitment_id,
            apart=str(fee.number),
        )
        for fee in context.inputs.fees
        if fee.amount
    ]

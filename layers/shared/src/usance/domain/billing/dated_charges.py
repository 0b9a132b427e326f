"""Charges that stand on a bill of their own date: ad hoc charges and fees of balances (billing.md 10, W21)."""

from collections.abc import Sequence

from usance.domain.billing.attached import Origin
from usance.domain.billing.context import Context
from usance.domain.billing.dated import Charge
from usance.domain.billing.items import Item, LineItemType, Working


def ad_hoc_charges(context: Context, _: Sequence[Item]) -> Sequence[Item]:
    """The AD_HOC items."""
    return [_item(context, charge, LineItemType.AD_HOC) for charge in context.inputs.charges if not charge.balance_id]


def balance_fees(context: Context, _: Sequence[Item]) -> Sequence[Item]:
    """The BALANCE_FEE items. They come last: no credit pays for them (billing.md 11)."""
    return [_item(context, charge, LineItemType.BALANCE_FEE) for charge in context.inputs.charges if charge.balance_id]


def _item(context: Context, charge: Charge, kind: LineItemType) -> Item:
    exact = charge.units * charge.unit_price
    return Item(
        type=kind,
        description=charge.description,
        origin=Origin(charge.currency, contract_id=charge.contract_id),
        accounting_product=context.product(charge.accounting_product_id),
        span=charge.span,
        subtotal=context.inputs.terms.currency(charge.currency).round(exact),
        quantity=charge.units,
        units=charge.units,
        unit="",
        average_unit_price=charge.unit_price,
        charge_id=charge.id,
        balance_id=charge.balance_id,
        workings=(Working("MULTIPLIED", (("units", charge.units), ("unitPrice", charge.unit_price)), exact),),
    )

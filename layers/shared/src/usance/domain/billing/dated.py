"""Charges of dates of their own, and fees of commitments."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from usance.domain.kernel.period import Instants
from usance.domain.kernel.quantity import ZERO


@dataclass(frozen=True, slots=True)
class Charge:
    """A charge of its own date: `units` at `unit_price`, an amount being one unit. With `balance_id` it is a fee.

    `bill_id` is the bill that it is on already.
    """

    id: str
    description: str
    currency: str
    units: Decimal
    unit_price: Decimal
    span: Instants
    bill_id: str | None = None
    contract_id: str | None = None
    balance_id: str | None = None
    accounting_product_id: str | None = None


@dataclass(frozen=True, slots=True)
class Fee:
    """What a bill charges of a commitment: its `number`-th fee, from 0, on the bill of `day`.

    `since` is where the bill's period begins, when the fee is all that is on it. `behind` is what the bill charges beyond
    `amount`, since other bills have less of the commitment than its fees come to now; below 0 when they have more.
    Earlier dates of the commitment up to `after` are left to bills of their own; with None, none are.
    """

    commitment_id: str
    currency: str
    number: int
    day: date
    amount: Decimal
    span: Instants
    since: date
    description: str | None = None
    contract_id: str | None = None
    accounting_product_ids: tuple[str | None, ...] = ()
    behind: Decimal = ZERO
    after: date | None = None

"""What an account has paid for before: commitments and balances, as a bill may draw on them (billing.md 8, 9)."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from usance.domain.kernel.period import Instants
from usance.domain.kernel.quantity import ZERO


class CreditKind(StrEnum):
    """The words of creditApplicationOrder: a PREPAYMENT is a commitment."""

    PREPAYMENT = "PREPAYMENT"
    BALANCE = "BALANCE"


class Phase(StrEnum):
    """Which part of a credit's time a charge falls into: its own, or that of its rollover."""

    MAIN = "MAIN"
    ROLLOVER = "ROLLOVER"


@dataclass(frozen=True, slots=True)
class Rollover:
    """What stays usable after a balance's end, until `end`: at most `left`, or with None everything that is left."""

    end: datetime
    left: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """A commitment or balance.

    `left` is in `currency`, may be below 0, and leaves out what the bill to decide drew before, so that deciding it
    again draws the same. `span` is the time of the charges that it pays for. Empty `product_ids` are all products.
    """

    kind: CreditKind
    id: str
    currency: str
    span: Instants
    left: Decimal
    line_item_types: frozenset[str]
    product_ids: frozenset[str] = frozenset()
    contract_id: str | None = None
    rollover: Rollover | None = None
    overdraft: bool = False
    surcharge_percent: Decimal = ZERO
    separate_overage: bool = False
    summary: bool = False
    draw_description: str | None = None
    overage_description: str | None = None
    accounting_product_ids: tuple[str | None, ...] = ()

    @property
    def commitment_id(self) -> str | None:
        """Its id as line items name it when it is a commitment."""
        return self.id if self.kind is CreditKind.PREPAYMENT else None

    @property
    def balance_id(self) -> str | None:
        """Its id as line items name it when it is a balance."""
        return self.id if self.kind is CreditKind.BALANCE else None

    @property
    def end(self) -> datetime:
        """When nothing of it can be used any more."""
        return self.rollover.end if self.rollover else self.span.end

    @property
    def edges(self) -> tuple[datetime, ...]:
        """Where its phases begin and end."""
        return self.span.start, self.span.end, self.end

    def phase(self, at: datetime) -> Phase | None:
        """The phase that `at` falls into, or None."""
        if self.span.start <= at < self.span.end:
            return Phase.MAIN
        return Phase.ROLLOVER if self.span.end <= at < self.end else None


@dataclass(frozen=True, slots=True)
class Draw:
    """What a bill takes off a credit: `amount`, above 0, in the credit's currency.

    `applied` is the beginning of the service that it pays for first.
    """

    kind: CreditKind
    credit_id: str
    phase: Phase
    amount: Decimal
    applied: datetime
    description: str

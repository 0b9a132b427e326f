"""What a locked bill would be now, and what is left to correct of it. Amounts are in the bill's currency."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Final

from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.quantity import EXACT, ZERO

CORRECTED_MAX: Final = 5_000  # line items of one correction: they are line items of the bill that takes it, too


@dataclass(frozen=True, slots=True)
class Difference:
    """A line item that came to `billed`, would come to `recalculated`, and of which `corrected` is on later bills."""

    line_id: str
    billed: Decimal
    recalculated: Decimal
    corrected: Decimal

    @property
    def left(self) -> Decimal:
        """What is left to correct: a debit above 0, a credit below."""
        with localcontext(EXACT):
            return self.recalculated - self.billed - self.corrected


def differences(
    billed: Mapping[str, Decimal], recalculated: Mapping[str, Decimal], corrected: Mapping[str, Decimal]
) -> Sequence[Difference]:
    """By line item, in the order of the bill and then of what is new: those with anything left to correct."""
    found = (
        Difference(id_, billed.get(id_, ZERO), recalculated.get(id_, ZERO), corrected.get(id_, ZERO))
        for id_ in dict.fromkeys([*billed, *recalculated, *corrected])
    )
    return [one for one in found if one.left]


def check_size(count: int) -> None:
    """`InvalidInputError` when one bill would have to take too many corrections."""
    if count > CORRECTED_MAX:
        raise InvalidInputError(
            f"{count} line items are to be corrected, and one bill takes at most {CORRECTED_MAX}; add a credit or debit "
            "line item of their total instead"
        )

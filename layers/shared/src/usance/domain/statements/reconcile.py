"""What of the usage that a statement shows is not on the bill, because it came after the bill was calculated."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, localcontext
from typing import Final

from usance.domain.kernel.quantity import EXACT, ZERO
from usance.domain.statements.breakdown import breakdown
from usance.domain.statements.definition import Definition
from usance.domain.statements.line import BilledLine
from usance.domain.statements.statement import StatementLine, UsageRow, plain

ADDITIVE: Final = frozenset({"SUM", "COUNT"})  # the rows of other methods do not add up to the whole


def reconciled(
    definition: Definition,
    lines: Sequence[BilledLine],
    usage: Mapping[str, Sequence[UsageRow]],
    shown_with: Mapping[str, Decimal],
) -> Sequence[StatementLine]:
    """`lines` with their rows of `usage`, and what these show beyond the bill; rows less that are what is on the bill.

    That is the quantity of a line and of those that are shown with it: `shown_with`. Both mappings are by line id.
    """
    with localcontext(EXACT):
        billed = {line.id: line.quantity + shown_with.get(line.id, ZERO) for line in lines}
    found = [(line, usage.get(line.id, ())) for line in lines]
    return [StatementLine(line, rows, _not_on_bill(definition, line, rows, billed[line.id])) for line, rows in found]


def _not_on_bill(definition: Definition, line: BilledLine, rows: Sequence[UsageRow], billed: Decimal) -> Decimal | None:
    """None where rows say nothing about the quantity: not additive, filtered, or none and the default is billed."""
    metered = line.metered
    if metered is None or metered.method not in ADDITIVE or breakdown(definition, metered).filters:
        return None
    if not rows and metered.default_value == billed:
        return None
    own = (metered.target_field, metered.method)
    with localcontext(EXACT):
        return plain(sum((row.measures.get(own, ZERO) for row in rows), ZERO) - billed)

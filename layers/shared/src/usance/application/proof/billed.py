"""Hold what bills counted against the stored measurements, counted again."""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from usance.application.exports.files import cell
from usance.application.ports.usage_log import UsageScope
from usance.application.proof.bills import AccountBills
from usance.application.proof.charges import Charge, pieces_of
from usance.application.proof.findings import Cause, Difference, Figure, Findings, NotCompared, Stage
from usance.application.proof.read_usage import Opened, ScopeUsage
from usance.domain.billing.pool import Piece
from usance.domain.billing.recount import Recount
from usance.domain.billing.usage import UsageQuery
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.period import Instants
from usance.domain.kernel.quantity import ZERO
from usance.domain.metering.aggregation import total
from usance.domain.metering.instants import LATEST, microseconds, months_between
from usance.resources.wire import Document

MONTHS_MAX: Final = 14  # of a line item: a year of any time zone; the months are read

ReadUsage = Callable[[UsageScope, Sequence[str]], ScopeUsage]
"""Takes a meter with an account, and months, and answers what was used then."""


@dataclass(frozen=True, slots=True)
class Billed:
    """`lines` are those compared; the counts are of measurements of the period that count."""

    lines: Sequence[Document]
    measurements: int
    without_price: int
    without_bill: int


def months_of(charges: Sequence[Charge], scope: UsageScope) -> Sequence[str]:
    """The months of a scope's usage that charges count."""
    return sorted({month for charge in charges for span in charge.spans(scope) for month in _months(span)})


def comparable(bills: AccountBills, scope: UsageScope, findings: Findings) -> Sequence[Charge]:
    """The charges of a meter on bills of the scope's account; what cannot be compared goes to `findings`."""
    reasons = [reason for meter_id, reason in bills.problems if meter_id in {"", scope.meter_id}]
    findings.not_compared += [NotCompared(Stage.BILLED, scope, reason) for reason in reasons]
    found = []
    for charge in (charge for charge in bills.charges if charge.meter_id == scope.meter_id):
        try:
            for query in charge.queries():
                Recount(query)
                if len(_months(query.span)) > MONTHS_MAX:
                    _refuse(f"a service period of more than {MONTHS_MAX} months is not recounted")
        except InvalidInputError as refused:
            findings.not_compared.append(_not_compared(scope, charge, refused.message))
        else:
            found.append(charge)
    return found


def prove_bills(
    scope: UsageScope, charges: Sequence[Charge], read: ReadUsage, findings: Findings
) -> Sequence[Document]:
    """Compare what comparable charges count; those line items, with what differs in `findings`."""
    lines: list[Document] = []
    counts = _counted(scope.org_id, charges, read)
    for charge in charges:
        whose = UsageScope(scope.org_id, scope.meter_id, charge.account_id)
        try:
            value = _value(charge, counts)
        except InvalidInputError as refused:
            findings.not_compared.append(_not_compared(whose, charge, refused.message))
            continue
        if charge.lines:
            lines.append(_line(charge, value))
        if not charge.lines and value is not None:
            findings.differences.append(_not_billed(whose, charge, value))
        elif charge.lines and value != charge.quantity:
            findings.differences.append(_difference(whose, charge, value, read))
    return lines


def covered(usage: ScopeUsage, bills: Sequence[AccountBills], lines: Sequence[Document]) -> Billed:
    """How many measurements of the period line items account for, on bills of the account or its parent."""
    scope = usage.scope
    of_lines = _Cover([span for own in bills for charge in own.charges if charge.lines for span in charge.spans(scope)])
    of_bills = _Cover([span for own in bills for span in own.spans])
    measurements = without_price = without_bill = 0
    for opened in usage.opened():
        if opened.month not in usage.months:
            continue
        for row in opened.counting:
            ts = opened.columns.ts[row]
            if of_lines.holds(ts):
                measurements += 1
            elif of_bills.holds(ts):
                without_price += 1
            else:
                without_bill += 1
    return Billed(lines, measurements, without_price, without_bill)


class _Refused:
    """In the place of a value: why there is none."""

    def __init__(self, message: str) -> None:
        self.message = message


_Recounts = dict[UsageQuery, Recount | _Refused]


def _counted(
    org_id: str, charges: Sequence[Charge], read: ReadUsage, until: datetime | None = None
) -> Mapping[UsageQuery, Decimal | _Refused | None]:
    """The value of each query, of what was received up to `until`; the usage of one scope is read at a time."""
    recounts: _Recounts = {}
    by_scope: dict[UsageScope, list[tuple[UsageQuery, Piece]]] = {}
    for charge in charges:
        for query in charge.queries():
            if query not in recounts:
                recounts[query] = Recount(query)
                for piece in pieces_of(query, charge.account_id):
                    whose = UsageScope(org_id, query.meter_id, piece.account_id)
                    by_scope.setdefault(whose, []).append((query, piece))
    latest = LATEST if until is None else microseconds(until)
    for scope, pieces in by_scope.items():
        for opened in read(scope, months_of(charges, scope)).opened():
            rows = [row for row in opened.counting if opened.received[row] <= latest]
            _feed(recounts, pieces, opened, rows)
    return {query: one.value() if isinstance(one, Recount) else one for query, one in recounts.items()}


def _feed(recounts: _Recounts, pieces: Sequence[tuple[UsageQuery, Piece]], opened: Opened, rows: Sequence[int]) -> None:
    for query, piece in pieces:
        recount = recounts[query]
        try:
            if isinstance(recount, Recount):
                recount.add(opened.columns, opened.received, rows, piece.span)
        except InvalidInputError as refused:
            recounts[query] = _Refused(refused.message)


def _value(charge: Charge, counts: Mapping[UsageQuery, Decimal | _Refused | None]) -> Decimal | None:
    """What line items must count; None when there should be none. `InvalidInputError` when it cannot be recounted."""
    known: dict[UsageQuery, Decimal | None] = {}
    for query in charge.queries():
        count = counts[query]
        if isinstance(count, _Refused):
            _refuse(count.message)
        else:
            known[query] = count
    values = [value for part in charge.parts if (value := part.value(known)) is not None]
    return total(values) if values else None


def _refuse(message: str) -> None:
    raise InvalidInputError(message)


def _difference(scope: UsageScope, charge: Charge, value: Decimal | None, read: ReadUsage) -> Difference:
    names = ", ".join(line["id"] for line in charge.lines)
    message = f"the line item {names} of the bill {charge.bill_id} does not count what is stored"
    cause = Cause.DIFFERENT
    if (
        charge.calculated
        and _value(charge, _counted(scope.org_id, [charge], read, charge.calculated)) == charge.quantity
    ):
        cause = Cause.LATE
        when = f"{charge.calculated:%Y-%m-%dT%H:%M:%SZ}"
        message += f"; it does count what was received before the bill was calculated at {when}"
    figure = Figure("quantity", ZERO if value is None else value, charge.quantity)
    return Difference(Stage.BILLED, cause, scope, message, [figure])


def _not_billed(scope: UsageScope, charge: Charge, value: Decimal) -> Difference:
    query = charge.parts[0].queries[0]
    span = f"from {query.span.start:%Y-%m-%dT%H:%MZ} to {query.span.end:%Y-%m-%dT%H:%MZ}"
    what = "has no line item" if charge.calculated else "does not exist, which would have a line item"
    message = f"the bill {charge.bill_id} {what} for the aggregation {query.aggregation_id} {span}"
    return Difference(Stage.BILLED, Cause.NOT_BILLED, scope, message, [Figure("quantity", value, ZERO)])


def _not_compared(scope: UsageScope, charge: Charge, reason: str) -> NotCompared:
    query = charge.parts[0].queries[0]
    where = f"aggregation {query.aggregation_id} from {query.span.start:%Y-%m-%d} on the bill {charge.bill_id}"
    return NotCompared(Stage.BILLED, scope, f"{where}: {reason}")


class _Cover:
    """Instants that any of some spans holds."""

    def __init__(self, spans: Sequence[Instants]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for low, high in sorted((microseconds(span.start), microseconds(span.end)) for span in spans):
            if self._ends and low <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], high)
            else:
                self._starts.append(low)
                self._ends.append(high)

    def holds(self, instant: int) -> bool:
        at = bisect_right(self._starts, instant) - 1
        return at >= 0 and instant < self._ends[at]


def _line(charge: Charge, value: Decimal | None) -> Document:
    return {
        "billId": charge.bill_id,
        "lineItemIds": [line["id"] for line in charge.lines],
        "aggregationId": charge.parts[0].queries[0].aggregation_id,
        "quantity": cell(charge.quantity),
        "recounted": cell(value),
    }


def _months(span: Instants) -> Sequence[str]:
    return months_between(microseconds(span.start), microseconds(span.end))

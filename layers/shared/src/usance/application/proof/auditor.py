"""An audit at work: it compares all stages of one account after the other, and writes the report."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from usance.application.billing.catalogue import Catalogue
from usance.application.exports.files import cell
from usance.application.ports.read_budget import TooMuchUsageError
from usance.application.ports.usage_log import UsageScope
from usance.application.proof.billed import Billed, comparable, covered, months_of, prove_bills
from usance.application.proof.bills import AccountBills, bills_of
from usance.application.proof.exported import Export, UnreadableExportError
from usance.application.proof.findings import (
    Cause,
    Difference,
    Findings,
    NotCompared,
    Stage,
    differing,
    scope_names,
)
from usance.application.proof.period import AuditPeriod
from usance.application.proof.ports import ProofPorts
from usance.application.proof.read_usage import ScopeUsage, read_scope
from usance.application.usage.measurement_rows import codes
from usance.domain.kernel.errors import InvalidInputError, NotFoundError
from usance.domain.metering.aggregation import plain
from usance.domain.metering.instants import microseconds
from usance.domain.metering.tally import Tally
from usance.resources import instants
from usance.resources.wire import Document

ACCOUNTS_KNOWN_MAX: Final = 100  # parents come again with each of their children
CLEAN: Final = "CLEAN"
DIFFERENT: Final = "DIFFERENT"
NOT_COVERED: Final = (
    "requests that wait in the ingest queue or its dead-letter queue (IngestMode buffered), until they are stored",
    "measurements that were kept out with an event ingest.validation.failure: they are no usage",
    "how quantities were rated: an audit counts, it does not price",
)


@dataclass(frozen=True, slots=True)
class Audit:
    """What to prove. A part that goes on from another names its digest and the account that it ended with."""

    org_id: str
    period: AuditPeriod
    export_job_id: str | None = None
    requested_by: str | None = None
    part: int = 1
    follows: str | None = None
    after: str = ""  # the account that the part before ended with


class Auditor:
    """A report in the making."""

    def __init__(self, ports: ProofPorts, asked: Audit, export: Export, until: datetime) -> None:
        self._ports, self._asked, self._export, self._until = ports, asked, export, until
        self._catalogue = Catalogue(ports.entities, asked.org_id)
        self._seen: list[UsageScope] = []
        self._rows: list[tuple[UsageScope, Document]] = []
        self._findings = Findings()
        self._told: set[str] = set()
        self._known_bills: dict[str, AccountBills] = {}

    @property
    def scopes(self) -> int:
        """How many have been compared."""
        return len(self._seen)

    def prove(self, account_id: str, meter_ids: Iterable[str]) -> None:
        """Compare all stages of an account's meters, and of those that it was or should be billed for."""
        bills = self._bills(account_id)
        parent = self._parent_of(account_id)
        for meter_id in sorted({*meter_ids, *bills.meter_ids()}):
            scope = UsageScope(self._asked.org_id, meter_id, account_id)
            self._seen.append(scope)
            try:
                self._prove(scope, [bills, *([self._bills(parent)] if parent else [])])
            except TooMuchUsageError as refused:
                self._findings.not_compared += [NotCompared(stage, scope, refused.message) for stage in Stage]

    def _prove(self, scope: UsageScope, bills: Sequence[AccountBills]) -> None:
        charges = comparable(bills[0], scope, self._findings)
        around = months_of(charges, scope)
        usage = read_scope(self._ports.ledger, scope, self._asked.period.months, around, self._until)

        def read(other: UsageScope, months: Sequence[str]) -> ScopeUsage:
            if other == scope:
                return usage
            return read_scope(self._ports.ledger, other, (), months, self._until)

        self._findings.differences += usage.differences
        copies = usage.copies()
        counted = usage.stored.minus(copies)
        exported = self._exported(usage, counted)
        lines = prove_bills(scope, charges, read, self._findings)
        if usage.accepted.count or usage.stored.count or (exported and exported.count) or lines:
            self._rows.append((scope, _row(usage, copies, counted, exported, covered(usage, bills, lines))))

    def _bills(self, account_id: str) -> AccountBills:
        if account_id not in self._known_bills:
            if len(self._known_bills) >= ACCOUNTS_KNOWN_MAX:
                self._known_bills.clear()
            found = bills_of(self._ports, self._catalogue, account_id, self._asked.period)
            self._known_bills[account_id] = found
        return self._known_bills[account_id]

    def _parent_of(self, account_id: str) -> str | None:
        account = self._ports.entities.get(self._asked.org_id, "account", account_id)
        return account.get("parentAccountId") if account else None

    def report(self, id_: str, made_at: str, *, complete: bool) -> Document:
        """The document to sign."""
        asked, entities = self._asked, self._ports.entities
        names = {
            **codes(entities, asked.org_id, "meter", (scope.meter_id for scope in self._seen)),
            **codes(entities, asked.org_id, "account", (scope.account_id for scope in self._seen)),
        }
        return {
            "id": id_,
            "orgId": asked.org_id,
            "firstDay": asked.period.first_day.isoformat(),
            "lastDay": asked.period.last_day.isoformat(),
            "madeAt": made_at,
            "receivedUntil": instants.to_text(self._until),
            "requestedBy": asked.requested_by,
            "part": asked.part,
            "follows": asked.follows,
            "complete": complete,
            "export": self._export.source,
            "verdict": DIFFERENT if self._findings.differences else CLEAN,
            "usage": [{**scope_names(scope, names), **row} for scope, row in self._rows],
            "differences": [one.document(names) for one in self._findings.differences],
            "notCompared": [one.document(names) for one in self._findings.not_compared],
            "notCovered": list(NOT_COVERED),
        }

    def _exported(self, usage: ScopeUsage, counted: Tally) -> Tally | None:
        """What the export holds of the scope, compared with what counts; None when it cannot be compared."""
        scope = usage.scope
        try:
            exported = self._export.tally(scope)
        except UnreadableExportError as unreadable:
            if str(unreadable) not in self._told:  # a file of many scopes
                self._told.add(str(unreadable))
                self._differs(Cause.UNREADABLE, scope, str(unreadable), counted, Tally())
            self._findings.not_compared.append(NotCompared(Stage.EXPORTED, scope, "the export cannot be read"))
            return None
        except (InvalidInputError, NotFoundError) as refused:
            self._findings.not_compared.append(NotCompared(Stage.EXPORTED, scope, refused.message))
            return None
        if exported == counted:
            return exported
        started = self._export.started_at
        if started and usage.counted(microseconds(started)) == exported:
            message = f"measurements were received after the export began at {instants.to_text(started)}"
            self._differs(Cause.LATE, scope, message, counted, exported)
            return exported
        cause = Cause.LOST if exported.count < counted.count else Cause.DIFFERENT
        self._differs(cause, scope, "the export does not hold what is stored and counts", counted, exported)
        return exported

    def _differs(self, cause: Cause, scope: UsageScope, message: str, expected: Tally, found: Tally) -> None:
        difference = Difference(Stage.EXPORTED, cause, scope, message, differing(expected, found))
        self._findings.differences.append(difference)


def _row(usage: ScopeUsage, copies: Tally, counted: Tally, exported: Tally | None, billed: Billed) -> Document:
    """The figures of a scope, stage by stage."""
    return {
        "accepted": _figures(usage.accepted),
        "stored": _figures(usage.stored),
        "repeated": _figures(copies),
        "counted": _figures(counted),
        "exported": None if exported is None else _figures(exported),
        "billed": {
            "measurements": billed.measurements,
            "withoutPrice": billed.without_price,
            "withoutBill": billed.without_bill,
            "lineItems": list(billed.lines),
        },
    }


def _figures(tally: Tally) -> Document:
    sums: Mapping[str, str] = {code: cell(plain(one.total)) for code, one in sorted(tally.numbers.items())}
    return {"measurements": tally.count, "sums": sums}

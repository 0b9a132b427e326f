"""Prove that accepted = stored = exported = billed, for an organization and a period; the report is kept, signed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from usance.application.proof.auditor import Audit, Auditor
from usance.application.proof.bills import accounts_billed
from usance.application.proof.exported import Export, Extent, export_of
from usance.application.proof.ports import ProofPorts
from usance.application.proof.report import signed
from usance.domain.kernel.errors import NotFoundError
from usance.resources import instants, wire
from usance.resources.wire import Document

SCOPES_MAX: Final = 2_000  # meters of accounts in one report, some 5 MB; the last account may go beyond
SETTLED_AFTER: Final = timedelta(minutes=15)  # the longest that a function runs: by then it is stored or refused
URL_VALID_FOR: Final = timedelta(hours=1)


def audit_usage(ports: ProofPorts, asked: Audit, *, time_is_up: Callable[[], bool]) -> Document:
    """Where the signed report is, its verdict, and `next`, from where another part must go on; None when it is complete.

    `InvalidInputError` names what cannot be audited, `NotFoundError` an organization that is not there.
    """
    if ports.entities.get(asked.org_id, "organizationConfig", asked.org_id) is None:
        raise NotFoundError(f"there is no organization {asked.org_id}")
    until = ports.clock.now() - SETTLED_AFTER
    export = export_of(ports, asked.org_id, Extent(asked.period, until), asked.export_job_id)
    meters = _meters_by_account(ports, asked, export)
    waiting = sorted(account_id for account_id in meters if account_id > asked.after)
    auditor = Auditor(ports, asked, export, until)
    done = 0
    for account_id in waiting:
        auditor.prove(account_id, meters[account_id])
        done += 1
        if time_is_up() or auditor.scopes >= SCOPES_MAX:
            break
    rest = waiting[done:]
    now = ports.clock.now()
    report = auditor.report(ports.ids.new(), instants.to_text(now), complete=not rest)
    envelope = signed(ports.secrets, report, now)
    key = f"{asked.org_id}/audits/{asked.period.first_day}_{asked.period.last_day}/{report['id']}.json"
    ports.blobs.put(key, wire.dumps(envelope), "application/json")
    url = ports.blobs.download_url(key, valid_for=URL_VALID_FOR, file_name=f"audit-{report['id']}.json")
    summary = {name: report[name] for name in ("id", "verdict", "part", "complete")}
    following = None
    if rest:
        following = {"part": asked.part + 1, "follows": envelope["digest"], "after": waiting[done - 1]}
    return {**summary, "key": key, "digest": envelope["digest"], "downloadUrl": url, "next": following}


def _meters_by_account(ports: ProofPorts, asked: Audit, export: Export) -> dict[str, set[str]]:
    """Accounts with their meters: by the store, by the export, and by the bills, which may know what the store has lost."""
    found: dict[str, set[str]] = {}
    for scope in (*ports.usage.scopes(asked.org_id, asked.period.start, asked.period.end), *export.scopes()):
        found.setdefault(scope.account_id, set()).add(scope.meter_id)
    for account_id in accounts_billed(ports, asked.org_id, asked.period):
        found.setdefault(account_id, set())
    return found

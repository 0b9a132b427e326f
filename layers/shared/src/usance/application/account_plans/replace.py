"""Replace an account plan: the old one ends where the new one starts (billing.md 5.3)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from usance.application.access.authorize import require
from usance.application.audit import check_version, created, updated
from usance.application.entities.find import find
from usance.application.entities.ports import EntityPorts
from usance.application.entities.prepare import prepare
from usance.application.ports.entities import Guard, StaleGuardError
from usance.domain.access import Action, Caller
from usance.domain.catalog.moments import instant
from usance.domain.kernel.errors import InvalidInputError, UnavailableError
from usance.resources.account_plan import ACCOUNT_PLAN
from usance.resources.validation import document_of, validated
from usance.resources.wire import Document

ATTEMPTS_MAX: Final = 10  # rivals for one account; each round lets one of them pass


def replace_account_plan(ports: EntityPorts, caller: Caller, id_: str, body: Mapping[str, Any]) -> Document:
    """`originalAccountPlan`, which now ends where `newAccountPlan` starts; both in one transaction, or neither.

    `body` is the new account plan; without an `accountId` it is on the same account. A `version` is that of the original.
    `InvalidInputError` when the new one does not start inside the original, or breaks a rule of account plans.
    """
    require(caller, Action.CONFIG_UPDATE, ACCOUNT_PLAN.type, id_)
    require(caller, Action.CONFIG_CREATE, ACCOUNT_PLAN.type)
    old = find(ports, caller.org_id, ACCOUNT_PLAN, id_)
    sent = document_of(validated(ACCOUNT_PLAN.model, {"accountId": old["accountId"], **body}))
    if sent["accountId"] != old["accountId"]:
        raise InvalidInputError(f"accountId: the account plan {id_} is of the account {old['accountId']}")
    for _ in range(ATTEMPTS_MAX):
        if "version" in body:
            check_version(body["version"], old, ACCOUNT_PLAN.type)
        _check_runs(old, at=sent["startDate"])
        try:
            return _replaced(ports, caller, old, sent)
        except StaleGuardError:
            old = find(ports, caller.org_id, ACCOUNT_PLAN, id_)
    raise UnavailableError("others keep changing the plans of the account; repeat the request")


def _replaced(ports: EntityPorts, caller: Caller, old: Document, sent: Document) -> Document:
    now = ports.clock.now()
    kept = {name: value for name, value in old.items() if name not in {"id", "version"}}
    ended = updated({**kept, "endDate": sent["startDate"]}, old, caller.audit_name, now)
    ending = prepare(ports, caller.org_id, ACCOUNT_PLAN, ended, old)
    new = created(sent, ports.ids.new(), caller.audit_name, now)
    making = prepare(ports, caller.org_id, ACCOUNT_PLAN, new, None, beside=[ending.document])
    _check_seen_together(ending.guards, making.guards)
    ports.entities.commit(caller.org_id, [ending, making])
    return {"originalAccountPlan": ending.document, "newAccountPlan": making.document}


def _check_runs(old: Document, *, at: str) -> None:
    """A replacement shortens the original: one that ended before would become longer, and be billed for a gap.

    Nothing would be left of one that starts no earlier.
    """
    if instant(at) <= instant(old["startDate"]):
        raise InvalidInputError(
            f"startDate must be later than {old['startDate']}, where the account plan {old['id']} starts; to have nothing of "
            "that, delete it and create the new account plan"
        )
    if "endDate" in old and instant(old["endDate"]) < instant(at):
        raise InvalidInputError(
            f"startDate: the account plan {old['id']} ends before, at {old['endDate']}; start there or earlier, "
            "or create the new account plan by itself"
        )


def _check_seen_together(first: Sequence[Guard], second: Sequence[Guard]) -> None:
    """The two decisions are one: nothing may have changed between them."""
    seen = {guard.name: guard.seen for guard in first}
    if any(seen.get(guard.name, guard.seen) != guard.seen for guard in second):
        raise StaleGuardError("the plans of the account changed meanwhile")

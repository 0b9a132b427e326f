"""Which changes an integration configuration lets through, by the common options of its `configData` (platform.md 10.1)."""

from collections.abc import Mapping
from typing import Any, Final

from usance.domain.integrations.invoice import APPROVED
from usance.domain.integrations.system import BILL, Setting
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.notifications.changes import HOLDERS, Change, ChangeKind

ACCOUNTS: Final = "accountIds"
RESTRICTED_ACCOUNTS: Final = "restrictedAccountIds"
ON_APPROVAL: Final = "onlySendBillOnApproval"
TOLD_WHEN_DISABLED: Final = "disabledNotificationUserIds"
LISTED_MAX: Final = 1_000  # accounts that one configuration names
TOLD_MAX: Final = 20  # messages that are sent while a run is settled
_LISTS: Final = {ACCOUNTS: LISTED_MAX, RESTRICTED_ACCOUNTS: LISTED_MAX, TOLD_WHEN_DISABLED: TOLD_MAX}
COMMON: Final = (
    Setting(ACCOUNTS, "Only these accounts", kind="array"),
    Setting(RESTRICTED_ACCOUNTS, "Not these accounts", kind="array"),
    Setting(TOLD_WHEN_DISABLED, "Users who are told when it is disabled", kind="array"),
)
COMMON_TO_BILLS: Final = (*COMMON, Setting(ON_APPROVAL, "Only send bill on approval", kind="boolean"))

# Of a change that touches nothing but these, no invoice has to know.
_AUDIT: Final = frozenset({"version", "dtLastModified", "lastModifiedBy"})
_ASIDE: Final = frozenset(
    {"jsonStatementGenerated", "csvStatementGenerated", "statementStale", "locked", "dtLocked", "lockedBy"}
)


def allows(options: Mapping[str, Any], account_id: str | None) -> bool:
    """Whether the entities of an account are sent: it is on the list of allowed ones, if there is one, and not restricted."""
    allowed, restricted = options.get(ACCOUNTS) or (), options.get(RESTRICTED_ACCOUNTS) or ()
    return (not allowed or account_id in allowed) and account_id not in restricted


def waits_for_approval(options: Mapping[str, Any], bill: Mapping[str, Any]) -> bool:
    """Whether the bill is not to be sent yet."""
    return bool(options.get(ON_APPROVAL)) and bill["status"] != APPROVED


def lets_through(options: Mapping[str, Any], change: Change, account_id: str | None) -> bool:
    """Whether a change, which concerns the account, is to be brought to the external system.

    Deletions are, since the entity may be there; but not that of a transaction together with its balance where accounts are
    restricted: whose it was is not known any more.
    """
    if not allows(options, account_id) or (
        account_id is None and options.get(RESTRICTED_ACCOUNTS) and "balanceId" in HOLDERS.get(change.type, {})
    ):
        return False
    if change.type != BILL.lower() or change.kind is ChangeKind.DELETED:
        return True
    return not waits_for_approval(options, change.entity) and not _is_aside(change)


def _is_aside(change: Change) -> bool:
    old, new = change.old or {}, change.new or {}
    differing = {name for name in {*old, *new} if old.get(name) != new.get(name)}
    return bool(differing & _ASIDE) and differing <= _ASIDE | _AUDIT


def check_options(options: Mapping[str, Any]) -> None:
    """`InvalidInputError` when a common option is not of its kind."""
    for name, most in _LISTS.items():
        listed = options.get(name, [])
        if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
            raise InvalidInputError(f"configData.{name} must be a list of ids")
        if len(listed) > most:
            raise InvalidInputError(f"configData.{name} has {len(listed)} ids; the limit is {most}")
    if not isinstance(options.get(ON_APPROVAL, False), bool):
        raise InvalidInputError(f"configData.{ON_APPROVAL} must be true or false")

"""The organization's billing configuration: the date up to which every bill is locked (billing.md 12.7)."""

from typing import Final

from usance.application.access.authorize import require
from usance.application.audit import created, updated
from usance.application.billing.close import put_config
from usance.application.billing.lock_date import BILL_CONFIG
from usance.application.billing.stores import BillingStores
from usance.application.billing.values import optional_day
from usance.application.ports.entities import Put
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import VersionConflictError
from usance.resources.wire import Document

FIRST: Final = 1  # the version of a configuration that nobody has changed


def get_bill_config(stores: BillingStores, caller: Caller) -> Document:
    """The configuration; before the first change it is empty, version 1 as of everything else."""
    require(caller, Action.CONFIG_RETRIEVE, BILL_CONFIG)
    found = stores.entities.get(caller.org_id, BILL_CONFIG, caller.org_id)
    return found or {"id": caller.org_id, "version": FIRST}


def update_bill_config(stores: BillingStores, caller: Caller, request: Document) -> Document:
    """The new configuration. A date moved back, or left out, frees the bills after it that are not locked themselves.

    `request` is a validated `BillConfigRequest`; `version` may be left out. Raises `InvalidInputError` while a bill up
    to the date is pending, `VersionConflictError` for a stale version or while another request sets the date.
    """
    require(caller, Action.CONFIG_UPDATE, BILL_CONFIG)
    org_id, now = caller.org_id, stores.clock.now()
    old = stores.entities.get(org_id, BILL_CONFIG, org_id)
    current = int(old["version"]) if old else FIRST
    if request.get("version", current) != current:
        raise VersionConflictError(f"version {request['version']} is not the current version {current}; read it again")
    lock_date = optional_day(request.get("billLockDate"))
    body = {"billLockDate": lock_date.isoformat()} if lock_date else {}
    new = created(body, org_id, caller.audit_name, now)
    document = updated(body, old, caller.audit_name, now) if old else {**new, "version": FIRST + 1}
    put_config(stores, org_id, Put(BILL_CONFIG, document, current if old else None), lock_date)
    return document

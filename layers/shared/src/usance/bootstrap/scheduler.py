"""What the schedules run on."""

from dataclasses import dataclass
from functools import cache

from usance.application.billing.stores import BillingStores
from usance.application.exports.ports import ExportPorts
from usance.application.notifications.raise_scheduled import Raising
from usance.bootstrap import stores
from usance.bootstrap.billing import billing_stores
from usance.bootstrap.exports import export_ports
from usance.bootstrap.notifications import notification_stores


@dataclass(frozen=True, slots=True)
class Scheduler:
    """For billing, for exports, and for events."""

    billing: BillingStores
    exports: ExportPorts
    events: Raising


@cache
def build_scheduler() -> Scheduler:
    """That of this deployment."""
    return Scheduler(billing_stores(), export_ports(), Raising(notification_stores(), stores.bills()))

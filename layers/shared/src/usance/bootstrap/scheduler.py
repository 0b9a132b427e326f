"""What the schedules run on."""

from dataclasses import dataclass
from functools import cache

from usance.application.billing.stores import BillingStores
from usance.application.exports.ports import ExportPorts
from usance.bootstrap.billing import billing_stores
from usance.bootstrap.exports import export_ports


@dataclass(frozen=True, slots=True)
class Scheduler:
    """For billing, and for exports."""

    billing: BillingStores
    exports: ExportPorts


@cache
def build_scheduler() -> Scheduler:
    """That of this deployment."""
    return Scheduler(billing_stores(), export_ports())

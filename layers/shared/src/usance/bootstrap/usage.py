"""What questions about usage run on."""

from functools import cache

from usance.application.usage.ports import UsagePorts
from usance.bootstrap import stores


@cache
def usage_ports() -> UsagePorts:
    """Those of this deployment."""
    return UsagePorts(stores.entities(), stores.usage_explorer())

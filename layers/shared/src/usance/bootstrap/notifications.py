"""What turns changes into events and deliveries, and what reads them."""

from functools import cache

from usance.application.notifications.stores import Stores
from usance.bootstrap import stores


@cache
def notification_stores() -> Stores:
    """Those of this deployment."""
    return Stores(
        entities=stores.entities(), events=stores.events(), deliveries=stores.delivery_queue(), clock=stores.clock()
    )

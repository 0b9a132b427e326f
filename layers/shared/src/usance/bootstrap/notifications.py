"""What turns changes into events and deliveries, and what reads them."""

from dataclasses import dataclass
from functools import cache

from usance.application.notifications.stores import Stores
from usance.application.ports.bills import BillRepository
from usance.application.ports.entities import EntityRepository
from usance.application.ports.events import EventLog
from usance.bootstrap import stores


@dataclass(frozen=True, slots=True)
class ReadingStores:
    """What reading events and runs works on."""

    entities: EntityRepository
    events: EventLog


@cache
def reading_stores() -> ReadingStores:
    """Those of this deployment."""
    return ReadingStores(entities=stores.entities(), events=stores.events())


@cache
def notification_stores() -> Stores:
    """Those of this deployment."""
    return Stores(
        entities=stores.entities(),
        events=stores.events(),
        deliveries=stores.delivery_queue(),
        integrations=stores.integration_queue(),
        clock=stores.clock(),
    )


def sent_bills() -> BillRepository:
    """The bills that are sent to external systems."""
    return stores.bills()

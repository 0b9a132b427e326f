"""What turns changes into events and deliveries, and what reads them."""

import logging
from dataclasses import dataclass
from functools import cache

from usance.application.notifications.stores import Stores
from usance.application.notifications.tell_disabled import Notice
from usance.application.ports.bills import BillRepository
from usance.application.ports.clock import Clock
from usance.application.ports.entities import EntityRepository
from usance.application.ports.events import EventLog
from usance.bootstrap import stores
from usance.domain.kernel.errors import UsanceError


@dataclass(frozen=True, slots=True)
class ReadingStores:
    """What reading events and runs, and marking events, works on."""

    entities: EntityRepository
    events: EventLog
    clock: Clock


@cache
def reading_stores() -> ReadingStores:
    """Those of this deployment."""
    return ReadingStores(entities=stores.entities(), events=stores.events(), clock=stores.clock())


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


@cache
def notice() -> Notice:
    """How people are told that an integration was disabled."""
    return Notice(stores.entities(), stores.clock(), stores.mailer(), _not_sent)


def _not_sent(user_id: str, refused: UsanceError) -> None:
    logging.getLogger(__name__).error("the e-mail to the user %s was not sent: %s", user_id, refused.code)


def sent_bills() -> BillRepository:
    """The bills that are sent to external systems."""
    return stores.bills()

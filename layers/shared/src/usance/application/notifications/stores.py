"""What the use cases of notifications work on."""

from dataclasses import dataclass

from usance.application.ports.clock import Clock
from usance.application.ports.entities import EntityRepository
from usance.application.ports.events import EventLog
from usance.application.ports.queue import Queue


@dataclass(frozen=True, slots=True)
class Stores:
    """Entities, the log of events, the queues of deliveries to webhooks and to external systems, and the time."""

    entities: EntityRepository
    events: EventLog
    deliveries: Queue
    integrations: Queue
    clock: Clock

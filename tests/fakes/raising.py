"""What scheduled events are raised on."""

from typing import Any

from tests.fakes.events import FakeEventLog
from tests.fakes.organization import Organization
from tests.fakes.queue import FakeQueue
from usance.application.notifications.raise_scheduled import Raising
from usance.application.notifications.stores import Stores


def raising_of(org: Organization, bills: Any) -> Raising:
    """Of an organization, with a log and a queue of its own."""
    return Raising(Stores(org.store, FakeEventLog(org.clock), FakeQueue(), FakeQueue(), org.clock), bills)

"""Record an event and let the rules on it fire."""

from usance.application.notifications.evaluate_rules import evaluate_rules
from usance.application.notifications.stores import Stores
from usance.application.ports.events import Event


def publish_event(event: Event, stores: Stores) -> None:
    """Record `event`, then deliver what its rules ask for. Safe to repeat until it returns: nothing is doubled.

    The rules are evaluated even when the event was recorded before, since whoever recorded it may have been cut off.
    """
    stores.events.append(event)
    evaluate_rules(event, stores)

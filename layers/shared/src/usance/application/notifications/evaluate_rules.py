"""Which rules fire on an event (platform.md 7)."""

from usance.application.notifications.configurations import RULE_TYPE
from usance.application.notifications.fire_rule import NOTIFICATION, fire_rule
from usance.application.notifications.stores import Stores
from usance.application.ports.events import Event
from usance.domain.notifications.rules import fires


def evaluate_rules(event: Event, stores: Stores) -> None:
    """Fire every active rule on events of this name whose calculation is true.

    A rule never fires on the failure of its own delivery: that delivery would fail too, and so on for ever. Nor does any
    on what a rule fired, which bears the name of its cause.
    """
    if event.type == NOTIFICATION:
        return
    rules = stores.entities.list_all(event.org_id, RULE_TYPE, filters={"eventName": [event.name]})
    data = event.detail.get("eventData", {})
    for rule in rules:
        if rule["id"] != event.notification_id and fires(rule, data):
            fire_rule(rule, event, stores)

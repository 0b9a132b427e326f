"""What delivers webhooks, and what checks their addresses."""

from functools import cache

from usance.application.notifications.deliver_run import Deliverer
from usance.application.notifications.webhook_courier import WebhookCourier
from usance.application.ports.webhooks import WebhookSender
from usance.bootstrap import stores
from usance.bootstrap.notifications import notice, notification_stores
from usance.settings import Settings


@cache
def webhook_sender() -> WebhookSender:
    """The sender of this deployment, with the hosts that it allows."""
    from usance.adapters.webhook_sender import HttpWebhookSender

    return HttpWebhookSender(Settings().webhook_allowed_hosts)


@cache
def deliverer() -> Deliverer:
    """The deliverer of this deployment."""
    there = notification_stores()
    courier = WebhookCourier(there, webhook_sender(), stores.secrets(), Settings().webhook_header_prefix)
    return Deliverer(there, courier, stores.delivery_dead_letter_queue(), notice())

"""What delivers webhooks, and what checks their addresses."""

from functools import cache

from usance.application.notifications.deliver_webhook import Deliverer
from usance.application.ports.webhooks import WebhookSender
from usance.bootstrap import stores
from usance.bootstrap.notifications import notification_stores
from usance.settings import Settings


@cache
def webhook_sender() -> WebhookSender:
    """The sender of this deployment, with the hosts that it allows."""
    from usance.adapters.webhook_sender import HttpWebhookSender

    return HttpWebhookSender(Settings().webhook_allowed_hosts)


@cache
def deliverer() -> Deliverer:
    """The deliverer of this deployment."""
    return Deliverer(
        stores=notification_stores(),
        sender=webhook_sender(),
        secrets=stores.secrets(),
        dead_letters=stores.delivery_dead_letter_queue(),
        header_prefix=Settings().webhook_header_prefix,
    )

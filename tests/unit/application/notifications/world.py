"""An organization with a rule, a webhook, and everything between."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.fakes.queue import FakeQueue
from tests.fakes.webhooks import FakeWebhookSender
from tests.unit.application.notifications.delivering import Delivering
from usance.application.notifications.configurations import SEALED, put_configuration
from usance.application.notifications.deliver_run import Deliverer
from usance.application.notifications.stores import Stores
from usance.application.notifications.webhook_courier import WebhookCourier
from usance.application.ports.entities import Put
from usance.application.ports.webhooks import WebhookSender
from usance.domain.notifications.changes import Change
from usance.resources import instants, wire
from usance.resources.wire import Document


@dataclass
class World(Delivering):
    """The fakes, what stands in them, and what happens to them."""

    integrations: FakeQueue = field(default_factory=FakeQueue)
    sender: FakeWebhookSender = field(default_factory=FakeWebhookSender)

    def stores(self) -> Stores:
        """The stores, guarded by the fuse."""
        return self.stores_with(self.queue, self.integrations)

    def deliverer(self, sender: WebhookSender | None = None) -> Deliverer:
        """The deliverer, guarded by the fuse; a `sender` in place of the world's is not."""
        stores = self.stores()
        courier = WebhookCourier(stores, sender or self.fuse.guard(self.sender), self.secrets)
        return self.deliverer_by(stores, courier)

    def rule(self, id_: str = "rule", event: str = "billing.bill.updated", **more: Any) -> Document:
        """A rule that always fires, unless `more` says otherwise."""
        rule = {"id": id_, "version": 1, "code": f"{id_}_code", "name": id_, "description": "d", "eventName": event}
        rule = {**rule, "active": True, "alwaysFireEvent": True, **more}
        indexed = {"eventName": [event]}
        self.entities.commit(self.org, [Put("notificationConfiguration", rule, indexed=indexed)])
        return rule

    def webhook(self, id_: str = "webhook", *, previous_secret: str | None = None, **more: Any) -> Document:
        """An active webhook with sealed credentials."""
        webhook = {"id": id_, "version": 1, "url": "https://example.com/hook", "active": True, **more}
        texts = {"apiKey": "the-key", "secret": "the-secret", "previousSecret": previous_secret}
        kept = {name: text for name, text in texts.items() if text}
        sealed = self.secrets.seal(wire.dumps(kept).decode(), context=id_)
        self.entities.commit(self.org, [Put("webhook", webhook, private={SEALED: sealed})])
        return webhook

    def link(self, rule: str = "rule", webhook: str = "webhook", **more: Any) -> Document:
        """An enabled integration configuration from the rule to the webhook."""
        configuration = {
            "id": f"{rule}-{webhook}",
            "version": 1,
            "entityType": "Notification",
            "entityId": rule,
            "destination": "Webhook",
            "destinationId": webhook,
            "enabled": True,
            "dtLastModified": instants.to_text(self.clock.now()),
            "lastModifiedBy": "SERVICE_USER_x",
            **more,
        }
        put = put_configuration(configuration, 1)
        self.entities.commit(self.org, [Put(put.type, configuration, indexed=put.indexed)])
        return configuration

    def change(self, version: int = 2, type_: str = "bill", **new: Any) -> Change:
        """An update of a bill to `version`."""
        old = {"id": "bill", "version": version - 1, "accountId": "account", "billTotal": 50}
        stamp = instants.to_text(self.clock.now())
        change = Change.between(
            self.org, type_, "bill", old, {**old, "version": version, "dtLastModified": stamp, **new}, self.now
        )
        assert change
        return change

    @property
    def now(self) -> datetime:
        return self.clock.now()

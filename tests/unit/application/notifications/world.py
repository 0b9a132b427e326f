"""An organization with a rule, a webhook, and everything between."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.fakes.clock import FrozenClock
from tests.fakes.entities import FakeEntityRepository
from tests.fakes.events import FakeEventLog
from tests.fakes.mailer import FakeMailer
from tests.fakes.queue import FakeQueue
from tests.fakes.secrets import FakeSecrets
from tests.fakes.webhooks import FakeWebhookSender
from tests.unit.application.notifications.fuse import Fuse
from usance.application.notifications.configurations import SEALED, put_configuration
from usance.application.notifications.deliver_run import Deliverer, deliver_run
from usance.application.notifications.runs import RUN_TYPE, is_trial
from usance.application.notifications.stores import Stores
from usance.application.notifications.tell_disabled import Notice
from usance.application.notifications.webhook_courier import WebhookCourier
from usance.application.ports.entities import Put
from usance.application.ports.webhooks import WebhookSender
from usance.domain.notifications.changes import Change
from usance.resources import instants, wire
from usance.resources.wire import Document

ORG = "0190a5d0-ac96-774b-bcce-b302099a8057"


@dataclass
class World:
    """The fakes, what stands in them, and what happens to them."""

    clock: FrozenClock = field(default_factory=FrozenClock)
    queue: FakeQueue = field(default_factory=FakeQueue)
    integrations: FakeQueue = field(default_factory=FakeQueue)
    dead_letters: FakeQueue = field(default_factory=FakeQueue)
    mailer: FakeMailer = field(default_factory=FakeMailer)
    unsent: list[str] = field(default_factory=list)
    sender: FakeWebhookSender = field(default_factory=FakeWebhookSender)
    secrets: FakeSecrets = field(default_factory=FakeSecrets)
    org: str = ORG
    fuse: Fuse = field(default_factory=Fuse)
    trials: list[tuple[Document, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.entities = FakeEntityRepository(self.clock)
        self.events = FakeEventLog(self.clock)

    def stores(self) -> Stores:
        """The stores, guarded by the fuse."""
        guard = self.fuse.guard
        return Stores(guard(self.entities), guard(self.events), guard(self.queue), guard(self.integrations), self.clock)

    def deliverer(self, sender: WebhookSender | None = None) -> Deliverer:
        """The deliverer, guarded by the fuse; a `sender` in place of the world's is not."""
        guard = self.fuse.guard
        courier = WebhookCourier(self.stores(), sender or guard(self.sender), self.secrets)
        notice = Notice(self.entities, self.clock, self.mailer, lambda id_, _: self.unsent.append(id_))
        return Deliverer(self.stores(), courier, guard(self.dead_letters), notice)

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

    def work(self, *, rounds: int = 200) -> None:
        """Take messages as the queue would bring them, each after its delay, until none is left but those of trials."""
        for _ in range(rounds):
            taken = [one for one in self.queue.take() if not self._put_aside(*one)]
            if not taken:
                return
            for message, delay in taken:
                self.clock.advance(seconds=delay)
                deliver_run(message["orgId"], message["runId"], self.deliverer(), message.get("timesHeld", 0))
        raise AssertionError("the queue never runs dry")

    def _put_aside(self, message: Document, delay: int) -> bool:
        """Whether a message is of a trial, which is due in hours."""
        run = self.entities.get(message["orgId"], RUN_TYPE, message["runId"])
        if run is None or not is_trial(run):
            return False
        self.trials.append((message, delay))
        return True

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def runs(self) -> list[Document]:
        """Every integration run, newest first."""
        return list(self.entities.list_all(self.org, RUN_TYPE, filters={}))

"""Runs whose destination is a webhook: one signed POST an attempt (platform.md 9.2)."""

from dataclasses import dataclass
from datetime import datetime

from usance.application.notifications.attempts import attempt_of
from usance.application.notifications.configurations import WEBHOOK_TYPE, credentials_of, enabled_configuration
from usance.application.notifications.couriers import Attempt, UndeliverableError
from usance.application.notifications.firings import firing_of
from usance.application.notifications.runs import delivery_id, is_test, is_trial
from usance.application.notifications.stores import Stores
from usance.application.notifications.trials import awaits_trial
from usance.application.notifications.webhook_request import webhook_request
from usance.application.ports.events import Event
from usance.application.ports.secrets import Secrets
from usance.application.ports.webhooks import WebhookSender
from usance.domain.notifications.pacing import WEBHOOKS, Pace
from usance.resources.wire import Document


@dataclass(frozen=True, slots=True)
class WebhookCourier:
    """`Courier` of webhooks. `header_prefix` begins the names of headers."""

    stores: Stores
    sender: WebhookSender
    secrets: Secrets
    header_prefix: str = "X-M3ter-"
    pace: Pace = WEBHOOKS

    def prepare(self, org_id: str, run: Document) -> "_Post":
        """See the port."""
        webhook = self.stores.entities.get(org_id, WEBHOOK_TYPE, run["destinationId"])
        if webhook is None:
            raise UndeliverableError("the webhook was deleted")
        if not is_test(run):  # what is switched off may be tried
            configuration_id = run["delivery"]["integrationConfigId"]
            if enabled_configuration(org_id, configuration_id, self.stores.entities) is None:
                raise UndeliverableError("the integration was disabled or deleted")
        if is_trial(run) and not awaits_trial(org_id, run, self.stores.entities):
            raise UndeliverableError("somebody has enabled or changed the integration")
        if not webhook.get("active", True) and (is_trial(run) or not is_test(run)):
            raise UndeliverableError("the webhook was deactivated")
        firing = firing_of(org_id, run, self.stores.events)
        if firing is None:
            raise UndeliverableError("the event has expired")
        return _Post(self, org_id, run, webhook, firing)


@dataclass(frozen=True, slots=True)
class _Post:
    courier: WebhookCourier
    org_id: str
    run: Document
    webhook: Document
    firing: Event

    def send(self, began: datetime) -> Attempt:
        """See the port."""
        stores, prefix = self.courier.stores, self.courier.header_prefix
        credentials = credentials_of(self.org_id, self.webhook["id"], stores.entities, self.courier.secrets)
        url, id_ = self.webhook["url"], delivery_id(self.run)
        request = webhook_request(id_, url, credentials, self.firing, began, prefix)
        outcome = self.courier.sender.send(request.url, request.body, request.headers)
        now = stores.clock.now()
        return Attempt(outcome, attempt_of(request, credentials, outcome, now, now - began))

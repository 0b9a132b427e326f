"""The signed request of a delivery (platform.md 9.2; for receivers: docs/webhooks.md)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from usance.application.notifications.configurations import SigningCredentials
from usance.application.ports.events import Event
from usance.domain.notifications.delivery import payload
from usance.domain.notifications.signature import signatures
from usance.resources import wire


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """What is POSTed."""

    url: str
    body: bytes
    headers: Mapping[str, str]


def webhook_request(
    delivery_id: str,
    url: str,
    credentials: SigningCredentials | None,
    firing: Event,
    now: datetime,
    header_prefix: str,
) -> WebhookRequest:
    """The delivery of `firing`, signed when there are credentials.

    Every attempt has the same body and delivery id; time and signature are of the attempt.
    """
    body = delivery_body(delivery_id, firing)
    timestamp = str(int(now.timestamp()))
    headers = {"Timestamp": timestamp, "Event-Id": firing.detail["eventId"], "Delivery-Id": delivery_id}
    if credentials:
        headers["Api-Key"] = credentials.api_key
        headers["Signature"] = signatures(credentials.secrets, timestamp, body)
    named = {f"{header_prefix}{name}": value for name, value in headers.items()}
    return WebhookRequest(url, body, {"Content-Type": "application/json", **named})


def delivery_body(delivery_id: str, firing: Event) -> bytes:
    """The body of a delivery, the same whenever it is made."""
    told = dict(firing.detail)
    rule = told.pop("notification")
    cause = {name: told.pop(name) for name in ("eventId", "eventName", "eventTime")}
    return wire.dumps(payload(delivery_id, firing.org_id, cause, rule, told))

"""Integration configurations that link a rule to a webhook, and the webhook's credentials (platform.md 7.4, 9.1)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from usance.application.notifications.runs import is_to_webhook
from usance.application.ports.entities import EntityRepository, Put
from usance.application.ports.secrets import Secrets
from usance.domain.kernel.errors import NotFoundError
from usance.resources import wire
from usance.resources.wire import Document

CONFIGURATION_TYPE: Final = "integrationConfiguration"
WEBHOOK_TYPE: Final = "webhook"
RULE_TYPE: Final = "notificationConfiguration"
SEALED: Final = "sealed"  # where `application.entities.sealing` keeps credentials; a test holds the two together


@dataclass(frozen=True, slots=True)
class SigningCredentials:
    """What the customer chose for a webhook; `secret` signs and is never sent.

    `previous_secret` signs too, while receivers may not know the new one yet.
    """

    api_key: str = field(repr=False)
    secret: str = field(repr=False)
    previous_secret: str | None = field(default=None, repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Those that sign, the present one first."""
        return (self.secret, self.previous_secret) if self.previous_secret else (self.secret,)


def linked_webhooks(org_id: str, rule_id: str, entities: EntityRepository) -> list[tuple[Document, Document]]:
    """The enabled integration configurations that send a rule to an active webhook, each with the webhook."""
    linked = entities.list_all(org_id, CONFIGURATION_TYPE, filters={"entityId": [rule_id]})
    return [
        (configuration, webhook)
        for configuration in linked
        if links_rule(configuration)
        and configuration.get("enabled", True)
        and (webhook := _active(org_id, configuration, entities)) is not None
    ]


def links_rule(configuration: Document) -> bool:
    """Whether a configuration sends a rule to a webhook; clients spell both in either case."""
    return configuration.get("entityType", "").lower() == "notification" and is_to_webhook(configuration)


def line_to(webhook: Document) -> str | None:
    """The line of a webhook that wants its deliveries one after another."""
    return str(webhook["id"]) if webhook.get("ordered") else None


def _active(org_id: str, configuration: Document, entities: EntityRepository) -> Document | None:
    webhook = entities.get(org_id, WEBHOOK_TYPE, configuration.get("destinationId") or "")
    return webhook if webhook is not None and webhook.get("active", True) else None


def put_configuration(configuration: Document, expected_version: int, private: Mapping[str, str] | None = None) -> Put:
    """Store a changed configuration, found by what its resource row indexes; with other credentials where these are given."""
    return Put(
        type=CONFIGURATION_TYPE,
        document=configuration,
        expected_version=expected_version,
        private=private,
        indexed={
            "entityType": [configuration["entityType"].lower()],
            "entityId": [configuration[name] for name in ("entityId",) if configuration.get(name)],
            "destination": [configuration["destination"].lower()],
            "destinationId": [configuration[name] for name in ("destinationId",) if configuration.get(name)],
        },
    )


def enabled_configuration(org_id: str, id_: str, entities: EntityRepository) -> Document | None:
    """A configuration by its id; None when it is disabled or deleted."""
    configuration = entities.get(org_id, CONFIGURATION_TYPE, id_)
    return configuration if configuration is not None and configuration.get("enabled", True) else None


def webhook_of(org_id: str, webhook_id: str, entities: EntityRepository) -> Document:
    """A webhook by its id. `NotFoundError` when there is none."""
    webhook = entities.get(org_id, WEBHOOK_TYPE, webhook_id)
    if webhook is None:
        raise NotFoundError(f"there is no webhook {webhook_id}")
    return webhook


def credentials_of(
    org_id: str, webhook_id: str, entities: EntityRepository, secrets: Secrets
) -> SigningCredentials | None:
    """What deliveries to a webhook are signed with; None when it has no credentials."""
    sealed = entities.get_private(org_id, WEBHOOK_TYPE, [webhook_id]).get(webhook_id, {}).get(SEALED)
    if sealed is None:
        return None
    texts = wire.loads(secrets.open(sealed, context=webhook_id))
    return SigningCredentials(texts["apiKey"], texts["secret"], texts.get("previousSecret"))

"""What this package knows of entities agrees with their rows in the registry."""

from tests.unit.application.notifications.world import World
from usance.application.entities import sealing
from usance.application.entities.puts import entity_put
from usance.application.notifications.configurations import (
    CONFIGURATION_TYPE,
    RULE_TYPE,
    SEALED,
    WEBHOOK_TYPE,
    credentials_of,
    put_configuration,
)
from usance.domain.catalog.proposal import Proposal
from usance.resources.integration_configuration import INTEGRATION_CONFIGURATION
from usance.resources.notification_configuration import NOTIFICATION_CONFIGURATION
from usance.resources.webhook import WEBHOOK


def test_a_configuration_is_stored_as_its_row_stores_it() -> None:
    old = {
        "id": "c",
        "version": 4,
        "entityType": "Notification",
        "entityId": "rule",
        "destination": "Webhook",
        "destinationId": "webhook",
    }
    new = {**old, "version": 5, "enabled": False}
    by_row = entity_put(INTEGRATION_CONFIGURATION, Proposal(new, old))
    ours = put_configuration(new, 4)
    assert {name: tuple(values) for name, values in ours.indexed.items()} == by_row.indexed
    assert (ours.type, ours.document, ours.expected_version) == (by_row.type, by_row.document, by_row.expected_version)
    assert ours.unique == by_row.unique == {}


def test_the_types_and_the_place_of_credentials_are_those_of_the_registry() -> None:
    assert INTEGRATION_CONFIGURATION.type == CONFIGURATION_TYPE
    assert NOTIFICATION_CONFIGURATION.type == RULE_TYPE
    assert WEBHOOK.type == WEBHOOK_TYPE
    assert sealing.SEALED == SEALED
    assert set(WEBHOOK.sealed_texts) == {"apiKey", "secret", "previousSecret"}


def test_credentials_are_opened_for_signing(world: World) -> None:
    world.webhook()
    credentials = credentials_of(world.org, "webhook", world.entities, world.secrets)
    assert credentials
    assert (credentials.api_key, credentials.secret) == ("the-key", "the-secret")
    assert "the-" not in repr(credentials)
    assert credentials_of(world.org, "nowhere", world.entities, world.secrets) is None

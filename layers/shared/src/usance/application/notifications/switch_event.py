"""The event that an integration was disabled, or enabled again, by itself (platform.md 10.4)."""

from usance.application.ports.events import Event
from usance.domain.kernel.ids import derived_id
from usance.resources import instants
from usance.resources.wire import Document


def switch_event(org_id: str, configuration: Document, name: str, message: str, cause: str) -> Event:
    """The event of the configuration as it was just stored: its id follows from its version and `cause`."""
    return Event(
        id=derived_id(cause, org_id, configuration["id"], str(configuration["version"])),
        org_id=org_id,
        name=name,
        time=instants.from_text(configuration["dtLastModified"]),
        detail={
            "message": message,
            "integrationConfigId": configuration["id"],
            "entityType": configuration["entityType"],
            "entityId": configuration.get("entityId"),
            "destination": configuration["destination"],
            "destinationId": configuration.get("destinationId"),
        },
        type="IntegrationEvent",
        resource_id=configuration["id"],
        notification_id=configuration.get("entityId"),
    )

"""What backups of organizations run on."""

from functools import cache

from usance.application.backup.ports import BackupPorts
from usance.application.ports.organization_rows import Table
from usance.bootstrap import stores
from usance.settings import Settings


@cache
def backup_ports() -> BackupPorts:
    """The stores of this deployment."""
    from usance.adapters.aws import client
    from usance.adapters.dynamodb.organization_rows import DynamoOrganizationRows
    from usance.adapters.secrets import KeySealing

    names = Settings()
    tables = {
        Table.ENTITIES: names.entities_table,
        Table.USAGE: names.usage_table,
        Table.EVENTS: names.events_table,
    }
    return BackupPorts(
        rows=DynamoOrganizationRows(client("dynamodb"), tables),
        blobs=stores.blobs(),
        secrets=stores.secrets(),
        sealing=lambda key: KeySealing(key.encode()),
        clock=stores.clock(),
        ids=stores.ids(),
    )

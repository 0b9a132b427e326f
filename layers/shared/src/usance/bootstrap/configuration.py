"""The use cases of configuration, composed."""

from functools import cache

from usance.application.entities.ports import EntityPorts
from usance.application.lookups.ports import LookupPorts
from usance.bootstrap import stores


@cache
def build_entity_ports() -> EntityPorts:
    """What the use cases of configuration need."""
    return EntityPorts(
        entities=stores.entities(),
        clock=stores.clock(),
        ids=stores.ids(),
        secrets=stores.secrets(),
        check_url=_check_url,
    )


@cache
def build_lookup_ports() -> LookupPorts:
    """What lookup tables need."""
    return LookupPorts(stores.entities(), stores.clock(), stores.ids(), stores.blobs())


def _check_url(url: str) -> None:
    from usance.bootstrap.webhooks import webhook_sender  # an HTTP client: only saving a webhook needs one

    webhook_sender().check(url)

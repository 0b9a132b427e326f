"""What the use cases of configuration need of the world."""

from collections.abc import Callable
from dataclasses import dataclass

from usance.application.ports.clock import Clock, IdFactory, Pause
from usance.application.ports.entities import EntityRepository
from usance.application.ports.secrets import Secrets
from usance.domain.metering.custom_sql import CustomSql


@dataclass(frozen=True, slots=True)
class EntityPorts:
    """Passed to every use case of this package."""

    entities: EntityRepository
    clock: Clock
    ids: IdFactory
    secrets: Secrets
    check_url: Callable[[str], None]  # refuses a URL that this deployment may not, or cannot, call
    check_mapping: Callable[[str], None]  # refuses an expression in JSONata that cannot be read
    try_query: Callable[[CustomSql], None]  # refuses a query that this deployment may not, or cannot, run
    pause: Pause

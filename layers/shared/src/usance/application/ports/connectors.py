"""Connectors to external systems: a bill or an entity in, a reference of the system's own out (docs/integrations.md).

A connector is made for one attempt. It is told the state that the external system shall be in, and brings it there:
called twice with the same job, or again after it was cut off anywhere, it leaves one invoice.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from usance.application.ports.clock import Clock
from usance.domain.integrations.answers import Answer
from usance.domain.integrations.external_ids import ExternalId, ExternalIds
from usance.domain.integrations.invoice import Invoice
from usance.resources.wire import Document

ANSWER_MAX_BYTES: Final = 5_000_000  # what is read of an answer; a longer one is a passing fault


@dataclass(frozen=True, slots=True)
class Connection:
    """An integration configuration as a connector sees it. `options` is its `configData`."""

    org_id: str
    configuration_id: str
    destination: str
    options: Mapping[str, Any] = field(default_factory=dict)
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Sent:
    """Where the external system has it now: its id there, and an address for people."""

    external_id: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class BillJob:
    """A bill that the external system shall have as an invoice; finalised there when `invoice.approved`.

    `account` is the account as the API shows it. `known` has the external ids of the account and of the lines' products.
    `external_id` is the invoice's, when an earlier attempt or an earlier version of the bill made one. `idempotency_key`
    stays the same for a bill through all its recalculations; `invoice.revision` tells these apart.
    """

    connection: Connection
    invoice: Invoice
    account: Document
    known: ExternalIds
    external_id: str | None
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class EntityJob:
    """An entity other than a bill that changed: `kind` is `created`, `updated` or `deleted`.

    `entity_type` is spelled as in `System.entities`; `entity` is as events show it, without secrets, and of a deleted one as
    it last was; `old` is how it was before an update. `changed_at` orders the changes of one entity.
    """

    connection: Connection
    entity_type: str
    kind: str
    entity: Document
    old: Document | None
    known: ExternalIds
    external_id: str | None
    idempotency_key: str
    changed_at: str


class BillConnector(Protocol):
    """Takes bills. Every failure is a `ConnectorError`; an answer that cannot be read is a passing fault."""

    def send(self, job: BillJob) -> Sent | None:
        """Create or update the invoice, and finalise it when the bill is approved; None where the system shall have none yet."""
        ...

    def void(self, job: BillJob) -> None:
        """Delete or void the invoice `job.external_id` of a bill that is gone, whose `invoice` has no lines.

        Where there is no `job.external_id`: the invoice that an attempt may have made, if the system can find it.
        """
        ...


class EntityConnector(Protocol):
    """Takes changes of entities. Fails as a `BillConnector` does."""

    def deliver(self, job: EntityJob) -> Sent | None:
        """Bring the change to the system; None where it gives no reference."""
        ...


class HttpClient(Protocol):
    """Requests to external systems over checked addresses, bounded in time and size, and recorded in the run's log."""

    def request(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """One request, following no redirect. Any status is an answer.

        `ConnectorError` when none came: `Fault.UNREACHABLE`, `TIMEOUT`, `REFUSED_ADDRESS` or `INVALID_REQUEST`.
        """
        ...


class Memory(Protocol):
    """What a connector must not forget when it is cut off before it returns."""

    def renewing(self, connection: Connection) -> AbstractContextManager[Mapping[str, str] | None]:
        """The credentials as they are kept now, which nobody else renews meanwhile; None while another attempt does.

        It holds for a minute, should this attempt be cut off.
        """
        ...

    def keep_credentials(self, connection: Connection, credentials: Mapping[str, str]) -> None:
        """Replace the credentials of the configuration, such as a refresh token that was used up.

        Nothing happens where they are no longer those of `connection`: somebody has replaced or removed them.
        """
        ...

    def keep_invoice(self, connection: Connection, invoice: Invoice, external_id: str) -> None:
        """Remember which invoice was made of a bill, before it is complete; what `send` answers is remembered anyway."""
        ...

    def keep_external_id(self, connection: Connection, external: ExternalId) -> None:
        """Store an external mapping of the configuration, such as that of a customer it has just created."""
        ...


@dataclass(frozen=True, slots=True)
class Outside:
    """What a connector reaches the world with, for one attempt."""

    http: HttpClient
    memory: Memory
    clock: Clock


Connector = BillConnector | EntityConnector
ConnectorFactory = Callable[[Outside], Connector]
Connectors = Mapping[str, ConnectorFactory]
"""By the destination in lower case."""

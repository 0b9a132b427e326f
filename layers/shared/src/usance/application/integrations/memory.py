"""What is known of an external system for one configuration: its credentials, and which entity of ours is which of its."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from usance.application.entities.puts import entity_put
from usance.application.notifications.configurations import CONFIGURATION_TYPE, SEALED, put_configuration
from usance.application.notifications.leases import LEASE_TYPE, give_back, take_lease
from usance.application.notifications.runs import BY
from usance.application.ports.clock import Clock
from usance.application.ports.connectors import Connection
from usance.application.ports.entities import Delete, EntityRepository
from usance.application.ports.secrets import Secrets
from usance.domain.catalog.proposal import Proposal
from usance.domain.integrations.external_ids import ExternalId, ExternalIds
from usance.domain.integrations.invoice import Invoice
from usance.domain.integrations.system import BILL, System
from usance.domain.kernel.errors import NotFoundError, UnavailableError, VersionConflictError
from usance.domain.kernel.ids import derived_id
from usance.resources import instants, wire
from usance.resources.external_mapping import EXTERNAL_MAPPING, entity_key
from usance.resources.wire import Document

ATTEMPTS_MAX: Final = 3  # somebody may be editing the same entity
RENEWAL_LASTS: Final = timedelta(minutes=1)  # one request, which ends after half of that, and one write


@dataclass(frozen=True, slots=True)
class StoredMemory:
    """`Memory` in the store of entities."""

    entities: EntityRepository
    secrets: Secrets
    clock: Clock
    system: System

    def credentials(self, org_id: str, configuration_id: str) -> dict[str, str]:
        """What signs in, with its `type`; empty when nothing is kept."""
        private = self.entities.get_private(org_id, CONFIGURATION_TYPE, [configuration_id]).get(configuration_id, {})
        if SEALED not in private:
            return {}
        texts = wire.loads(self.secrets.open(private[SEALED], context=configuration_id))
        return {name: text for name, text in texts.items() if isinstance(text, str)}

    @contextmanager
    def renewing(self, connection: Connection) -> Iterator[Mapping[str, str] | None]:
        """See the port."""
        org_id, configuration_id = connection.org_id, connection.configuration_id
        id_ = derived_id("credentials", org_id, configuration_id)
        before = self.entities.get(org_id, LEASE_TYPE, id_)
        lease = take_lease(org_id, id_, before, RENEWAL_LASTS, self.entities, self.clock)
        if lease is None:
            yield None
            return
        try:
            yield self.credentials(org_id, configuration_id)
        finally:
            give_back(org_id, lease, self.entities)

    def keep_credentials(self, connection: Connection, credentials: Mapping[str, str]) -> None:
        """See the port. The configuration itself stays as it is, and so does its version.

        The credentials are read after the version that the write depends on, so that who replaces them meanwhile is not undone.
        """
        org_id, id_ = connection.org_id, connection.configuration_id
        sealed = self.secrets.seal(wire.dumps(dict(credentials)).decode(), context=id_)
        for _ in range(ATTEMPTS_MAX):
            configuration = self.entities.get(org_id, CONFIGURATION_TYPE, id_)
            if configuration is None or self.credentials(org_id, id_) != connection.credentials:
                return
            put = put_configuration(configuration, configuration["version"], private={SEALED: sealed})
            try:
                self.entities.commit(org_id, [put])
            except VersionConflictError:
                continue
            return
        raise UnavailableError(f"the {CONFIGURATION_TYPE} {id_} keeps changing; repeat")

    def keep_external_id(self, connection: Connection, external: ExternalId) -> None:
        """See the port."""
        self._keep(connection, external, _id(connection, external.entity, external.id))

    def invoice(self, connection: Connection, bill_id: str, life: str) -> str | None:
        """The external id of the invoice that was made of a bill in this life of it."""
        mapping = self.entities.get(connection.org_id, EXTERNAL_MAPPING.type, _id(connection, BILL, bill_id, life))
        return str(mapping["externalId"]) if mapping else None

    def keep_invoice(self, connection: Connection, invoice: Invoice, external_id: str) -> None:
        """Remember which invoice was made of a bill."""
        external = ExternalId(BILL, invoice.bill_id, self.system.table_of(BILL), external_id)
        self._keep(connection, external, _id(connection, BILL, invoice.bill_id, invoice.life))

    def forget_invoice(self, connection: Connection, bill_id: str, life: str) -> None:
        """The invoice is void."""
        self._forget(connection.org_id, _id(connection, BILL, bill_id, life))

    def forget_external_id(self, connection: Connection, entity: str, id_: str) -> None:
        """The entity is gone."""
        self._forget(connection.org_id, _id(connection, entity, id_))

    def known(self, connection: Connection, wanted: Iterable[tuple[str, str]]) -> ExternalIds:
        """The external ids of entities (each a type and an id): the configuration's own, then those of the system.

        What was remembered of bills by itself is not among them: `invoice` tells that.
        """
        keys = list(dict.fromkeys(entity_key(entity, id_) for entity, id_ in wanted))
        names = {name.lower() for name in (self.system.identifier, *self.system.destinations)}
        own, of_all = [], []
        for mapping in self.entities.list_all(connection.org_id, EXTERNAL_MAPPING.type, filters={"entity": keys}):
            configuration_id = mapping.get("integrationConfigId")
            if mapping["externalSystem"].lower() not in names or _is_remembered_bill(mapping):
                continue
            if configuration_id == connection.configuration_id:
                own.append(_external(mapping))
            elif configuration_id is None:
                of_all.append(_external(mapping))
        return ExternalIds((*own, *of_all))

    def _keep(self, connection: Connection, external: ExternalId, id_: str) -> None:
        fields = {
            "m3terEntity": external.entity,
            "m3terId": external.id,
            "externalSystem": self.system.identifier,
            "externalTable": external.table,
            "externalId": external.external_id,
            "integrationConfigId": connection.configuration_id,
        }
        for _ in range(ATTEMPTS_MAX):
            old = self.entities.get(connection.org_id, EXTERNAL_MAPPING.type, id_)
            if old and all(old.get(name) == value for name, value in fields.items()):
                return
            now = instants.to_text(self.clock.now())
            audit = {"dtCreated": now, "createdBy": BY}
            audit |= {name: value for name, value in (old or {}).items() if name in audit}
            version = int(old["version"]) + 1 if old else 1
            new = {"id": id_, "version": version, **audit, "dtLastModified": now, "lastModifiedBy": BY, **fields}
            try:
                self.entities.commit(connection.org_id, [entity_put(EXTERNAL_MAPPING, Proposal(new=new, old=old))])
            except VersionConflictError:
                continue
            return
        raise UnavailableError(f"the {EXTERNAL_MAPPING.type} {id_} keeps changing; repeat")

    def _forget(self, org_id: str, id_: str) -> None:
        try:
            self.entities.commit(org_id, [Delete(EXTERNAL_MAPPING.type, id_)])
        except NotFoundError:
            return


def _id(connection: Connection, entity: str, id_: str, life: str = "") -> str:
    return derived_id("external mapping", connection.configuration_id, entity.lower(), id_, life)


def _external(mapping: Document) -> ExternalId:
    return ExternalId(mapping["m3terEntity"], mapping["m3terId"], mapping["externalTable"], mapping["externalId"])


def _is_remembered_bill(mapping: Document) -> bool:
    return mapping["m3terEntity"].lower() == BILL.lower() and mapping.get("createdBy") == BY

"""Runs whose destination is an external system: an attempt brings it to the state of the bill or the entity (platform.md 10)."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, cast

from usance.application.integrations.jobs import bill_job, entity_job
from usance.application.integrations.memory import StoredMemory
from usance.application.integrations.recorded_http import RecordedHttp
from usance.application.notifications.attempts import masked
from usance.application.notifications.configurations import enabled_configuration
from usance.application.notifications.couriers import Attempt, UndeliverableError
from usance.application.notifications.runs import RUN_TYPE, key_of_entity, may_have_left_something
from usance.application.notifications.stores import Stores
from usance.application.ports.bills import BillRepository
from usance.application.ports.connectors import (
    BillConnector,
    Connection,
    ConnectorFactory,
    Connectors,
    EntityConnector,
    HttpClient,
    Outside,
    Sent,
)
from usance.application.ports.secrets import Secrets
from usance.domain.integrations.external_ids import ExternalId
from usance.domain.integrations.faults import ConnectorError
from usance.domain.integrations.selection import allows, waits_for_approval
from usance.domain.integrations.system import BILL, System
from usance.domain.integrations.systems import system_of
from usance.domain.kernel.errors import InvalidInputError, UnavailableError, VersionConflictError
from usance.domain.notifications.delivery import Fault, Outcome
from usance.domain.notifications.pacing import CONNECTORS, Pace
from usance.resources import instants
from usance.resources.wire import Document

RUNS_LOOKED_AT: Final = 100  # of a bill, the newest first; one page
_MILLISECOND: Final = timedelta(milliseconds=1)

# What an answer that is not as documented ends in. The run is tried again, and tells of it in the end: raised, it would stop
# every later run of the entity.
_UNREADABLE: Final = (ArithmeticError, AttributeError, InvalidInputError, LookupError, TypeError, ValueError)

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ConnectorCourier:
    """`Courier` of external systems."""

    stores: Stores
    bills: BillRepository
    secrets: Secrets
    http: HttpClient
    connectors: Connectors
    find_system: Callable[[str], System | None] = system_of
    pace: Pace = CONNECTORS

    def prepare(self, org_id: str, run: Document) -> "_Errand":
        """See the port."""
        id_ = run["delivery"]["integrationConfigId"]
        configuration = enabled_configuration(org_id, id_, self.stores.entities)
        if configuration is None:
            raise UndeliverableError("the integration was disabled or deleted")
        destination = configuration["destination"]
        system, make = self.find_system(destination), self.connectors.get(destination.casefold())
        if system is None or make is None:
            raise UndeliverableError(f"there is no connector for {destination}")
        event_id = run["delivery"].get("eventId")
        if event_id and run["entityType"] != BILL and self.stores.events.get(org_id, event_id) is None:
            raise UndeliverableError("the event has expired")  # a bill is sent as it stands, whatever its event said
        memory = StoredMemory(self.stores.entities, self.secrets, self.stores.clock, system)
        connection = Connection(org_id, id_, destination, configuration.get("configData") or {})
        return _Errand(self, run, connection, memory, make)


@dataclass(frozen=True, slots=True)
class _Errand:
    courier: ConnectorCourier
    run: Document
    connection: Connection
    memory: StoredMemory
    make: ConnectorFactory

    def send(self, began: datetime) -> Attempt:
        """See the port."""
        stores = self.courier.stores
        credentials = self.memory.credentials(self.connection.org_id, self.connection.configuration_id)
        errand = replace(self, connection=replace(self.connection, credentials=credentials))
        http = RecordedHttp(self.courier.http)
        connector = self.make(Outside(http, self.memory, stores.clock))
        fields: dict[str, Any] = {}
        try:
            if self.run["entityType"] == BILL:
                sent = errand.bill(cast("BillConnector", connector))
            else:
                sent = errand.entity(cast("EntityConnector", connector))
            outcome = Outcome()
            if sent is not None:
                fields = {"externalId": sent.external_id, "url": sent.url}
        except ConnectorError as failed:
            outcome = Outcome(fault=failed.fault, detail=failed.detail, retry_after=failed.retry_after)
        except _UNREADABLE as unreadable:
            run_id = self.run["id"]
            _logger.exception("the answer to the run %s could not be read", run_id)
            outcome = Outcome(fault=Fault.PASSING, detail=f"its answer could not be read ({type(unreadable).__name__})")
        except VersionConflictError as rival:  # of something that was decided on; it is not the run that another has
            raise UnavailableError(f"others change what the run {self.run['id']} needs; repeat") from rival
        now = stores.clock.now()
        renewed = self.memory.credentials(self.connection.org_id, self.connection.configuration_id)
        hidden = [
            text
            for kept in (credentials, renewed)
            for name, text in kept.items()
            if name not in {"type", "destination"}
        ]
        error = None if outcome.succeeded else masked(outcome.error, [*hidden, *http.signed_with])
        log = {
            "at": instants.to_text(now),
            "milliseconds": (now - began) // _MILLISECOND,
            "fault": outcome.fault.name if outcome.fault else None,
            "error": error,
            "exchanges": http.log(hidden),
        }
        return Attempt(outcome, log, fields)

    def bill(self, connector: BillConnector) -> Sent | None:
        """Bring the bill as it is now; of one that is gone, void what was made of it."""
        courier, bill_id, life = self.courier, self.run["entityId"], self.run["delivery"]["life"]
        job = bill_job(courier.stores, courier.bills, self.memory, self.connection, self.run)
        if job is None:
            return None
        if job.gone:
            if job.bill.external_id is not None or self._tried_before():
                connector.void(job.bill)
                self.memory.forget_invoice(self.connection, bill_id, life)
            return None
        options = self.connection.options
        if waits_for_approval(options, job.header) or not allows(options, job.bill.invoice.account_id):
            return None
        sent = connector.send(job.bill)
        if sent is not None:
            self.memory.keep_invoice(self.connection, job.bill.invoice, sent.external_id)
        return sent

    def _tried_before(self) -> bool:
        """Whether an attempt, of this run or another, may have made an invoice of the bill whose id nobody recorded."""
        if self.run.get("dtStarted"):
            return True
        filters = {"entity": [key_of_entity(self.run["entityType"], self.run["entityId"])]}
        org_id, entities = self.connection.org_id, self.courier.stores.entities
        page = entities.list_page(org_id, RUN_TYPE, filters=filters, page_size=RUNS_LOOKED_AT)
        same = ("integrationConfigId", "life")
        return any(
            other["id"] != self.run["id"]
            and may_have_left_something(other)
            and all(other["delivery"].get(name) == self.run["delivery"].get(name) for name in same)
            for other in page.data
        )

    def entity(self, connector: EntityConnector) -> Sent | None:
        """Bring the change that the event of the run tells of, or the entity as it is now where there is none.

        Nothing of an account that is not sent any more.
        """
        if not allows(self.connection.options, self.run["delivery"].get("accountId")):
            return None
        courier, table = self.courier, self.memory.system.table_of(self.run["entityType"])
        job = entity_job(courier.stores, self.memory, self.connection, self.run)
        if job is None:
            return None
        sent = connector.deliver(job)
        if job.kind == "deleted":
            self.memory.forget_external_id(self.connection, job.entity_type, job.entity["id"])
        elif sent is not None:
            external = ExternalId(job.entity_type, job.entity["id"], table, sent.external_id)
            self.memory.keep_external_id(self.connection, external)
        return sent

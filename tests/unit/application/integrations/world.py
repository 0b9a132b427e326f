"""An organization whose bills go to an external system, and everything between."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.fakes.bills import FakeBillRepository
from tests.fakes.clock import FrozenClock
from tests.fakes.connectors import FakeHttpClient, FakeSystem
from tests.fakes.entities import FakeEntityRepository
from tests.fakes.events import FakeEventLog
from tests.fakes.mailer import FakeMailer
from tests.fakes.queue import FakeQueue
from tests.fakes.secrets import FakeSecrets
from tests.unit.application.notifications.fuse import Fuse
from tests.unit.domain.integrations.test_invoice import BILL, LINE
from usance.application.entities.puts import entity_put
from usance.application.integrations.connector_courier import ConnectorCourier
from usance.application.integrations.start_runs import start_runs
from usance.application.notifications.configurations import SEALED, put_configuration
from usance.application.notifications.deliver_run import Deliverer, deliver_run
from usance.application.notifications.record_change import record_change
from usance.application.notifications.runs import RUN_TYPE
from usance.application.notifications.stores import Stores
from usance.application.notifications.tell_disabled import Notice
from usance.application.ports.entities import Put
from usance.domain.catalog.proposal import Proposal
from usance.domain.integrations.system import System
from usance.domain.notifications.changes import Change
from usance.resources import instants, wire
from usance.resources.external_mapping import EXTERNAL_MAPPING
from usance.resources.wire import Document

ORG = "0190a5d0-ac96-774b-bcce-b302099a8057"
CREDENTIALS = {"type": "STATIC_API_KEY", "apiKey": "the-api-key"}
SYSTEM = System(
    "Stripe", "Stripe", ("STRIPE", "STRIPE_TEST"), entities=("Bill", "Account"), tables={"Bill": ("Invoice",)}
)


@dataclass
class World:
    """The fakes, what stands in them, and what happens to them."""

    clock: FrozenClock = field(default_factory=FrozenClock)
    webhooks: FakeQueue = field(default_factory=FakeQueue)
    queue: FakeQueue = field(default_factory=FakeQueue)
    dead_letters: FakeQueue = field(default_factory=FakeQueue)
    mailer: FakeMailer = field(default_factory=FakeMailer)
    unsent: list[str] = field(default_factory=list)
    system: FakeSystem = field(default_factory=FakeSystem)
    http: FakeHttpClient = field(default_factory=FakeHttpClient)
    secrets: FakeSecrets = field(default_factory=FakeSecrets)
    bills: FakeBillRepository = field(default_factory=FakeBillRepository)
    org: str = ORG
    fuse: Fuse = field(default_factory=Fuse)

    def __post_init__(self) -> None:
        self.entities = FakeEntityRepository(self.clock)
        self.events = FakeEventLog(self.clock)
        self.make: Any = lambda _outside: self.system

    def stores(self) -> Stores:
        """The stores, guarded by the fuse."""
        guard = self.fuse.guard
        return Stores(guard(self.entities), guard(self.events), guard(self.webhooks), guard(self.queue), self.clock)

    def deliverer(self) -> Deliverer:
        """The deliverer, guarded by the fuse."""
        guard = self.fuse.guard
        courier = ConnectorCourier(
            self.stores(),
            guard(self.bills),
            self.secrets,
            self.http,
            dict.fromkeys(("stripe", "salesforce"), lambda outside: guard(self.make(outside))),
            find_system=lambda _destination: SYSTEM,
        )
        notice = Notice(self.entities, self.clock, self.mailer, lambda id_, _: self.unsent.append(id_))
        return Deliverer(self.stores(), courier, guard(self.dead_letters), notice)

    def configure(
        self, id_: str = "configuration", credentials: Mapping[str, str] = CREDENTIALS, **more: Any
    ) -> Document:
        """An enabled configuration that sends bills to Stripe."""
        configuration = {
            "id": id_,
            "version": 1,
            "entityType": "Bill",
            "destination": "Stripe",
            "configData": {},
            "enabled": True,
            "dtLastModified": instants.to_text(self.clock.now()),
            "lastModifiedBy": "SERVICE_USER_x",
            **more,
        }
        sealed = self.secrets.seal(wire.dumps(dict(credentials)).decode(), context=id_)
        put = put_configuration(configuration, 1)
        self.entities.commit(self.org, [Put(put.type, configuration, indexed=put.indexed, private={SEALED: sealed})])
        return configuration

    def edit(self, **more: Any) -> None:
        """Change the configuration."""
        before = self.entities.get(self.org, "integrationConfiguration", "configuration") or {}
        after = {**before, "version": before["version"] + 1, **more}
        self.entities.commit(self.org, [put_configuration(after, before["version"])])

    def map(self, entity: str = "Account", id_: str = "account", to: str = "cus_1", **more: Any) -> None:
        """An external mapping that somebody made."""
        mapping = {
            "id": f"{entity}-{id_}-{to}",
            "version": 1,
            "m3terEntity": entity,
            "m3terId": id_,
            "externalSystem": "Stripe",
            "externalTable": "Customer",
            "externalId": to,
            "createdBy": "SERVICE_USER_x",
            **more,
        }
        self.entities.commit(self.org, [entity_put(EXTERNAL_MAPPING, Proposal(new=mapping))])

    def bill(self, amount: str = "12.30", **more: Any) -> Document:
        """Calculate the bill, for the first time or again, and let the stream tell of it."""
        old = self.bills.get(self.org, "bill")
        now = instants.to_text(self.clock.now())
        header = {
            **BILL,
            "createdDate": old["createdDate"] if old else now,
            "version": old["version"] + 1 if old else 1,
            "billTotal": Decimal(amount),
            "dtLastModified": now,
            "lastCalculatedDate": now,
            **more,
        }
        lines = [{**LINE, "convertedSubtotal": Decimal(amount)}]
        if old:
            self.bills.replace(self.org, header, expected_version=old["version"], line_items=lines)
        else:
            self.bills.create(self.org, header, lines, private={}, numbering=None)
        self.tell("bill", old, header)
        return header

    def delete_bill(self) -> None:
        """Delete the bill, and let the stream tell of it."""
        old = self.bills.get(self.org, "bill") or {}
        self.bills.delete(self.org, "bill", old["version"])
        self.clock.advance(seconds=1)
        self.tell("bill", old, None)

    def tell(self, type_: str, old: Document | None, new: Document | None) -> None:
        """What the notifications function does about a change."""
        id_ = (new or old or {})["id"]
        change = Change.between(self.org, type_, id_, old, new, self.clock.now())
        assert change
        event = record_change(change, self.stores())
        assert event
        start_runs(change, event, self.stores())
        self.clock.advance(seconds=1)

    def work(self, *, rounds: int = 200) -> None:
        """Take messages as the queue would bring them, each after its delay, until none is left."""
        for _ in range(rounds):
            taken = self.queue.take()
            if not taken:
                return
            for message, delay in taken:
                self.clock.advance(seconds=delay)
                deliver_run(message["orgId"], message["runId"], self.deliverer(), message.get("timesHeld", 0))
        raise AssertionError("the queue never runs dry")

    def runs(self) -> list[Document]:
        """Every integration run, newest first."""
        return list(self.entities.list_all(self.org, RUN_TYPE, filters={}))

    def mappings(self) -> list[Document]:
        """Every external mapping that is remembered by itself."""
        found = self.entities.list_all(self.org, EXTERNAL_MAPPING.type, filters={})
        return [one for one in found if one.get("createdBy") == "SCHEDULER"]

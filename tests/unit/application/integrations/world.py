"""An organization whose bills go to an external system, and everything between."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.fakes.bills import FakeBillRepository
from tests.fakes.connectors import FakeHttpClient, FakeSystem
from tests.fakes.queue import FakeQueue
from tests.unit.application.notifications.delivering import Delivering
from tests.unit.domain.integrations.test_invoice import BILL, LINE
from usance.application.entities.puts import entity_put
from usance.application.integrations.connector_courier import ConnectorCourier
from usance.application.integrations.start_runs import start_runs
from usance.application.notifications.configurations import SEALED, put_configuration
from usance.application.notifications.deliver_run import Deliverer
from usance.application.notifications.record_change import record_change
from usance.application.notifications.stores import Stores
from usance.application.ports.entities import Put
from usance.domain.catalog.proposal import Proposal
from usance.domain.integrations.system import System
from usance.domain.notifications.changes import Change
from usance.resources import instants, wire
from usance.resources.external_mapping import EXTERNAL_MAPPING
from usance.resources.wire import Document

CREDENTIALS = {"type": "STATIC_API_KEY", "apiKey": "the-api-key"}
SYSTEM = System(
    "Stripe",
    "Stripe",
    ("STRIPE", "STRIPE_TEST"),
    entities=("Bill", "Account", "BalanceTransaction", "PricingBand"),
    tables={"Bill": ("Invoice",)},
)


@dataclass
class World(Delivering):
    """The fakes, what stands in them, and what happens to them."""

    webhooks: FakeQueue = field(default_factory=FakeQueue)
    system: FakeSystem = field(default_factory=FakeSystem)
    http: FakeHttpClient = field(default_factory=FakeHttpClient)
    bills: FakeBillRepository = field(default_factory=FakeBillRepository)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.make: Any = lambda _outside: self.system

    def stores(self) -> Stores:
        """The stores, guarded by the fuse."""
        return self.stores_with(self.webhooks, self.queue)

    def deliverer(self) -> Deliverer:
        """The deliverer, guarded by the fuse."""
        guard, stores = self.fuse.guard, self.stores()
        courier = ConnectorCourier(
            stores,
            guard(self.bills),
            self.secrets,
            self.http,
            dict.fromkeys(("stripe", "salesforce"), lambda outside: guard(self.make(outside))),
            find_system=lambda _destination: SYSTEM,
        )
        return self.deliverer_by(stores, courier)

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
        for one, event in record_change(change, self.stores()):
            start_runs(one, event, self.stores())
        self.clock.advance(seconds=1)

    def mappings(self) -> list[Document]:
        """Every external mapping that is remembered by itself."""
        found = self.entities.list_all(self.org, EXTERNAL_MAPPING.type, filters={})
        return [one for one in found if one.get("createdBy") == "SCHEDULER"]

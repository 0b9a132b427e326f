"""Every HTTP function of the deployment on stores in memory, with one organization that has one of everything."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

import usance.bootstrap
from tests.fakes.bill_progress import FakeBillJobProgress
from tests.fakes.http import Client
from tests.fakes.queue import FakeQueue
from tests.fakes.secrets import FakeSecrets
from tests.fakes.usage_log import FakeUsageLog
from tests.unit.application.billing.world import World
from usance.application.access.credentials import ROOT
from usance.application.access.groups import MEMBER, GroupMemberships, member_value
from usance.application.audit import created
from usance.application.notifications.runs import new_run, put_run
from usance.application.ports.entities import Put
from usance.application.ports.events import Event
from usance.bootstrap import stores
from usance.entrypoints.http import core
from usance.entrypoints.http.routes import Route
from usance.resources.registry import REGISTRY
from usance.resources.resource import Verb

FUNCTIONS = Path(__file__).parents[2] / "functions"
WITHOUT_CALLER = {"authorizer", "tokens"}  # they find out who calls


def http_functions() -> list[str]:
    """The functions that serve callers over HTTP: those whose file imports an HTTP entry point."""
    imports = {path.parent.name: path.read_text(encoding="utf-8") for path in FUNCTIONS.glob("*/app.py")}
    return sorted(name for name, text in imports.items() if "entrypoints.http" in text and name not in WITHOUT_CALLER)


def routes_of(function: str) -> tuple[Route, ...]:
    mounted: tuple[Route, ...] = importlib.import_module(f"usance.entrypoints.http.{function}").routes()
    return mounted


KINDS = {
    "resourcegroups": "plan",
    "billingperiod": "2025-12-31",
    "2025-12-31": "MONTHLY",
    "available": "Stripe",
    "auth": "Bill",
    "values": "Stripe",
    "Stripe": "collectionMethod",
}  # what paths name besides ids
QUERIES = {"counterAdjustment.list": {"counterId": "x" * 36}}
ENDING = {"endDate": "2026-06-01T00:00:00Z", "billingEntities": ["CONTRACT"]}
MEMO = {
    **dict.fromkeys(("productId", "accountingProductId", "referencedBillId", "referencedLineItemId"), "x" * 36),
    "amount": 1,
    "description": "x",
    "servicePeriodStartDate": "2026-01-01T00:00:00Z",
    "servicePeriodEndDate": "2026-02-01T00:00:00Z",
    "version": 1,
}
BODIES: dict[str, dict[str, Any]] = {
    "account.endDateBillingEntities": ENDING,
    "contract.endDateBillingEntities": ENDING,
    **{f"{kind}LineItem.{verb}": MEMO for kind in ("credit", "debit") for verb in ("create", "update")},
    "lookupTableRevision.setStatus": {"status": "ARCHIVED", "version": 1},
    "lookupTableRevision.putData": {"items": [{"country": "UK", "level": 1, "rate": 2}], "version": 1},
    "lookupTableRevision.putItem": {"item": {"country": "UK", "level": 1, "rate": 2}, "version": 1},
    "lookupTableRevision.downloadData": {"contentType": "text/csv"},
    "lookupTableRevision.generateUploadUrl": {"contentType": "text/csv", "contentLength": 1, "fileName": "a.csv"},
    "dataExport.adhoc": {"sourceType": "OPERATIONAL", "operationalDataTypes": ["ACCOUNTS"]},
    "accountPlan.replace": {"planId": "x" * 36, "startDate": "2026-06-01T00:00:00Z"},
    "queryUsage": {"startDate": "2026-01-01T00:00:00Z", "endDate": "2026-02-01T00:00:00Z"},
    "previewBill": {"accountIds": ["x" * 36], "billingFrequency": "MONTHLY", "billFrequencyInterval": 1},
    "approveBills": {"billIds": ["x" * 36]},
    "setBillStatus": {"status": "APPROVED"},
    "recalculateBills": {"billIds": ["x" * 36]},
    "createStatementJob": {"billId": "x" * 36},
    "createStatementJobs": {"billIds": ["x" * 36]},
    "balanceTransaction.create": {"amount": 1, "transactionTypeId": "x" * 36},
}
OPERATIONS = [(function, route) for function in http_functions() for route in routes_of(function)]


@dataclass
class Deployment:
    """`ids` holds, by the noun that precedes it in a path, the id of something that the organization has."""

    world: World
    ids: dict[str, str] = field(default_factory=dict)
    handlers: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        org = self.world.org
        for row in REGISTRY:
            if Verb.CREATE in row.verbs:
                steps, made = row.path.split("/"), org.make(row.type)["id"]
                self.ids |= {steps[-1]: made, "/".join(steps[-2:]): made}
        for noun, type_ in {"lookuptables": "lookupTable", "balances": "balance"}.items():
            self.ids[noun] = org.shared(type_)["id"]  # the one that has what was made in one
        account = self.world.subscribe()
        bill = self.world.bill(self.world.run())
        memos = {kind: self._memo(bill, kind)["id"] for kind in ("creditlineitems", "debitlineitems")}
        [job] = self.world.get("/billjobs")["data"]
        user = org.make_user()
        group = org.client.post("/resourcegroups/plan", {"name": "Group"}).json
        key = org.client.post(f"/serviceusers/{self.ids['serviceusers']}/accesskeys").json
        statement = self.client("statements", org.id).post("/statementjobs", {"billId": bill["id"]}).json
        event = self._event()
        run, rule = self._run(event), self.ids["notifications/configurations"]
        self.ids |= {
            "latest": account["id"],
            "accountid": account["id"],
            "bills": bill["id"],
            "lineitems": bill["lineItems"][0]["id"],
            **memos,
            "billjobs": job["id"],
            "users": user["id"],
            "plan": group["id"],
            "jobs": self._upload(),
            "dataexports/jobs": self._export(),
            "data": self._item(),
            "data/jobs": self._lookup_job(),
            "accesskeys": key["id"],
            "transactions": self._transaction(),
            "events": event.id,
            "Notification": rule,
            "Notification/latest": rule,
            "integrationruns/destinations": run["destinationId"],
            "statementjobs": statement["id"],
            "integrationruns": run["id"],
            "logs": run["id"],
        }

    def _event(self) -> Event:
        """An event, besides one that is actioned."""
        org = self.world.org
        one, two = (
            Event(org.ids.new(), org.id, "configuration.plan.created", org.clock.now(), {"newDto": {}}, actioned_at=at)
            for at in (None, org.clock.now())
        )
        self.world.events.append(one)
        self.world.events.append(two)
        return one

    def _run(self, event: Event) -> dict[str, Any]:
        """An integration run whose firing has expired."""
        org = self.world.org
        configuration = org.client.get(f"/integrationconfigs/{self.ids['integrationconfigs']}").json
        self.ids["notifications/configurations"] = configuration["entityId"]
        run = new_run(
            configuration,
            ("Notification", configuration["entityId"]),
            replace(event, id=org.ids.new()),
            org.clock.now(),
            line=None,
        )
        org.store.commit(org.id, [put_run(run)])
        return run

    def _transaction(self) -> str:
        """The transaction of a balance."""
        sent = {"amount": 1, "transactionTypeId": self.ids["transactiontypes"]}
        answer = self.world.org.client.post(f"/balances/{self.ids['balances']}/transactions", sent)
        assert answer.status == 200, answer.text
        return str(answer.json["id"])

    def _upload(self) -> str:
        """The job of a file that was uploaded."""
        made = self.client("entities", self.world.org.id).post(
            "/fileuploads/measurements/generateUploadUrl",
            {"fileName": "a.json", "contentType": "application/json", "contentLength": 2},
        )
        assert made.status == 200, made.text
        return str(made.json["jobId"])

    def _export(self) -> str:
        """The job of an export."""
        asked = {"sourceType": "OPERATIONAL", "operationalDataTypes": ["ACCOUNTS"]}
        answer = self.client("entities", self.world.org.id).post("/dataexports/adhoc", asked)
        assert answer.status == 200, answer.text
        return str(answer.json["jobId"])

    def _item(self) -> str:
        """The key of an item in the revision that the organization has."""
        revision = f"/lookuptables/{self.ids['lookuptables']}/revisions/{self.ids['revisions']}"
        items = [{"country": "UK", "level": 1, "rate": 2}]
        answer = self.world.org.client.put(f"{revision}/data", {"items": items})
        assert answer.status == 200, answer.text
        return "UK,1"

    def _lookup_job(self) -> str:
        """The job that makes a file of that revision."""
        revision = f"/lookuptables/{self.ids['lookuptables']}/revisions/{self.ids['revisions']}"
        answer = self.world.org.client.post(f"{revision}/data/jobs/download", {"contentType": "text/csv"})
        assert answer.status == 200, answer.text
        return str(answer.json["jobId"])

    def _memo(self, bill: dict[str, Any], kind: str) -> Any:
        line = bill["lineItems"][0]
        about = {"referencedBillId": bill["id"], "referencedLineItemId": line["id"]}
        products = {"productId": line["productId"], "accountingProductId": line["productId"]}
        return self.world.post(f"/bills/{bill['id']}/{kind}", {**MEMO, **about, **products})

    def path(self, route: Route) -> str:
        """The route's path below the organization, with ids of the organization's own."""
        filled: list[str] = []
        for step in route.path.removeprefix("/organizations/{orgId}").split("/")[1:]:
            filled.append(self._value(filled, step[1:-1], route) if step.startswith("{") else step)
        return "/" + "/".join(filled)

    def _value(self, before: list[str], name: str, route: Route) -> str:
        noun = before[-1]
        if noun in KINDS:
            return KINDS[noun]
        if name == "entityType":
            return "Notification"
        for place in ("/".join(before[-2:]), noun):
            if place in self.ids:
                return self.ids[place]
        assert name != "id", f"{route.path}: say in {__name__} which id {noun} has in the organization"
        return "Notification"  # a kind, or the name of something elsewhere

    def names_something(self, route: Route) -> bool:
        """Whether the path has an id of something that is the organization's."""
        return not set(self.path(route).split("/")).isdisjoint(self.ids.values())

    def group(self, ids: set[str]) -> str:
        """The id of a resource group that holds these, of whatever types they are."""
        org, group = self.world.org, self.world.org.ids.new()
        members = [
            Put(MEMBER, created({}, org.ids.new(), "x", org.clock.now()), unique={"member": member_value(group, id_)})
            for id_ in ids
        ]
        org.store.commit(org.id, members)
        return group

    def client(self, function: str, org_id: str, statements: list[dict[str, Any]] | None = None) -> Client:
        if function not in self.handlers:
            groups = GroupMemberships(self.world.org.store)
            self.handlers[function] = core.build(routes_of(function), groups=groups)
        client = Client(self.handlers[function], org_id)
        return client if statements is None else Client(self.handlers[function], org_id, statements)

    def belongings(self) -> Any:
        """All that is stored of the organization, and of no organization (keys, organizations)."""
        org = self.world.org
        return (
            {key: row for key, row in org.store.rows.items() if key[0] in {org.id, ROOT}},
            {key: body for key, body in self.world.bills.headers.items() if key[0] == org.id},
            {key: body for key, body in self.world.bills.lines.items() if key[0] == org.id},
            [event for event in self.world.events.events() if event.org_id == org.id],
            [message for message in self.world.queue.messages if message["orgId"] == org.id],
        )


@contextmanager
def deployed() -> Iterator[Deployment]:
    """A deployment whose functions are composed as on AWS, but for the adapters."""
    with pytest.MonkeyPatch.context() as patch:
        world = World()
        org, usage, secrets = world.org, FakeUsageLog(), FakeSecrets()
        adapters: dict[str, Any] = {
            "entities": org.store,
            "bills": world.bills,
            "events": world.events,
            "usage_reader": usage,
            "usage_explorer": usage,
            "blobs": org.blobs,
            "billing_queue": world.queue,
            "statement_queue": world.statements,
            "export_queue": FakeQueue(),
            "merge_queue": FakeQueue(),
            "delivery_queue": FakeQueue(),
            "integration_queue": FakeQueue(),
            "secrets": secrets,
            "clock": org.clock,
            "ids": org.ids,
        }
        for name, adapter in adapters.items():
            patch.setattr(stores, name, lambda adapter=adapter: adapter)
        patch.setattr("usance.bootstrap.billing.client", lambda _: None)
        patch.setattr("usance.bootstrap.billing.DynamoBillJobProgress", lambda *_: FakeBillJobProgress())
        patch.setattr("usance.bootstrap.ingest._usage_writer", lambda: usage)
        patch.setattr("usance.bootstrap.configuration._check_url", lambda _: None)
        for name in ("ENTITIES_TABLE", "EVENTS_TABLE", "USAGE_TABLE", "DOCUMENTS_BUCKET"):
            patch.setenv(name, "none")
        _forget_composed()
        try:
            yield Deployment(world)
        finally:
            _forget_composed()


def _forget_composed() -> None:
    for module in pkgutil.iter_modules(usance.bootstrap.__path__):
        for _, value in inspect.getmembers(importlib.import_module(f"usance.bootstrap.{module.name}")):
            if hasattr(value, "cache_clear"):
                value.cache_clear()


def query(route: Route) -> dict[str, str]:
    """The query parameters without which the route refuses."""
    required = {
        one.name: "true" if one.schema.get("type") == "boolean" else "x"
        for one in route.operation.query
        if one.required
    }
    return required | QUERIES.get(route.operation.id, {})


def body(route: Route) -> dict[str, Any]:
    """Enough of a body for the routes that look at it before they ask for permission."""
    return BODIES.get(route.operation.id, {})

"""An organization in memory with a client of its configuration, and one valid body of every resource."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, cast

from tests.fakes.blobs import FakeBlobStore
from tests.fakes.clock import CountingIds, FrozenClock
from tests.fakes.composed import Composed
from tests.fakes.credit_bodies import CREDIT_BODIES
from tests.fakes.entities import FakeEntityRepository
from tests.fakes.http import ALLOW_ALL, Answer, Client
from tests.fakes.mailer import FakeMailer
from tests.fakes.queue import FakeQueue
from tests.fakes.secrets import FakeSecrets
from usance.application.access.create_organization import create_organization
from usance.application.access.groups import GroupMemberships
from usance.application.entities.ports import EntityPorts
from usance.application.exports.ports import ExportPorts
from usance.application.lookups.ports import LookupPorts
from usance.application.ports.entities import EntityRepository
from usance.application.principals.invite import Post
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.metering.custom_sql import CustomSql
from usance.entrypoints.http import core, entities
from usance.resources.registry import BY_TYPE
from usance.resources.resource import Resource

PRIVATE_HOST = "10.0.0.1"


def refuse_private(url: str) -> None:
    if PRIVATE_HOST in url or not url.startswith("https://"):
        raise InvalidInputError("url: this address may not be reached")


def refuse_unclosed(expression: str) -> None:
    if expression.count("(") != expression.count(")"):
        raise InvalidInputError(
            f"configData.mapping: Expected ) before end of expression (line 1, column {len(expression)})"
        )


def refuse_random(query: CustomSql) -> None:
    if "random" in query.text:
        raise InvalidInputError(f"customSql: random() differs; it may name {', '.join((*query.numbers, *query.texts))}")


@dataclass
class Organization:
    """`make("plan")` creates a plan and all that it needs, and answers its document."""

    clock: FrozenClock = field(default_factory=FrozenClock)
    ids: CountingIds = field(default_factory=CountingIds)
    real: EntityRepository | None = None  # a contract test's own store, in place of the one in memory

    def __post_init__(self) -> None:
        self.pauses: list[int] = []
        self.store = cast("FakeEntityRepository", self.real or FakeEntityRepository(self.clock))
        self.ports = EntityPorts(
            self.store,
            self.clock,
            self.ids,
            FakeSecrets(),
            refuse_private,
            refuse_unclosed,
            refuse_random,
            self.pauses.append,
        )
        self.id = create_organization(self.store, self.clock, self.ids, name="Example")
        self.other_id = create_organization(self.store, self.clock, self.ids, name="Other")
        self.blobs = FakeBlobStore()
        self.lookups = LookupPorts(self.store, self.clock, self.ids, self.blobs)
        self.mailer, self.unsent = FakeMailer(), list[str]()
        self.post = Post(self.mailer, "https://example.com/in", lambda id_, _: self.unsent.append(id_))
        self.exports = FakeQueue()
        self.exporting = ExportPorts(self.store, self.clock, self.ids, self.exports)
        self.handler = _HANDLERS.of(self)
        self.client = Client(self.handler, self.id)
        self.count = 0
        self.made_once: dict[str, dict[str, Any]] = {}

    def as_caller(self, *statements: Mapping[str, Any], org_id: str | None = None) -> Client:
        return Client(self.handler, org_id or self.id, [dict(row) for row in statements or ALLOW_ALL])

    def make(self, type_: str, **more: Any) -> dict[str, Any]:
        answer = self.create(type_, **more)
        assert answer.status == 200, answer.text
        return dict(answer.json)

    def as_principal(self, id_: str, type_: str = "SERVICE_USER") -> Client:
        return Client(self.handler, self.id, principal_id=id_, principal_type=type_)

    def make_user(self, **more: Any) -> dict[str, Any]:
        """A user, by invitation."""
        invitation = self.make("orgUserInvitation", **more)
        return dict(self.client.post(f"/invitations/{invitation['id']}/accept").json)

    def create(self, type_: str, **more: Any) -> Answer:
        return self.client.post(f"/{self.path(BY_TYPE[type_])}", self.body(type_, **more))

    def shared(self, type_: str) -> dict[str, Any]:
        """An entity that all those made here live in or share."""
        if type_ not in self.made_once:
            self.made_once[type_] = self.make(type_)
        return self.made_once[type_]

    def path(self, row: Resource) -> str:
        """Where the entities of a row are; for one that lives in another, in the shared one of that."""
        within = row.within
        return row.path.replace(f"{{{within.field}}}", self.shared(within.type)["id"]) if within else row.path

    def query(self, row: Resource) -> dict[str, Any]:
        """What a list of the row must be asked."""
        return {"counterId": self.shared("counter")["id"]} if row.type == "counterAdjustment" else {}

    def body(self, type_: str, **more: Any) -> dict[str, Any]:
        """A valid body; `more` replaces properties, and removes those given as None."""
        self.count += 1
        merged = {**_BODIES[type_](self, more), **more}
        return {name: value for name, value in merged.items() if value is not None}


def _compose(present: Callable[[], Organization]) -> core.Handler:
    def groups(org_id: str, ids: Sequence[str], named: frozenset[str]) -> Mapping[str, frozenset[str]]:
        return GroupMemberships(present().store)(org_id, ids, named)

    routes = entities.routes(
        lambda: present().ports, lambda: present().lookups, lambda: present().exporting, lambda: present().post
    )
    return core.build(routes, groups=groups)


_HANDLERS = Composed(_compose)


def _product(org: Organization, _: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": "API", "code": f"product {org.count}", "customFields": {"tier": "gold", "weight": Decimal("1.50")}}


def _meter(org: Organization, _: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": "Requests",
        "code": f"meter {org.count}",
        "dataFields": [
            {"category": "MEASURE", "code": "tokens", "name": "Tokens", "unit": "tokens"},
            {"category": "WHERE", "code": "region", "name": "Region"},
        ],
        "derivedFields": [
            {"category": "MEASURE", "code": "thousands", "name": "K", "unit": "k", "calculation": "tokens / 1000"}
        ],
    }


def _aggregation(org: Organization, more: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": "Tokens",
        "code": f"tokens_{org.count}",
        "meterId": more["meterId"] if "meterId" in more else org.make("meter")["id"],
        "targetField": "tokens",
        "aggregation": "SUM",
        "quantityPerUnit": 1,
        "rounding": "NONE",
        "unit": "tokens",
    }


def _template(org: Organization, more: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": "Monthly",
        "code": f"template {org.count}",
        "productId": more["productId"] if "productId" in more else org.make("product")["id"],
        "currency": "USD",
        "billFrequency": "MONTHLY",
        "standingCharge": 20,
    }


def _plan(org: Organization, more: Mapping[str, Any]) -> dict[str, Any]:
    template = more["planTemplateId"] if "planTemplateId" in more else org.make("planTemplate")["id"]
    return {"name": "Plan", "code": f"plan {org.count}", "planTemplateId": template}


def _pricing(org: Organization, more: Mapping[str, Any]) -> dict[str, Any]:
    parent = {} if {"planId", "planTemplateId"} & more.keys() else {"planId": org.make("plan")["id"]}
    return {
        **parent,
        "code": f"pricing {org.count}",
        "aggregationId": more["aggregationId"] if "aggregationId" in more else org.make("aggregation")["id"],
        "pricingBands": [{"lowerLimit": 0, "fixedPrice": 0, "unitPrice": Decimal("0.0000030")}],
        "startDate": "2026-01-01T00:00:00Z",
    }


def _account(org: Organization, _: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": "Acme", "code": f"account {org.count}", "emailAddress": "billing@example.com"}


def _account_plan(org: Organization, more: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "accountId": more["accountId"] if "accountId" in more else org.make("account")["id"],
        "planId": more["planId"] if "planId" in more else org.make("plan")["id"],
        "code": f"account plan {org.count}",
        "startDate": "2026-01-01T00:00:00+00:00",
    }


def _currency(org: Organization, _: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": "Credits", "code": f"C{org.count:02}"}


def _config(_: Organization, __: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "timezone": "Europe/Berlin",
        "yearEpoch": "2026-01-01",
        "monthEpoch": "2026-01-01",
        "weekEpoch": "2026-01-05",
        "dayEpoch": "2026-01-01",
        "currency": "USD",
        "daysBeforeBillDue": 30,
    }


def _custom_fields(_: Organization, __: Mapping[str, Any]) -> dict[str, Any]:
    return {"account": {"discount": Decimal("0.1"), "Some name": "text"}}


def _rule(org: Organization, _: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": "Large bill",
        "code": f"large_bill_{org.count}",
        "description": "Tells of bills over 50",
        "eventName": "billing.bill.updated",
        "calculation": "new.billTotal > 50",
    }


def _webhook(org: Organization, _: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": "Receiver",
        "description": "Takes notifications",
        "code": f"receiver{org.count}",
        "url": "https://hooks.example.com/usance",
        "credentials": {"type": "M3TER_SIGNED_REQUEST", "apiKey": "key", "secret": "hush"},
    }


def _integration(org: Organization, more: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": "Tell the receiver",
        "entityType": "Notification",
        "entityId": more["entityId"] if "entityId" in more else org.make("notificationConfiguration")["id"],
        "destination": "Webhook",
        "destinationId": more["destinationId"] if "destinationId" in more else org.make("webhook")["id"],
        "configData": {"a": [1, {"b": None}]},
    }


def _definition(_: Organization, __: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": "Daily",
        "aggregationFrequency": "DAY",
        "dimensions": [{"name": "region", "filter": ["*"]}],
        "measures": [{"name": "tokens", "aggregations": ["SUM"]}],
        "includePricePerUnit": True,
    }


def _policy(_: Organization, __: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": "Readers of plans",
        "permissionPolicy": [
            {"effect": "ALLOW", "action": ["CONFIG_RETRIEVE"], "resource": ["config:plan/*"]},
            {"effect": "deny", "action": ["config:delete"], "resource": ["config:plan/item/12345"]},
        ],
    }


def _service_user(_: Organization, __: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": "Integration"}


def _invitation(org: Organization, _: Mapping[str, Any]) -> dict[str, Any]:
    return {"email": f"person{org.count}@example.com", "firstName": "A", "lastName": "Person"}


def _destination(org: Organization, _: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": "Lake",
        "code": f"destination {org.count}",
        "bucketName": "data-lake",
        "iamRoleArn": "arn:aws:iam::123456789012:role/exports",
        "prefix": "billing",
    }


def _export_schedule(org: Organization, _: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": "Nightly",
        "code": f"schedule {org.count}",
        "sourceType": "OPERATIONAL",
        "operationalDataTypes": ["ACCOUNTS"],
        "scheduleType": "DAY",
        "period": 1,
    }


_BODIES: dict[str, Callable[[Organization, Mapping[str, Any]], dict[str, Any]]] = {
    "dataExportDestination": _destination,
    "dataExportSchedule": _export_schedule,
    "savedQuery": lambda _, __: {"name": "Yesterday", "usageQuery": {"timePeriod": "YESTERDAY"}},
    "support": lambda _, __: {"dtEndSupportUsersAccess": "2027-01-01T00:00:00Z"},
    "product": _product,
    "meter": _meter,
    "aggregation": _aggregation,
    "planTemplate": _template,
    "plan": _plan,
    "pricing": _pricing,
    "account": _account,
    "accountPlan": _account_plan,
    "currency": _currency,
    "organizationConfig": _config,
    "customField": _custom_fields,
    "notificationConfiguration": _rule,
    "webhook": _webhook,
    "integrationConfiguration": _integration,
    "statementDefinition": _definition,
    **CREDIT_BODIES,
    "permissionPolicy": _policy,
    "serviceUser": _service_user,
    "orgUserInvitation": _invitation,
}

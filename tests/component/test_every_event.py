"""Every published event: raised once by the change it names, in order, complete, and without secrets (platform.md 6).

What happens goes through the use cases; the stores tell of it as the stream of the table does, and each record comes twice.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.component.test_ingest import World as Ingesting
from tests.fakes.clock import FrozenClock
from tests.fakes.queue import FakeQueue
from tests.fakes.stream import PRIVATE, Stream, StreamingBills, StreamingEntities
from tests.unit.application.billing.world import World as Company
from tests.unit.application.exports.test_exports import ACCOUNTS, Exports
from tests.unit.application.notifications.world import World as Sending
from usance.application.exports.run_export_job import run_export_job
from usance.application.notifications.deliver_run import deliver_run
from usance.application.notifications.record_change import record_change
from usance.application.notifications.stores import Stores
from usance.application.ports.events import Event, EventQuery, to_wire
from usance.application.statements.cancel_statement_job import cancel_statement_job
from usance.application.statements.create_statement_jobs import create_statement_jobs
from usance.domain.access import Caller, Statement
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.notifications.delivery import Fault, Outcome
from usance.entrypoints.stream import notifications
from usance.resources.event_fields import fields_of
from usance.resources.event_names import ENTITIES, EVENT_NAMES, FAILURES, KINDS
from usance.resources.registry import BY_TYPE
from usance.resources.resource import Verb
from usance.resources.wire import Document, dumps

PLACE = {"created": ("newDto",), "updated": ("newDto", "oldDto"), "deleted": ("oldDto",)}
NO_FIELDS = {"version", "orgId", "dtCreated", "dtLastModified", "createdBy", "lastModifiedBy"}
CHANGES = {"name": "Another name"}
TYPES = {entity: type_ for type_, entity in ENTITIES.items()}


def never_raised() -> dict[str, str]:
    """The names that the guide says no change can raise, and why."""
    guide = Path("docs/webhooks.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ((?:`[a-z.]+`(?:, )?)+) \| (.+) \|$", guide, re.MULTILINE)
    return {name: reason for names, reason in rows for name in re.findall(r"`([a-z.]+)`", names) if name in EVENT_NAMES}


@dataclass
class TickingClock(FrozenClock):
    """No two changes fall into one instant, as none of one entity can."""

    def now(self) -> datetime:
        self.instant += timedelta(milliseconds=1)
        return self.instant


@dataclass
class Life:
    """A company whose stores stream."""

    stream: Stream = field(default_factory=Stream)

    def __post_init__(self) -> None:
        clock = TickingClock()
        store = StreamingEntities(clock, stream=self.stream)
        self.world = Company(clock, real=(store, StreamingBills(entities=store)))
        self.world.configure(timezone="UTC")
        self.org = self.world.org

    def events(self) -> Iterator[Event]:
        """What the notifications function records of it, in the order of its list, each record brought twice."""
        world = self.world
        handle = notifications.handler(
            lambda: Stores(self.org.store, world.events, FakeQueue(), FakeQueue(), self.org.clock)
        )
        for record in self.stream.records:
            for _ in range(2):
                assert handle({"Records": [record]}, None) == {"batchItemFailures": []}
        handle({"Records": self.stream.records}, None)  # the shard is read from its start again
        token = None
        while True:
            page = world.events.list_page(self.org.id, EventQuery(), page_size=100, next_token=token)
            yield from world.events.get_many(self.org.id, [one["id"] for one in page.data])
            token = page.next_token
            if token is None:
                return

    def ok(self, answer: Any) -> Any:
        assert answer.status == 200, answer.text
        return answer.json

    def change(self, path: str, body: Document) -> Any:
        """PUT what is there with another name, if it has one."""
        return self.ok(self.org.client.put(path, {**body, **{k: v for k, v in CHANGES.items() if k in body}}))


def a_row(type_: str) -> Callable[[Life], str]:
    """Create, update and delete, as far as the API offers it."""
    row = BY_TYPE[type_]

    def live(life: Life) -> str:
        made = life.org.make(type_)
        path = f"/{life.org.path(row)}/{made['id']}"
        if Verb.UPDATE in row.verbs:
            life.change(path, made)
        life.ok(life.org.client.delete(path))
        return str(made["id"])

    return live


def a_singleton(path: str) -> Callable[[Life], str]:
    """Made with the organization."""

    def live(life: Life) -> str:
        life.change(path, life.ok(life.org.client.get(path)))
        return life.org.id

    return live


def a_band(type_: str, path: str) -> Callable[[Life], str]:
    """One band is priced anew while its neighbour stays, then goes; the other goes with the pricing."""

    def live(life: Life) -> str:
        bands = [{"lowerLimit": limit, "fixedPrice": 0, "unitPrice": 1} for limit in (0, 10)]
        made = life.org.make(type_, pricingBands=bands)
        first, second = made["pricingBands"]
        dearer = life.change(f"/{path}/{made['id']}", {**made, "pricingBands": [first, {**second, "unitPrice": 2}]})
        fewer = {**dearer, "pricingBands": dearer["pricingBands"][:1]}
        life.change(f"/{path}/{made['id']}", fewer)
        life.ok(life.org.client.delete(f"/{path}/{made['id']}"))
        return str(second["id"])

    return live


def a_bill(life: Life) -> str:
    account = life.world.subscribe()
    (bill_id,) = life.world.run()["billIds"]
    life.world.use(account, "2025-12-05T00:00:00Z", 7)
    assert life.world.run()["billIds"] == [bill_id]
    life.ok(life.world.client.delete(f"/bills/{bill_id}"))
    return str(bill_id)


def a_bill_job(life: Life) -> str:
    life.world.subscribe()
    return str(life.world.run()["id"])


def a_draw(life: Life) -> str:
    """The transaction by which a bill draws on a balance: larger when the bill is, gone when the bill is."""
    account = life.world.subscribe(template={"standingCharge": 20})
    dates = {"startDate": "2025-01-01T00:00:00Z", "endDate": "2027-01-01T00:00:00Z"}
    balance = life.org.make("balance", accountId=account["id"], **dates)
    path = f"/balances/{balance['id']}/transactions"
    life.ok(life.org.client.post(path, {"amount": 1000}))
    (bill_id,) = life.world.run()["billIds"]
    life.world.use(account, "2025-12-05T00:00:00Z", 7)
    life.world.run()
    (draw,) = [one for one in life.ok(life.org.client.get(path))["data"] if one["amount"] < 0]
    life.ok(life.world.client.delete(f"/bills/{bill_id}"))
    return str(draw["id"])


def a_bill_config(life: Life) -> str:
    for day in ("2025-01-31", "2025-02-28"):
        life.ok(life.world.client.put("/billconfig", {"billLockDate": day}))
    return life.org.id


def a_statement_job(life: Life) -> str:
    life.world.subscribe()
    caller = Caller(life.org.id, "user", "SERVICE_USER", (Statement("ALLOW", ("ALL",), ("*",)),))
    org, bills = life.org, life.world.run()["billIds"]
    (job,) = create_statement_jobs(
        org.store,
        life.world.bills,
        FakeQueue(),
        org.clock,
        org.ids,
        caller=caller,
        bill_ids=bills,
        include_csv=True,
        meter_ids=(),
    )
    cancel_statement_job(org.store, org.clock, caller=caller, job_id=job["id"])
    return str(job["id"])


LIVES: dict[str, Callable[[Life], str]] = {
    **{type_: a_row(type_) for type_ in ENTITIES if type_ in BY_TYPE},
    "organization": lambda life: life.org.id,
    "organizationConfig": a_singleton("/organizationconfig"),
    "customField": a_singleton("/customfields"),
    "pricingBand": a_band("pricing", "pricings"),
    "bill": a_bill,
    "billJob": a_bill_job,
    "billConfig": a_bill_config,
    "balanceTransaction": a_draw,
    "statementJob": a_statement_job,
}


@cache
def life_of(type_: str) -> tuple[str, tuple[Event, ...]]:
    """The id of an entity that lived a life, and its events, the first one first."""
    life = Life()
    id_ = LIVES[type_](life)
    found = [
        event
        for event in life.events()
        if event.resource_id == id_ and event.name.rpartition(".")[0] == ENTITIES[type_]
    ]
    return id_, tuple(reversed(found))


def changes() -> list[str]:
    """The names that some change raises."""
    return [name for name in EVENT_NAMES if name not in FAILURES and name not in never_raised()]


@pytest.mark.parametrize("name", changes())
def test_a_change_raises_the_event_that_names_it(name: str) -> None:
    entity, _, kind = name.rpartition(".")
    id_, events = life_of(TYPES[entity])
    raised = [event for event in events if event.name == name]
    once = {"created": 1, "deleted": 1}.get(kind, len(raised))
    assert len(raised) == once >= 1
    for event in raised:
        data = event.detail["eventData"]
        assert tuple(data) == PLACE[kind]
        for side in data.values():
            assert (side["id"], bool(side["createdBy"]), bool(side["orgId"])) == (id_, True, True)
            assert set(side) - NO_FIELDS <= {field.partition(".")[2] for field in fields_of(name)}
        assert PRIVATE.encode() not in dumps(to_wire(event))


@pytest.mark.parametrize("type_", LIVES)
def test_the_events_of_an_entity_follow_its_versions(type_: str) -> None:
    _, events = life_of(type_)
    kinds = [event.name.rpartition(".")[2] for event in events]
    assert kinds == sorted(kinds, key=KINDS.index)
    versions = [
        event.detail["eventData"]["newDto"]["version"] for event in events if "newDto" in event.detail["eventData"]
    ]
    assert versions == sorted(set(versions))
    if type_ != "pricingBand":  # whose versions are those of its pricing
        assert versions == list(range(versions[0], versions[0] + len(versions)))
    for before, after in pairwise(events):
        if "newDto" in after.detail["eventData"] and type_ != "pricingBand":
            assert after.detail["eventData"]["oldDto"] == before.detail["eventData"]["newDto"]


def test_bands_of_counter_pricings_have_events_too_and_an_equal_neighbour_none() -> None:
    life = Life()
    second = a_band("counterPricing", "counterpricings")(life)
    bands = [event for event in reversed(list(life.events())) if event.name.startswith("configuration.pricingband")]
    kinds: dict[str, list[str]] = {}
    for event in bands:
        kinds.setdefault(str(event.resource_id), []).append(event.name.rpartition(".")[2])
    assert kinds.pop(second) == ["created", "updated", "deleted"]
    assert list(kinds.values()) == [["created", "deleted"]]


def a_failed_bill_job(name: str) -> list[Event]:
    life = Life()
    life.org.make("currency", code="EUR", name="Euro")
    life.world.use(life.world.subscribe(template={"currency": "EUR"}), "2025-12-05T00:00:00Z", 7)
    life.world.run()
    return life.world.events.events(name)


def a_failed_delivery(outcome: Outcome, runs: int = 1) -> Callable[[str], list[Event]]:
    def fail(name: str) -> list[Event]:
        sending = Sending()
        sending.rule()
        sending.webhook()
        sending.link()
        sending.sender.outcomes = (outcome,)
        for version in range(2, 2 + runs):
            sending.clock.advance(seconds=1)
            for _ in range(2):
                record_change(sending.change(version), sending.stores())
            sending.work()
        return sending.events.events(name)

    return fail


def a_trial_that_arrives(name: str) -> list[Event]:
    sending = Sending()
    sending.rule()
    sending.webhook()
    sending.link()
    sending.sender.outcomes = (*[Outcome(status=401)] * 10, Outcome(status=200))
    for version in range(2, 12):
        sending.clock.advance(seconds=1)
        record_change(sending.change(version), sending.stores())
    sending.work()
    sending.clock.advance(hours=1)
    for _ in range(2):
        deliver_run(sending.org, sending.trials[0][0]["runId"], sending.deliverer())
    return sending.events.events(name)


def a_failed_export(name: str) -> list[Event]:
    exports = Exports()
    destination = exports.org.make("dataExportDestination")
    exports.targets.refusals = [InvalidInputError("AccessDenied")]
    exports.ask(**ACCOUNTS, destinationIds=[destination["id"]])
    [(message, _)] = exports.org.exports.take()
    for _ in range(2):
        run_export_job(exports.bench, message["orgId"], message["jobId"], time_is_up=lambda: False)
    return exports.events.events(name)


def a_failed_measurement(name: str) -> list[Event]:
    company = Ingesting()
    measurement = {"uid": "1", "meter": "unknown", "account": "acme", "ts": "2026-01-15T11:00:00Z", "measure": {"t": 1}}
    for _ in range(2):
        company.send(measurement)
    return company.events.events(name)


FAILING: dict[str, Callable[[str], list[Event]]] = {
    "billing.job.failure": a_failed_bill_job,
    "dataexport.job.failure": a_failed_export,
    "ingest.validation.failure": a_failed_measurement,
    "integration.authentication.error": a_failed_delivery(Outcome(status=401)),
    "integration.validation.error": a_failed_delivery(Outcome(fault=Fault.INVALID_REQUEST)),
    "integration.perform.error": a_failed_delivery(Outcome(status=500)),
    "integration.disabled.error": a_failed_delivery(Outcome(status=401), runs=10),
    "integration.enabled": a_trial_that_arrives,
}


@pytest.mark.parametrize("name", FAILING)
def test_a_failure_raises_the_event_that_names_it_once_however_often_it_is_told(name: str) -> None:
    [event] = FAILING[name](name)
    assert event.resource_id or event.detail
    assert b"the-secret" not in dumps(to_wire(event))


def test_every_published_name_is_raised_or_the_guide_says_why_not() -> None:
    raised = {*changes(), *FAILING}
    assert not raised & never_raised().keys()
    assert raised | never_raised().keys() == set(EVENT_NAMES)

"""Bills on their way to accounting systems: nothing is lost or doubled between the system and the store."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.fakes.chargebee import FakeChargebee
from tests.fakes.connectors import Asked, FakeHttpClient
from tests.fakes.netsuite import FakeNetSuite, credentials
from tests.fakes.paddle import FakePaddle, refused
from tests.fakes.quickbooks import FakeQuickBooks
from tests.fakes.xero import FakeXero, invalid
from tests.unit.application.integrations.test_bills import CALLER
from tests.unit.application.integrations.world import SYSTEM, World
from tests.unit.application.notifications.delivering import ORG
from tests.unit.application.notifications.fuse import Fuse, Killed
from usance.adapters.connectors.chargebee import ChargebeeConnector
from usance.adapters.connectors.netsuite import NetSuiteConnector
from usance.adapters.connectors.paddle import PaddleConnector
from usance.adapters.connectors.quickbooks import QuickBooksConnector
from usance.adapters.connectors.xero import XeroConnector
from usance.application.integrations.memory import StoredMemory
from usance.application.integrations.send_now import send_now
from usance.application.integrations.start_runs import line_for
from usance.application.notifications.configurations import SEALED, put_configuration
from usance.application.notifications.deliver_run import deliver_run
from usance.application.notifications.lanes import take_line
from usance.application.notifications.leases import LEASE_TYPE
from usance.domain.integrations.answers import Answer
from usance.domain.integrations.faults import ConnectorError
from usance.domain.notifications.pacing import CONNECTORS
from usance.resources import wire

USER = {
    "type": "OAUTH_CLIENT_CREDENTIALS",
    "clientId": "client",
    "clientSecret": "secret of the client",
    "refreshToken": "first token",
    "tenantId": "tenant",
}

VENDORS: dict[str, Any] = {
    "Xero": (FakeXero, XeroConnector, USER, {"accountCode": "200"}, ("Contact", "contact-1")),
    "QuickBooks": (
        FakeQuickBooks,
        QuickBooksConnector,
        USER | {"realmId": "4620"},
        {"defaultItemId": "1"},
        ("Customer", "1"),
    ),
    "Chargebee": (FakeChargebee, ChargebeeConnector, {"site": "acme-test", "apiKey": "key"}, {}, ("Customer", "c1")),
    "NetSuite": (
        FakeNetSuite,
        NetSuiteConnector,
        credentials(),
        {"currencies": {"USD": "1"}, "defaultItemId": "1"},
        ("Customer", "1"),
    ),
    "Paddle": (FakePaddle, PaddleConnector, {"apiKey": "key"}, {}, ("Customer", "ctm_1")),
}


def to_xero(xero: FakeXero) -> World:
    world = World(http=FakeHttpClient(xero))
    world.make = XeroConnector
    world.configure(credentials=USER, configData={"accountCode": "200"})
    world.map(to="contact-1", externalTable="Contact")
    world.clock.advance(seconds=1)
    return world


def memory(world: World) -> StoredMemory:
    return StoredMemory(world.entities, world.secrets, world.clock, SYSTEM)


def test_a_new_refresh_token_is_kept_sealed_and_used_the_next_time() -> None:
    xero = FakeXero()
    world = to_xero(xero)
    world.bill()
    world.work()
    world.clock.advance(hours=1)
    world.bill("20.00")
    world.work()
    assert [token["refresh_token"] for token in xero.tokens] == [["first token"], ["next"]]
    kept = memory(world).credentials(ORG, "configuration")
    assert (kept["refreshToken"], kept["clientSecret"], kept["type"]) == ("next", USER["clientSecret"], USER["type"])
    assert "secret of the client" not in repr(
        world.entities.get_private(ORG, "integrationConfiguration", ["configuration"])
    )
    assert [one["Total"] for one in xero.invoices.values()] == [20.0]


@pytest.mark.parametrize("system", VENDORS)
def test_being_killed_around_any_request_or_write_leaves_one_invoice(system: str) -> None:
    def prepared() -> tuple[World, Mapping[str, object]]:
        vendor, connector, credentials, options, mapped = VENDORS[system]
        there = vendor()
        world = World(http=FakeHttpClient(there))
        world.make = lambda outside: connector(replace(outside, http=world.fuse.guard(outside.http)))
        world.configure(credentials=credentials, configData=options)
        world.map(to=mapped[1], externalTable=mapped[0])
        world.clock.advance(seconds=1)
        world.bill(status="APPROVED")
        return world, there.transactions if isinstance(there, FakePaddle) else there.invoices

    whole, _ = prepared()
    whole.fuse = Fuse()
    whole.work()
    for step in range(1, whole.fuse.steps + 1):
        world, invoices = prepared()
        [(message, _)] = world.queue.take()
        world.fuse = Fuse(step)
        with pytest.raises(Killed):
            deliver_run(world.org, message["runId"], world.deliverer())
        world.clock.advance(minutes=31)  # the queue brings the message again
        world.queue.send([message])
        world.work()
        assert [run["status"] for run in world.runs()] == ["COMPLETE"], step
        assert len(invoices) == 1, step
        assert [mapping["externalId"] for mapping in world.mappings()] == list(invoices), step


def test_an_invoice_that_was_made_and_never_recorded_is_voided_when_its_bill_is_deleted() -> None:
    xero = FakeXero(lost=1)
    world = to_xero(xero)
    world.bill()
    [(message, _)] = world.queue.take()
    deliver_run(world.org, message["runId"], world.deliverer())
    assert [one["Status"] for one in xero.invoices.values()] == ["DRAFT"]
    world.delete_bill()
    world.work()
    assert [one["Status"] for one in xero.invoices.values()] == ["DELETED"]
    assert {run["status"] for run in world.runs()} == {"COMPLETE"}


@pytest.mark.parametrize("ended", ["lost", "cut off", "in an error"])
def test_so_is_one_of_another_run_that_did_not_learn_of_it(ended: str) -> None:
    xero = FakeXero(lost=1)
    world = to_xero(xero)
    tell, world.tell = world.tell, lambda *_change: None  # type: ignore[method-assign]
    world.bill()
    send_now(CALLER, "configuration", {"entityIds": ["bill"]}, world.stores(), world.bills)
    [(message, _)] = world.queue.take()
    if ended == "cut off":

        def deadly(asked: Asked) -> Answer:
            try:
                return xero(asked)
            except ConnectorError as lost:
                raise Killed from lost

        world.http.answers = deadly
        with pytest.raises(Killed):
            deliver_run(ORG, message["runId"], world.deliverer())
        world.clock.advance(minutes=31)
        world.queue.send([message])
    else:
        deliver_run(ORG, message["runId"], world.deliverer())
    if ended == "in an error":
        xero.refuses.append(invalid("no"))
        world.work()
        assert world.runs()[0]["status"] == "ERROR"
    assert [one["Status"] for one in xero.invoices.values()] == ["DRAFT"]
    world.tell = tell  # type: ignore[method-assign]
    world.delete_bill()
    world.work()
    assert [one["Status"] for one in xero.invoices.values()] == ["DELETED"]


def test_no_secret_and_no_token_is_in_the_log_of_a_run() -> None:
    xero = FakeXero()
    world = to_xero(xero)
    world.bill()
    world.work()
    for run in world.runs():
        assert run["status"] == "COMPLETE"
        for secret in ("secret of the client", "first token", "the-access-token"):
            assert secret not in repr(run)


def test_a_system_that_waits_for_approval_has_nothing_recorded_until_then() -> None:
    site = FakeChargebee()
    world = World(http=FakeHttpClient(site))
    world.make = ChargebeeConnector
    world.configure(credentials={"type": "CHARGEBEE_AUTH", "site": "acme-test", "apiKey": "key"})
    world.map()
    world.clock.advance(seconds=1)
    world.bill()
    world.work()
    assert not world.mappings()
    world.bill(status="APPROVED")
    world.work()
    assert [run["status"] for run in world.runs()] == ["COMPLETE", "COMPLETE"]
    assert [mapping["externalId"] for mapping in world.mappings()] == ["cb-1"]


def to_paddle(paddle: FakePaddle) -> World:
    world = World(http=FakeHttpClient(paddle))
    world.make = PaddleConnector
    world.configure(credentials={"type": "PADDLE_AUTH", "apiKey": "key"})
    world.map(to="ctm_1")
    world.clock.advance(seconds=1)
    return world


def test_a_run_that_joins_late_waits_for_the_newer_one_that_is_on_its_way() -> None:
    paddle = FakePaddle()
    world = to_paddle(paddle)
    late: list[Any] = []
    tell, world.tell = world.tell, lambda *change: late.append(change)  # type: ignore[method-assign]
    world.bill()
    world.clock.advance(seconds=1)
    send_now(CALLER, "configuration", {"entityIds": ["bill"]}, world.stores(), world.bills)

    def answers(asked: Asked) -> Answer:
        if asked.method == "POST" and late:
            tell(*late.pop())
            for message, _ in world.queue.take():
                deliver_run(message["orgId"], message["runId"], world.deliverer())
        return paddle(asked)

    world.http.answers = answers
    world.work()
    assert paddle.totals() == [("ready", 1230)]
    assert [run["status"] for run in world.runs()] == ["COMPLETE", "COMPLETE"]
    assert (
        len([key for key in world.entities.rows if key[1] == LEASE_TYPE]) == 1
    )  # of the destination; lines leave none


def test_a_line_whose_worker_died_goes_on_when_its_claim_ends() -> None:
    paddle = FakePaddle()
    world = to_paddle(paddle)
    [run] = [world.bill() and world.runs()[0]]
    line = take_line(ORG, line_for({"id": "configuration"}, "bill"), CONNECTORS, world.stores())
    assert line
    [(message, _)] = world.queue.take()
    assert deliver_run(ORG, message["runId"], world.deliverer()) == "WAITING"
    world.clock.advance(minutes=7)
    assert deliver_run(ORG, run["id"], world.deliverer()) == "COMPLETE"
    assert paddle.totals() == [("ready", 1230)]


@pytest.mark.parametrize("version_read", [1, 2])
@pytest.mark.parametrize("replaced", [USER | {"refreshToken": "of another sign-in"}, None])
def test_credentials_that_somebody_replaces_or_removes_while_an_attempt_renews_them_stay_so(
    replaced: Mapping[str, str] | None, version_read: int
) -> None:
    xero = FakeXero()
    world = to_xero(xero)
    world.bill()

    def somebody_sends_others() -> None:
        before = world.entities.get(ORG, "integrationConfiguration", "configuration") or {}
        sealed = world.secrets.seal(wire.dumps(dict(replaced)).decode(), context="configuration") if replaced else None
        private = {SEALED: sealed} if sealed else {}
        after = {**before, "version": before["version"] + 1}
        world.entities.commit(ORG, [put_configuration(after, before["version"], private=private)])

    def answers(asked: Asked) -> Answer:
        if "identity.xero.com" in asked.url and version_read == 2:
            somebody_sends_others()
        return xero(asked)

    world.http.answers = answers
    if version_read == 1:  # between what `keep_credentials` reads and what it writes
        commit, done = world.entities.commit, []

        def late(org_id: str, changes: Any) -> None:
            if changes[0].type == "integrationConfiguration" and not done:
                done.append(True)
                somebody_sends_others()
            commit(org_id, changes)

        world.entities.commit = late  # type: ignore[method-assign]
    world.work()
    assert memory(world).credentials(ORG, "configuration") == (replaced or {})
    assert [run["status"] for run in world.runs()] == ["COMPLETE"]


def test_a_token_that_is_renewed_twice_in_an_attempt_is_kept_both_times() -> None:
    xero = FakeXero()
    world = to_xero(xero)
    world.bill()
    stale = [Answer(401)]
    world.http.answers = lambda asked: stale.pop() if "/Invoices" in asked.url and stale else xero(asked)
    world.work()
    assert [token["refresh_token"] for token in xero.tokens] == [["first token"], ["next"]]
    assert memory(world).credentials(ORG, "configuration")["refreshToken"] == "next"


def test_a_draft_that_could_not_be_issued_is_taken_back_when_its_bill_is_deleted() -> None:
    paddle = FakePaddle()
    world = to_paddle(paddle)
    world.edit(configData={"issueOnApproval": True})
    patches = [refused(400, "transaction_invalid_status_change")]
    world.http.answers = lambda asked: patches.pop() if asked.method == "PATCH" and patches else paddle(asked)
    world.bill(status="APPROVED")
    world.work()
    assert [run["status"] for run in world.runs()] == ["ERROR"]
    world.delete_bill()
    world.work()
    assert paddle.totals() == [("canceled", 1230)]

"""Bills go to an external system as they change, and each is one invoice there."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.application.integrations.world import World
from tests.unit.application.notifications.delivering import ORG
from tests.unit.application.notifications.fuse import Fuse, Killed
from usance.application.notifications.deliver_run import deliver_run
from usance.application.notifications.replay_run import replay_run
from usance.application.ports.connectors import BillJob, Sent
from usance.domain.access import Caller, Statement
from usance.domain.integrations.faults import ConnectorError
from usance.domain.kernel.errors import NotFoundError, UnavailableError, UsanceError, VersionConflictError
from usance.domain.notifications.delivery import Fault

ALL = Statement("allow", ("all",), ("*",))
CALLER = Caller(ORG, "me", "SERVICE_USER", (ALL,))


@pytest.fixture
def world() -> World:
    world = World()
    world.configure()
    world.map()
    world.clock.advance(seconds=1)
    return world


def statuses(world: World) -> list[str]:
    """Of the runs, oldest first."""
    return [run["status"] for run in reversed(world.runs())]


def test_a_bill_is_sent_when_it_is_made_and_the_run_says_where_it_is(world: World) -> None:
    world.bill()
    world.work()
    [run] = world.runs()
    assert (run["status"], run["externalId"], run["url"]) == ("COMPLETE", "inv_1", "https://fake.example/inv_1")
    assert (run["entityType"], run["entityId"], run["destination"]) == ("Bill", "bill", "Stripe")
    assert run["destinationId"] == "configuration"
    assert world.system.invoices["inv_1"]["lines"] == [("API calls", Decimal("12.30"))]


def test_the_connector_gets_options_credentials_and_what_is_mapped(world: World) -> None:
    world.edit(configData={"anything": 1})
    world.map("Product", "product", "prod_1", externalTable="Product")
    world.map("Account", "account", "cus_of_another_system", externalSystem="Xero")
    world.bill()
    world.work()
    [(_, job)] = world.system.calls
    assert job.connection.options == {"anything": 1}
    assert job.connection.credentials["apiKey"] == "the-api-key"
    assert job.known.of("Account", "account", "Customer") == "cus_1"
    assert job.known.of("Product", "product") == "prod_1"
    assert "the-api-key" not in repr(job)


def test_a_mapping_of_the_configuration_counts_more_than_one_of_the_system_and_that_of_another_not_at_all(
    world: World,
) -> None:
    world.configure("other")
    world.map(to="cus_own", integrationConfigId="configuration")
    world.map(to="cus_other", integrationConfigId="other")
    world.bill()
    world.work()
    told = {job.connection.configuration_id: job.known.of("Account", "account") for _, job in world.system.calls}
    assert told == {"configuration": "cus_own", "other": "cus_other"}


def test_a_bill_that_is_calculated_again_updates_its_invoice(world: World) -> None:
    world.bill()
    world.work()
    world.bill("20.00")
    world.work()
    assert statuses(world) == ["COMPLETE", "COMPLETE"]
    assert [one["total"] for one in world.system.invoices.values()] == [Decimal("20.00")]
    [mapping] = world.mappings()
    assert (mapping["m3terEntity"], mapping["m3terId"], mapping["externalTable"]) == ("Bill", "bill", "Invoice")
    assert (mapping["externalId"], mapping["integrationConfigId"]) == ("inv_1", "configuration")


def test_approval_finalises_it(world: World) -> None:
    world.bill()
    world.bill(status="APPROVED")
    world.work()
    assert [one["status"] for one in world.system.invoices.values()] == ["open"]


def test_with_that_option_a_bill_is_sent_on_approval_alone(world: World) -> None:
    world.edit(configData={"onlySendBillOnApproval": True})
    world.bill()
    world.bill("20.00")
    assert world.runs() == []
    world.bill("20.00", status="APPROVED")
    world.work()
    assert [one["total"] for one in world.system.invoices.values()] == [Decimal("20.00")]


def test_a_bill_whose_approval_was_taken_back_meanwhile_is_not_sent(world: World) -> None:
    world.edit(configData={"onlySendBillOnApproval": True})
    world.bill(status="APPROVED")
    world.bill()
    world.work()
    assert statuses(world) == ["COMPLETE"]
    assert world.system.invoices == {}


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({"accountIds": ["account"]}, True),
        ({"accountIds": ["another"]}, False),
        ({"restrictedAccountIds": ["account"]}, False),
        ({"accountIds": ["account"], "restrictedAccountIds": ["account"]}, False),
        ({"accountIds": [], "restrictedAccountIds": ["another"]}, True),
    ],
)
def test_lists_of_accounts_decide_whose_bills_are_sent(world: World, options: dict[str, Any], sent: bool) -> None:
    world.edit(configData=options)
    world.bill()
    world.work()
    assert bool(world.system.invoices) is sent


@pytest.mark.parametrize("more", [{"enabled": False}, {"entityType": "Account"}, {"entityId": "another bill"}])
def test_a_configuration_that_is_off_or_for_other_entities_sends_no_bill(world: World, more: dict[str, Any]) -> None:
    world.edit(**more)
    world.bill()
    assert world.runs() == []


def test_a_change_that_no_invoice_shows_is_not_sent(world: World) -> None:
    header = world.bill()
    world.work()
    world.tell("bill", header, {**header, "version": 2, "csvStatementGenerated": True, "dtLastModified": "2026-01-16"})
    assert len(world.runs()) == 1
    world.tell("bill", header, {**header, "version": 3, "dueDate": "2026-05-01", "dtLastModified": "2026-01-17"})
    assert len(world.runs()) == 2


def test_the_invoice_of_a_deleted_bill_is_void_and_forgotten(world: World) -> None:
    world.bill()
    world.work()
    world.delete_bill()
    world.work()
    assert world.system.invoices["inv_1"]["status"] == "void"
    assert world.mappings() == []
    assert statuses(world) == ["COMPLETE", "COMPLETE"]


def test_a_bill_that_was_deleted_before_it_was_sent_leaves_nothing(world: World) -> None:
    world.bill()
    world.delete_bill()
    world.work()
    assert world.system.calls == []
    assert statuses(world) == ["COMPLETE", "COMPLETE"]


def test_a_bill_that_is_made_again_under_its_id_gets_an_invoice_of_its_own(world: World) -> None:
    world.bill()
    world.work()
    world.delete_bill()
    world.bill("5.00")
    world.work()
    states = {id_: one["status"] for id_, one in world.system.invoices.items()}
    assert states == {"inv_1": "void", "inv_2": "draft"}
    assert [mapping["externalId"] for mapping in world.mappings()] == ["inv_2"]


def test_runs_of_a_bill_wait_for_one_another_whatever_order_their_messages_come_in(world: World) -> None:
    world.system.failures = [ConnectorError(Fault.PASSING, "down")]
    world.bill()
    world.bill("20.00")
    messages = [message for message, _ in world.queue.take()]
    deliver_run(world.org, messages[0]["runId"], world.deliverer())
    deliver_run(world.org, messages[1]["runId"], world.deliverer())
    assert statuses(world) == ["AWAITING_RETRY", "WAITING"]
    world.work()
    assert statuses(world) == ["COMPLETE", "COMPLETE"]
    assert len(world.system.invoices) == 1


@pytest.mark.parametrize(
    ("fault", "status", "event"),
    [
        (Fault.CREDENTIALS_REFUSED, "AUTH_FAILED", "integration.authentication.error"),
        (Fault.PAYLOAD_REFUSED, "ERROR", "integration.validation.error"),
        (Fault.PERIOD_CLOSED, "ACCOUNTING_PERIOD_CLOSED", "integration.perform.error"),
        (Fault.ALREADY_PAID, "INVOICE_ALREADY_PAID", "integration.perform.error"),
        (Fault.REFUSED, "ERROR", "integration.perform.error"),
    ],
)
def test_a_failure_that_repeating_cannot_mend_is_told_at_once(
    world: World, fault: Fault, status: str, event: str
) -> None:
    world.system.failures = [ConnectorError(fault, "because")]
    world.bill()
    world.work()
    [run] = world.runs()
    assert (run["status"], run["error"]) == (status, f"{fault.value}: because")
    [told] = world.events.events(event)
    assert told.account_id == "account"
    assert told.detail["integrationRunId"] == run["id"]
    assert told.detail["entityId"] == "bill"
    assert len(world.dead_letters.messages) == 1


def test_an_account_without_mapping_is_told_and_a_replay_after_mapping_it_sends_the_bill() -> None:
    world = World()
    world.configure()
    world.bill()
    world.work()
    [told] = world.events.events("integration.missingaccountmapping.error")
    assert told.detail["accountId"] == "account"
    assert statuses(world) == ["ERROR"]
    world.map()
    replay_run(CALLER, world.runs()[0]["id"], world.stores())
    world.work()
    assert statuses(world) == ["ERROR", "COMPLETE"]
    assert len(world.system.invoices) == 1


def test_a_passing_fault_is_tried_again_and_a_busy_system_not_before_it_asks_for(world: World) -> None:
    wait = timedelta(minutes=50)
    world.system.failures = [ConnectorError(Fault.PASSING, "down"), ConnectorError(Fault.RATE_LIMITED, "slow", wait)]
    world.bill()
    for expected in ("AWAITING_RETRY", "RATE_LIMIT_RETRY"):
        [(message, delay), *_] = world.queue.take()
        world.clock.advance(seconds=delay + 60)
        deliver_run(world.org, message["runId"], world.deliverer())
        assert statuses(world) == [expected]
    began = world.clock.now()
    world.work()
    assert statuses(world) == ["COMPLETE"]
    assert world.clock.now() - began >= wait
    assert [attempt["fault"] for attempt in world.runs()[0]["delivery"]["attempts"]] == [
        "PASSING",
        "RATE_LIMITED",
        None,
    ]


def test_an_answer_that_cannot_be_read_is_logged_tried_again_and_stops_no_later_run(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    class Puzzled:
        """A connector that does not find what it was promised."""

        def send(self, job: BillJob) -> Sent:
            return Sent({"total": job.invoice.total}["id"])  # type: ignore[arg-type]

        def void(self, job: BillJob) -> None:
            raise AssertionError(job)

    readable = world.make
    world.make = lambda _outside: Puzzled()
    world.bill()
    world.bill("20.00")
    [(message, _), *_] = world.queue.take()
    deliver_run(world.org, message["runId"], world.deliverer())
    assert statuses(world)[0] == "AWAITING_RETRY"
    [logged] = caplog.records
    assert logged.exc_info
    assert logged.exc_info[0] is KeyError
    world.work(rounds=1_000)
    assert statuses(world) == ["ERROR", "ERROR"]
    assert world.runs()[0]["error"] == f"{Fault.PASSING.value}: its answer could not be read (KeyError)"
    world.make = readable
    world.bill("30.00")
    world.work()
    assert statuses(world)[-1] == "COMPLETE"


@pytest.mark.parametrize("refusal", [VersionConflictError, NotFoundError])
def test_a_rival_for_something_else_brings_the_message_again(world: World, refusal: type[UsanceError]) -> None:
    """Such as who deletes an external mapping, or the configuration, while something is to be kept with it."""

    class Rivalled:
        def send(self, job: BillJob) -> Sent:
            raise refusal(job.idempotency_key)

        def void(self, job: BillJob) -> None:
            raise AssertionError(job)

    world.make = lambda _outside: Rivalled()
    world.bill()
    [(message, _)] = world.queue.take()
    with pytest.raises((UnavailableError, NotFoundError)):
        deliver_run(world.org, message["runId"], world.deliverer())


def test_bills_that_are_wrong_themselves_do_not_disable_the_integration_and_wrong_credentials_do(world: World) -> None:
    for fault, disabled in ((Fault.ACCOUNT_NOT_MAPPED, False), (Fault.CREDENTIALS_REFUSED, True)):
        world.system.failures = [ConnectorError(fault, "no") for _ in range(10)]
        for number in range(10):
            world.bill(f"{number + 1}.00")
            world.work()
        configuration = world.entities.get(world.org, "integrationConfiguration", "configuration")
        assert configuration
        assert configuration["enabled"] is not disabled
    assert len(world.events.events("integration.disabled.error")) == 1


def test_a_run_of_an_integration_that_was_switched_off_is_over(world: World) -> None:
    world.bill()
    world.edit(enabled=False)
    world.work()
    assert statuses(world) == ["DISABLED"]
    assert world.system.calls == []


def test_a_change_that_the_stream_brings_twice_makes_one_run(world: World) -> None:
    header = world.bill()
    world.tell("bill", None, header)
    world.work()
    assert statuses(world) == ["COMPLETE"]


def test_a_worker_killed_while_it_voids_leaves_no_invoice_in_the_end() -> None:
    def prepared() -> World:
        world = World()
        world.configure()
        world.map()
        world.bill()
        world.work()
        world.delete_bill()
        return world

    whole = prepared()
    whole.fuse = Fuse()
    whole.work()
    for step in range(1, whole.fuse.steps + 1):
        world = prepared()
        [(message, _)] = world.queue.take()
        world.fuse = Fuse(step)
        with pytest.raises(Killed):
            deliver_run(world.org, message["runId"], world.deliverer())
        world.clock.advance(minutes=31)
        world.queue.send([message])
        world.work()
        assert statuses(world) == ["COMPLETE", "COMPLETE"], step
        assert [one["status"] for one in world.system.invoices.values()] == ["void"], step
        assert world.mappings() == [], step


def test_a_worker_killed_at_any_step_leaves_one_invoice_in_the_end() -> None:
    def prepared() -> World:
        world = World()
        world.configure()
        world.map()
        world.clock.advance(seconds=1)
        world.bill()
        return world

    whole = prepared()
    whole.fuse = Fuse()
    whole.work()
    for step in range(1, whole.fuse.steps + 1):
        world = prepared()
        [(message, _)] = world.queue.take()
        world.fuse = Fuse(step)
        with pytest.raises(Killed):
            deliver_run(world.org, message["runId"], world.deliverer())
        world.clock.advance(minutes=31)  # the queue brings the message again
        world.queue.send([message])
        world.work()
        assert statuses(world) == ["COMPLETE"], step
        assert len(world.system.invoices) == 1, step
        assert [mapping["externalId"] for mapping in world.mappings()] == ["inv_1"], step

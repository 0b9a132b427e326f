"""What was not delivered can be delivered again, once, under the id that the receiver knows."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

import pytest

from tests.fakes.queue import FakeQueue
from tests.unit.application.notifications.fuse import Fuse, Killed
from tests.unit.application.notifications.world import World
from usance.application.notifications.configurations import put_configuration
from usance.application.notifications.deliver_run import deliver_run
from usance.application.notifications.record_change import record_change
from usance.application.notifications.replay_range import replay_range
from usance.application.notifications.replay_run import replay_run
from usance.application.notifications.runs import RUN_TYPE, changed, put_run
from usance.application.notifications.send_test import send_test
from usance.application.ports.entities import Page, Put
from usance.domain.access import Caller, Statement
from usance.domain.kernel.errors import ForbiddenError, InvalidInputError, NotFoundError
from usance.domain.notifications.delivery import Fault, Outcome
from usance.resources import instants, wire
from usance.resources.wire import Document

ALL = Statement("allow", ("all",), ("*",))
REJECTED, GOOD = (Outcome(status=403),), (Outcome(status=200),)


def caller(world: World, *statements: Statement) -> Caller:
    return Caller(world.org, "me", "SERVICE_USER", (ALL, *statements))


def prepared(outcomes: tuple[Outcome, ...], *, changes: int = 1, **webhook: Any) -> World:
    """So many deliveries, an hour between them, made and over."""
    world = World()
    world.sender.outcomes = outcomes
    world.rule()
    world.webhook(**webhook)
    world.link()
    for version in range(2, changes + 2):
        record_change(world.change(version), world.stores())
        world.work()
        world.clock.advance(hours=1)
    world.sender.outcomes = GOOD
    return world


def replay(world: World, run: Document) -> Document:
    return replay_run(caller(world), run["id"], world.stores())


def again(world: World, after: datetime | None = None, **more: Any) -> Page:
    body = {"startDate": instants.to_text(after) if after else "2026-01-01", "endDate": instants.to_text(world.now)}
    return replay_range(caller(world), "webhook", {**body, **more}, world.stores())


def bodies(world: World) -> list[bytes]:
    return [body for _, body, _ in world.sender.sent]


def test_a_failed_run_is_delivered_again_by_a_run_of_its_own() -> None:
    world = prepared(REJECTED)
    [failed] = world.runs()
    repeat = replay(world, failed)
    assert repeat["replayedFromIntegrationRunId"] == failed["id"] != repeat["id"]
    assert (repeat["status"], repeat["createdBy"]) == ("WAITING", "SERVICE_USER_me")
    assert "delivery" not in repeat
    world.work()
    newest, before = world.runs()
    assert (newest["id"], newest["status"], before["status"]) == (repeat["id"], "COMPLETE", "AUTH_FAILED")
    first, second = world.sender.sent
    assert first[1] == second[1]
    assert first[2]["X-M3ter-Delivery-Id"] == second[2]["X-M3ter-Delivery-Id"] == failed["id"]
    assert wire.loads(second[1])["id"] == failed["id"]


def test_what_was_delivered_can_be_delivered_again_too_and_a_replay_as_well() -> None:
    world = prepared(GOOD)
    for _ in range(3):
        replay(world, world.runs()[0])
        world.work()
        world.clock.advance(seconds=1)
    assert len(bodies(world)) == 4
    assert len(set(bodies(world))) == 1


def relinked(world: World, **more: Any) -> None:
    """The link leads elsewhere from now on."""
    old = world.entities.get(world.org, "integrationConfiguration", "rule-webhook") or {}
    new = {**old, "version": old["version"] + 1, **more}
    world.entities.commit(world.org, [put_configuration(new, old["version"])])


def test_what_failed_is_delivered_again_to_the_webhook_that_its_rule_is_linked_to_now() -> None:
    world = prepared(REJECTED)
    [failed] = world.runs()
    world.webhook("other", url="https://other.example/hook", ordered=True)
    relinked(world, destinationId="other")
    made = replay(world, failed)
    assert (made["destinationId"], made["replayedFromIntegrationRunId"]) == ("other", failed["id"])
    world.work()
    assert [url for url, _, _ in world.sender.sent] == ["https://example.com/hook", "https://other.example/hook"]
    assert bodies(world)[0] == bodies(world)[1]


def test_a_time_is_delivered_again_to_the_webhook_that_it_is_asked_for() -> None:
    world = prepared(REJECTED, changes=2)
    world.webhook("other", url="https://other.example/hook")
    relinked(world, destinationId="other")
    assert again(world).data == []
    body = {"startDate": "2026-01-01", "endDate": instants.to_text(world.now)}
    made = replay_range(caller(world), "other", body, world.stores()).data
    assert [run["destinationId"] for run in made] == ["other", "other"]


def test_nothing_is_replayed_by_an_integration_that_leads_to_no_webhook_any_more() -> None:
    world = prepared(REJECTED)
    [failed] = world.runs()
    relinked(world, destination="Stripe", destinationId=None)
    with pytest.raises(InvalidInputError, match="links no rule to a webhook any more"):
        replay(world, failed)


def test_while_a_replay_is_on_its_way_asking_again_makes_no_other() -> None:
    world = prepared(REJECTED)
    [failed] = world.runs()
    assert replay(world, failed)["id"] == replay(world, failed)["id"]
    world.work()
    assert len(world.sender.sent) == 2
    world.clock.advance(seconds=1)
    replay(world, failed)
    world.work()
    assert len(world.sender.sent) == 3


def test_a_replay_that_is_asked_for_while_the_run_is_settled_is_made_and_the_run_settled() -> None:
    world, made = World(), []
    deliverer = world.deliverer()

    class Asked(FakeQueue):
        def send(self, messages: Sequence[Document], *, delay_seconds: int = 0) -> None:
            super().send(messages, delay_seconds=delay_seconds)
            made.append(replay(world, world.runs()[0]))

    world.sender.outcomes = REJECTED
    world.rule()
    world.webhook()
    world.link()
    record_change(world.change(2), world.stores())
    [(message, _)] = world.queue.take()
    deliver_run(message["orgId"], message["runId"], replace(deliverer, dead_letters=Asked()))
    runs = {run["id"]: run for run in world.runs()}
    assert runs[message["runId"]]["delivery"]["settled"]
    assert set(runs) == {message["runId"], made[0]["id"]}


def test_a_run_that_is_settled_while_its_replay_is_made_is_repeated_all_the_same() -> None:
    world = prepared(REJECTED)
    [failed] = world.runs()
    stores = world.stores()

    class Meanwhile:
        """The store; the first commit comes second to another."""

        def __init__(self) -> None:
            self.others = [put_run(changed(failed, world.now, delivery={"settled": True}), failed["version"])]

        def __getattr__(self, name: str) -> Any:
            return getattr(world.entities, name)

        def commit(self, org_id: str, changes: Any) -> None:
            if self.others:
                world.entities.commit(org_id, [self.others.pop()])
            world.entities.commit(org_id, changes)

    disturbed = replace(stores, entities=cast(Any, Meanwhile()))
    body = {"startDate": "2026-01-01", "endDate": instants.to_text(world.now)}
    [repeat] = replay_range(caller(world), "webhook", body, disturbed).data
    assert repeat["replayedFromIntegrationRunId"] == failed["id"]


def test_a_request_killed_at_any_step_and_sent_again_makes_one_replay() -> None:
    for step in range(1, 100):
        world = prepared(REJECTED)
        [failed] = world.runs()
        world.fuse = Fuse(step)
        try:
            replay(world, failed)
        except Killed:
            replay(world, failed)
        else:
            return
        world.work()
        assert len(world.runs()) == 2, step
        assert len(world.sender.sent) == 2, step
    pytest.fail("a replay takes too many steps")


def test_a_run_that_is_not_over_or_cannot_be_delivered_is_not_replayed() -> None:
    world = prepared(GOOD)
    [run] = world.runs()
    with pytest.raises(NotFoundError):
        replay(world, {"id": "nowhere"})
    waiting = replay(world, run)
    with pytest.raises(InvalidInputError, match="is WAITING"):
        replay(world, waiting)
    world.work()
    world.clock.advance(days=29)
    with pytest.raises(InvalidInputError, match="expired"):
        replay(world, run)
    webhook = world.entities.get(world.org, "webhook", "webhook") or {}
    world.entities.commit(world.org, [Put("webhook", {**webhook, "version": 2, "active": False}, 1)])
    with pytest.raises(InvalidInputError, match="activate it first"):
        replay(world, run)
    configuration = world.entities.get(world.org, "integrationConfiguration", "rule-webhook") or {}
    world.entities.commit(world.org, [put_configuration({**configuration, "version": 2, "enabled": False}, 1)])
    with pytest.raises(InvalidInputError, match="enable it first"):
        replay(world, run)


def test_who_may_not_update_a_run_may_not_replay_it() -> None:
    world = prepared(REJECTED, changes=2)
    denied, other = world.runs()
    deny = Statement("deny", ("config:update",), (f"config:integrationRun/item/{denied['id']}",))
    with pytest.raises(ForbiddenError):
        replay_run(caller(world, deny), denied["id"], world.stores())
    body = {"startDate": "2026-01-01", "endDate": "2026-02-01"}
    made = replay_range(caller(world, deny), "webhook", body, world.stores()).data
    assert [run["replayedFromIntegrationRunId"] for run in made] == [other["id"]]
    deny = Statement("deny", ("config:update",), ("config:webhook",))
    for refused in (
        lambda: replay_range(caller(world, deny), "webhook", body, world.stores()),
        lambda: send_test(caller(world, deny), "webhook", world.stores()),
    ):
        with pytest.raises(ForbiddenError):
            refused()


def test_a_time_is_replayed_but_for_what_was_delivered() -> None:
    world = prepared((*REJECTED, *GOOD, *REJECTED), changes=4)
    fourth, third, _second, first = world.runs()
    began = instants.from_text(first["dtCreated"])
    made = again(world, after=began)
    assert made.next_token is None
    assert [run["replayedFromIntegrationRunId"] for run in made.data] == [fourth["id"], third["id"]]
    world.work()
    assert again(world, after=began).data == []
    assert len(again(world, after=began, statuses=["COMPLETE"]).data) == 3
    assert len(again(world).data) == 1


def test_what_fired_while_the_integration_was_disabled_gets_its_first_run() -> None:
    world = prepared(GOOD)
    configuration = world.entities.get(world.org, "integrationConfiguration", "rule-webhook") or {}
    world.entities.commit(world.org, [put_configuration({**configuration, "version": 2, "enabled": False}, 1)])
    record_change(world.change(3), world.stores())
    assert len(world.runs()) == 1
    with pytest.raises(InvalidInputError, match="enable it first"):
        again(world)
    world.entities.commit(world.org, [put_configuration({**configuration, "version": 3, "enabled": True}, 2)])
    world.clock.advance(seconds=1)
    [made] = again(world).data
    assert "replayedFromIntegrationRunId" not in made
    world.work()
    assert len(bodies(world)) == 2
    assert wire.loads(bodies(world)[1])["m3terEvent"]["eventData"]["newDto"]["version"] == 3


def versions(world: World) -> list[int]:
    return [wire.loads(body)["m3terEvent"]["eventData"]["newDto"]["version"] for body in bodies(world)]


@pytest.mark.parametrize("fired_while_disabled", [False, True])
def test_an_ordered_webhook_gets_a_time_again_by_the_time_of_the_events(*, fired_while_disabled: bool) -> None:
    world = prepared(REJECTED, changes=0 if fired_while_disabled else 3, ordered=True)
    if fired_while_disabled:
        configuration = world.entities.get(world.org, "integrationConfiguration", "rule-webhook") or {}
        world.entities.commit(world.org, [put_configuration({**configuration, "version": 2, "enabled": False}, 1)])
        for version in (2, 3, 4):
            record_change(world.change(version), world.stores())
            world.clock.advance(hours=1)
        world.entities.commit(world.org, [put_configuration({**configuration, "version": 3}, 2)])
    sent = len(world.sender.sent)
    made = again(world).data
    stored = [world.entities.get(world.org, RUN_TYPE, run["id"]) or {} for run in made]
    firings = [world.events.get(world.org, run["delivery"]["eventId"]) for run in stored]
    times = [firing.time for firing in firings if firing]
    assert len(times) == 3
    assert times == sorted(times, reverse=True)
    world.work()
    assert versions(world)[sent:] == [2, 3, 4]


def test_what_is_delivered_again_goes_before_newer_deliveries_that_wait() -> None:
    world = prepared(REJECTED, ordered=True)
    [repeated] = world.runs()
    for newer in (3, 4):
        record_change(world.change(newer), world.stores())
        world.clock.advance(seconds=1)
        repeated = replay(world, repeated)
        world.work()
    assert versions(world) == [2, 2, 3, 2, 4]


def test_a_long_time_is_replayed_page_by_page_over_all_integrations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("usance.application.notifications.replay_range.FIRINGS_AT_ONCE", 2)
    world = prepared(REJECTED, changes=5)
    world.rule("another", event="billing.bill.created")
    world.link("another")
    world.rule("third")
    world.link("third")
    record_change(world.change(99), world.stores())
    world.work()
    world.clock.advance(seconds=1)
    made: list[Document] = []
    page = again(world, statuses=["AUTH_FAILED", "COMPLETE"])
    for _ in range(20):
        made += page.data
        if page.next_token is None:
            break
        page = again(world, statuses=["AUTH_FAILED", "COMPLETE"], nextToken=page.next_token)
    assert page.next_token is None
    assert len({run["replayedFromIntegrationRunId"] for run in made}) == len(made) == 7


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "startDate"),
        ({"startDate": "2026-02-01", "endDate": "2026-01-01"}, "endDate must be after startDate"),
        ({"startDate": "2026-01-01", "endDate": "2026-02-01", "statuses": ["LOST"]}, "statuses"),
        ({"startDate": "2026-01-01", "endDate": "2026-02-01", "nextToken": "nonsense"}, "nextToken"),
    ],
)
def test_a_time_that_makes_no_sense_is_refused(body: dict[str, Any], named: str) -> None:
    world = prepared(GOOD)
    with pytest.raises(InvalidInputError, match=named):
        replay_range(caller(world), "webhook", body, world.stores())
    with pytest.raises(NotFoundError):
        replay_range(caller(world), "nowhere", body, world.stores())


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Outcome(status=200), "COMPLETE"),
        (Outcome(status=500), "ERROR"),
        (Outcome(status=401), "AUTH_FAILED"),
        (Outcome(fault=Fault.TIMEOUT), "TIMEOUT_LIMIT_EXCEEDED"),
    ],
)
def test_a_test_send_is_signed_made_once_and_without_consequences(outcome: Outcome, status: str) -> None:
    world = World()
    world.webhook(active=False)
    world.sender.outcomes = (outcome,)
    run = send_test(caller(world), "webhook", world.stores())
    assert (run["entityType"], run["destinationId"], run["createdBy"]) == ("Webhook", "webhook", "SERVICE_USER_me")
    world.work()
    [(_, body, headers)] = world.sender.sent
    sent = wire.loads(body)
    assert sent["id"] == run["id"] == headers["X-M3ter-Delivery-Id"]
    assert (sent["eventName"], sent["notification"]["code"], sent["m3terEvent"]) == ("webhook.test", "test", {})
    assert headers["X-M3ter-Signature"]
    assert world.runs()[0]["status"] == status
    assert world.events.events() == world.dead_letters.messages == []
    deliver_run(world.org, run["id"], world.deliverer())
    assert len(world.sender.sent) == 1
    with pytest.raises(InvalidInputError, match="test send"):
        replay(world, run)


def test_nothing_is_sent_to_a_webhook_that_is_not_there() -> None:
    world = World()
    with pytest.raises(NotFoundError):
        send_test(caller(world), "nowhere", world.stores())
    world.webhook()
    send_test(caller(world), "webhook", world.stores())
    del world.entities.rows[world.org, "webhook", "webhook"]
    world.work()
    assert (world.runs()[0]["status"], world.sender.sent) == ("DISABLED", [])

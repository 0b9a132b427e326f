"""Billing from event files to answers: the API, the worker and the schedules."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.raising import raising_of
from tests.unit.application.billing.world import World
from usance.application.billing.credits.on_record import AHEAD
from usance.application.billing.run_message import ATTEMPTS_MAX
from usance.application.ports.entities import Put
from usance.bootstrap.scheduler import Scheduler
from usance.domain.kernel.errors import UnavailableError
from usance.entrypoints.http import billing, core
from usance.entrypoints.queue import bill_worker
from usance.entrypoints.schedule import scheduler
from usance.resources.instants import from_text

EVENTS = Path(__file__).parents[2] / "events"
FILE_ORG = "0190a5d0-ac96-774b-bcce-b302099a8057"
FILE_JOB = "0190a5d0-c003-7000-8000-000000000003"
FILE_ACCOUNT = "0190a5d0-c004-7000-8000-000000000004"


class Context:
    """What a function is told about its invocation."""

    function_name, memory_limit_in_mb, aws_request_id = "f", 1, "r"

    def get_remaining_time_in_millis(self) -> int:
        return 240_000


CONTEXT = Context()


@pytest.fixture
def world() -> World:
    return World()


def load(name: str, **ids: str) -> dict[str, Any]:
    """An event file with the ids of the test in place of its own."""
    text = (EVENTS / f"{name}.json").read_text(encoding="utf-8")
    for old, new in ids.items():
        text = text.replace(globals()[old], new)
    event: dict[str, Any] = json.loads(text)
    return event


def api(world: World, name: str) -> tuple[int, Any]:
    handle = core.build(billing.routes(lambda: world.stores))
    answer = handle(load(name, FILE_ORG=world.org.id), CONTEXT)
    return answer["statusCode"], json.loads(answer["body"])


def test_the_api_starts_a_job_that_the_worker_finishes(world: World) -> None:
    account = world.subscribe()
    status, job = api(world, "billing_create_bill_job")
    assert (status, job["status"], job["lastDateInBillingPeriod"]) == (200, "PENDING", "2026-01-31")
    (expand,) = [message for message, _ in world.queue.take()]
    assert expand == {"kind": "expand", "orgId": world.org.id, "jobId": job["id"]}
    event = load("bill_worker_messages", FILE_ORG=world.org.id, FILE_JOB=job["id"], FILE_ACCOUNT=account["id"])
    assert bill_worker.handler(lambda: world.bench)(event, CONTEXT) == {"batchItemFailures": []}
    status, answer = api(world, "billing_list_bills")
    assert status == 200
    assert world.get(f"/billjobs/{job['id']}")["status"] == "COMPLETE"
    assert "data" in answer


def test_the_worker_reports_only_what_failed(world: World) -> None:
    account = world.subscribe()
    _, job = api(world, "billing_create_bill_job")
    event = load("bill_worker_messages", FILE_ORG=world.org.id, FILE_JOB=job["id"], FILE_ACCOUNT=account["id"])
    world.usage.outages = 1
    failed = bill_worker.handler(lambda: world.bench)(event, CONTEXT)
    assert failed == {"batchItemFailures": [{"itemIdentifier": event["Records"][1]["messageId"]}]}
    event["Records"] = event["Records"][1:]
    assert bill_worker.handler(lambda: world.bench)(event, CONTEXT) == {"batchItemFailures": []}
    assert world.get(f"/billjobs/{job['id']}")["status"] == "COMPLETE"


def test_the_last_delivery_gives_up_and_says_so(world: World) -> None:
    account = world.subscribe()
    _, job = api(world, "billing_create_bill_job")
    event = load("bill_worker_messages", FILE_ORG=world.org.id, FILE_JOB=job["id"], FILE_ACCOUNT=account["id"])
    event["Records"][1]["attributes"]["ApproximateReceiveCount"] = str(ATTEMPTS_MAX)
    world.usage.outages = 9
    assert bill_worker.handler(lambda: world.bench)(event, CONTEXT) == {"batchItemFailures": []}
    assert [found.account_id for found in world.events.events("billing.job.failure")] == [account["id"]]
    assert world.get(f"/billjobs/{job['id']}")["status"] == "COMPLETE"


def test_the_messages_of_a_batch_take_turns_at_being_the_first(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    (record,) = load("bill_worker_messages")["Records"][:1]
    seen: list[list[int]] = []
    monkeypatch.setattr(bill_worker, "run_message", lambda *words, **_: seen[-1].append(words[2]["number"]))
    for delivery in range(1, 6):
        seen.append([])
        attributes = {**record["attributes"], "ApproximateReceiveCount": str(delivery)}
        records = [
            {**record, "messageId": f"message {n}", "attributes": attributes, "body": json.dumps({"number": n})}
            for n in range(5)
        ]
        assert bill_worker.handler(lambda: world.bench)({"Records": records}, CONTEXT) == {"batchItemFailures": []}
    assert all(sorted(order) == [0, 1, 2, 3, 4] for order in seen)
    poison = 4
    assert {n for order in seen for n in order[: order.index(poison)]} == {0, 1, 2, 3}


@pytest.mark.parametrize("name", ["billing_get_bill", "billing_get_bill_job"])
def test_what_is_not_there_answers_404(world: World, name: str) -> None:
    status, answer = api(world, name)
    assert (status, answer["errorCode"]) == (404, "NOT_FOUND")


def test_the_billing_configuration_is_read(world: World) -> None:
    assert api(world, "billing_get_bill_config") == (200, {"id": world.org.id, "version": 1})


def test_the_schedules_take_their_time_from_the_event(world: World) -> None:
    world.configure(scheduledBillInterval=24, autoApproveBillsGracePeriod=5, autoApproveBillsGracePeriodUnit="MINUTES")
    world.subscribe()
    raising = raising_of(world.org, world.bills)
    run = scheduler.handler(lambda: Scheduler(world.stores, world.org.exporting, raising))
    world.clock.instant = from_text("2030-01-01T00:00:00Z")
    assert run(load("scheduler_billing"), CONTEXT) == {"schedule": "BillingSchedule", "count": 1}
    world.drain()
    assert [bill["billDate"] for bill in world.all_bills()] == ["2026-03-01", "2026-02-01"]
    assert run(load("scheduler_events"), CONTEXT) == {"schedule": "EventSchedule", "count": 0}
    assert run(load("scheduler_approval"), CONTEXT) == {"schedule": "ApprovalSchedule", "count": 1}
    assert [bill["billDate"] for bill in world.all_bills(status="APPROVED")] == ["2026-02-01"]


def test_the_billing_schedule_settles_what_runs_left_on_record(world: World) -> None:
    run = scheduler.handler(lambda: Scheduler(world.stores, world.org.exporting, raising_of(world.org, world.bills)))
    left = {"id": world.org.ids.new(), "version": 1, "billDay": "2026-01-01", "dtLastModified": "2026-01-15T12:00:00Z"}
    world.org.store.commit(world.org.id, [Put(AHEAD, left)])
    assert run(load("scheduler_billing"), CONTEXT) == {"schedule": "BillingSchedule", "count": 1}
    assert world.org.store.get(world.org.id, AHEAD, left["id"]) is None


def test_an_unknown_fault_answers_500_and_comes_again(world: World) -> None:
    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise UnavailableError("the store is busy; repeat the request")

    handle = core.build(billing.routes(Broken))  # type: ignore[arg-type,return-value]
    answer = handle(load("billing_get_bill_config"), CONTEXT)
    assert answer["statusCode"] == 503

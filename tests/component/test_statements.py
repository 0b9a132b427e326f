"""Statements from an event to an answer: routes, statuses, messages."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.unit.application.statements.world import BILL, METER, ORG, World
from usance.application.billing.priced_usage import priced_usage
from usance.application.statements.run_statement_job import run_statement_job
from usance.bootstrap.statements import StatementStores, WorkerStores
from usance.domain.kernel.errors import UnavailableError
from usance.entrypoints.http import core, statements
from usance.entrypoints.queue import statement_worker

EVENTS = Path(__file__).parents[2] / "events"
JOBS = f"/organizations/{ORG}/statementjobs"
FILES = f"/organizations/{ORG}/bills/{BILL}/statement"
CONTEXT = type("Context", (), {"function_name": "f", "memory_limit_in_mb": 1, "aws_request_id": "r"})()

Call = Callable[..., tuple[int, Any]]


def load(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))
    return event


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def call(world: World) -> Call:
    def sleep(_: float) -> None:
        for message in world.queue.take():
            run_job(world, message[0]["jobId"])

    ports = StatementStores(
        world.entities,
        world.bills,
        world.blobs,
        world.queue,
        world.clock,
        world.ids,
        sleep,
    )
    handle = core.build(statements.routes(lambda: ports))

    def send(method: str, path: str, body: Any = None, query: str = "") -> tuple[int, Any]:
        event = load("statements_get_job")
        event |= {"rawPath": path, "rawQueryString": query, "body": "" if body is None else json.dumps(body)}
        event["requestContext"]["http"] |= {"method": method, "path": path}
        event["requestContext"]["authorizer"]["lambda"]["orgId"] = ORG
        answer = handle(event, CONTEXT)
        return answer["statusCode"], json.loads(answer["body"])

    return send


def run_job(world: World, job_id: str) -> object:
    return run_statement_job(
        world.entities,
        world.bills,
        world.usage,
        world.blobs,
        world.clock,
        org_id=ORG,
        job_id=job_id,
        priced=partial(priced_usage, world.bills, world.blobs),
    )


def worker(world: World) -> Callable[[dict[str, Any], Any], Any]:
    ports = WorkerStores(world.entities, world.bills, world.usage, world.blobs, world.clock)
    return statement_worker.handler(lambda: ports)


def message(job_id: str, number: int = 0) -> dict[str, Any]:
    record: dict[str, Any] = load("statement_worker_job")["Records"][0]
    return {**record, "messageId": f"message-{number}", "body": json.dumps({"orgId": ORG, "jobId": job_id})}


def test_a_job_is_created_run_and_read(world: World, call: Call) -> None:
    body = json.loads(load("statements_create_job")["body"]) | {"billId": BILL}
    status, job = call("POST", JOBS, body)
    assert (status, job["statementJobStatus"], job["includeCsvFormat"]) == (200, "PENDING", True)
    assert worker(world)({"Records": [message(job["id"])]}, CONTEXT) == {"batchItemFailures": []}
    status, done = call("GET", f"{JOBS}/{job['id']}")
    assert (status, done["statementJobStatus"]) == (200, "COMPLETE")
    assert done["presignedJsonStatementUrl"].startswith("memory://")


def test_a_batch_answers_a_bare_array(call: Call) -> None:
    status, jobs = call("POST", f"{JOBS}/batch", {"billIds": [BILL], "filters": {"meterIds": [METER]}})
    assert (status, [job["filters"] for job in jobs]) == (200, [{"meterIds": [METER]}])


def test_jobs_are_listed_in_pages(call: Call) -> None:
    ids = [call("POST", JOBS, {"billId": BILL})[1]["id"] for _ in range(3)]
    status, page = call("GET", JOBS, query="pageSize=2&active=true")
    assert (status, [job["id"] for job in page["data"]]) == (200, [ids[2], ids[1]])
    status, page = call("GET", JOBS, query=f"pageSize=2&active=true&nextToken={page['nextToken']}")
    assert ([job["id"] for job in page["data"]], page["nextToken"]) == ([ids[0]], None)


def test_a_job_is_cancelled_without_a_body(call: Call) -> None:
    job = call("POST", JOBS, {"billId": BILL})[1]
    status, cancelled = call("POST", f"{JOBS}/{job['id']}/cancel")
    assert (status, cancelled["statementJobStatus"]) == (200, "CANCELLED")


def test_the_files_of_a_bill_are_answered_as_urls(call: Call) -> None:
    status, answer = call("POST", f"{FILES}/csv")
    assert (status, list(answer)) == (200, ["downloadUrl"])
    assert call("GET", f"{FILES}/csv") == (200, answer)
    assert call("GET", f"{FILES}/json")[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "query", "status", "names"),
    [
        ("POST", JOBS, {}, "", 400, "billId"),
        ("POST", JOBS, {"billId": 7}, "", 400, "billId"),
        ("POST", JOBS, {"billId": BILL, "includeCsvFormat": "yes"}, "", 400, "includeCsvFormat"),
        ("POST", JOBS, {"billId": BILL, "filters": {"meterIds": "all"}}, "", 400, "filters.meterIds"),
        ("POST", JOBS, {"billId": BILL.replace("e", "1")}, "", 400, "billId"),
        ("POST", JOBS, [], "", 400, "object"),
        ("POST", f"{JOBS}/batch", {"billIds": []}, "", 400, "billIds"),
        ("POST", f"{JOBS}/batch", {"billIds": [BILL] * 11}, "", 400, "billIds"),
        ("GET", JOBS, None, f"billId={BILL}&status=COMPLETE", 400, "only one"),
        ("GET", JOBS, None, "status=DONE", 400, "status"),
        ("GET", JOBS, None, "pageSize=101", 400, "pageSize"),
        ("GET", JOBS, None, "nextToken=x", 400, "nextToken"),
        ("GET", f"{JOBS}/{BILL}", None, "", 404, "statement job"),
        ("POST", f"{JOBS}/{BILL}/cancel", None, "", 404, "statement job"),
        ("GET", f"{FILES}/csv", None, "", 404, "statement"),
        ("POST", FILES.replace(BILL, METER) + "/csv", None, "", 404, "bill"),
    ],
)
def test_bad_requests_are_refused_by_name(
    call: Call, method: str, path: str, body: Any, query: str, status: int, names: str
) -> None:
    got, answer = call(method, path, body, query)
    assert got == status
    assert names in answer["message"]


def test_only_the_messages_that_failed_come_again(world: World, call: Call) -> None:
    good, bad = (call("POST", JOBS, {"billId": BILL})[1]["id"] for _ in range(2))
    aggregate, left = world.usage.aggregate, [False, True]

    def once(*args: Any) -> Any:
        if left.pop():
            return aggregate(*args)
        raise UnavailableError("the store is away")

    world.usage.aggregate = once  # type: ignore[method-assign]
    answer = worker(world)({"Records": [message(good, 1), message(bad, 2)]}, CONTEXT)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-2"}]}


def test_all_messages_failing_is_reported_and_not_raised(world: World, call: Call) -> None:
    job = call("POST", JOBS, {"billId": BILL})[1]["id"]
    world.usage.away = True
    answer = worker(world)({"Records": [message(job)]}, CONTEXT)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-0"}]}


def test_a_message_of_a_job_that_is_gone_is_taken_off_the_queue(world: World) -> None:
    assert worker(world)(load("statement_worker_job"), CONTEXT) == {"batchItemFailures": []}

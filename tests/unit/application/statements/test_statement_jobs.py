"""Statement jobs, from being asked for to their files."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from tests.unit.application.statements.world import (
    ACCOUNT,
    AGGREGATION,
    BILL,
    CALLER,
    DEFINITION,
    LINE,
    METER,
    NOBODY,
    ORG,
    STANDING,
    World,
)
from usance.application.billing.priced_usage import priced_usage
from usance.application.ports.entities import Delete, Put
from usance.application.statements.bill_statement import create_bill_csv, get_bill_statement
from usance.application.statements.cancel_statement_job import cancel_statement_job
from usance.application.statements.create_statement_jobs import BATCH_MAX, create_statement_jobs
from usance.application.statements.read_statement_jobs import get_statement_job, list_statement_jobs
from usance.application.statements.request_statement import request_statement
from usance.application.statements.run_statement_job import Outcome, run_statement_job
from usance.domain.access import Statement
from usance.domain.billing.segments import Segmentation
from usance.domain.kernel.errors import (
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
    VersionConflictError,
)
from usance.resources import wire
from usance.resources.wire import Document


@pytest.fixture
def world() -> World:
    return World()


def create(world: World, *bill_ids: str, csv: bool = True, meters: tuple[str, ...] = (), caller: Any = CALLER) -> Any:
    return create_statement_jobs(
        world.entities,
        world.bills,
        world.queue,
        world.clock,
        world.ids,
        caller=caller,
        bill_ids=bill_ids or (BILL,),
        include_csv=csv,
        meter_ids=meters,
    )


def run(world: World, job_id: str) -> str:
    return outcome(world, job_id).status


def outcome(world: World, job_id: str) -> Outcome:
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


def read(world: World, job_id: str) -> Document:
    return get_statement_job(world.entities, world.bills, world.blobs, caller=CALLER, job_id=job_id)


def listed(world: World, **filters: str) -> list[str]:
    given = {"active": None, "status": None, "bill_id": None, **filters}
    page = list_statement_jobs(
        world.entities, world.bills, world.blobs, world.clock, caller=CALLER, page_size=100, next_token=None, **given
    )
    return [job["id"] for job in page.data]


def file_of(job: Document, extension: str = "json", calculated: str = "20231201020000000000") -> str:
    return f"{ORG}/statements/{BILL}/{job['id']}/{calculated}.{extension}"


def made(world: World, extension: str = "json", **options: Any) -> bytes:
    (job,) = create(world, **options)
    assert run(world, job["id"]) == "COMPLETE"
    return world.blobs.get(file_of(job, extension))


def test_a_new_job_waits_and_is_handed_to_the_worker(world: World) -> None:
    (job,) = create(world)
    assert job["statementJobStatus"] == "PENDING"
    assert job["createdBy"] == "SERVICE_USER_user-1"
    assert world.queue.messages == [{"orgId": ORG, "jobId": job["id"]}]
    assert "presignedJsonStatementUrl" not in read(world, job["id"])


def test_a_batch_makes_a_job_for_each_bill_once(world: World) -> None:
    other = "00000000-0000-7000-8000-0000000000ee"
    world.put_bill(id=other)
    jobs = create(world, BILL, other, BILL)
    assert [job["billId"] for job in jobs] == [BILL, other]


def test_a_batch_with_an_unknown_bill_makes_nothing(world: World) -> None:
    with pytest.raises(InvalidInputError, match="billId: there is no bill nowhere"):
        create(world, BILL, "nowhere")
    assert world.queue.messages == []
    assert listed(world) == []


def test_a_batch_has_a_limit(world: World) -> None:
    with pytest.raises(InvalidInputError, match="billIds"):
        create(world, *(f"bill-{number}" for number in range(BATCH_MAX + 1)))


def test_a_caller_without_the_permission_is_refused(world: World) -> None:
    with pytest.raises(ForbiddenError):
        create(world, caller=NOBODY)


def test_a_job_leaves_both_files_and_marks_the_bill(world: World) -> None:
    (job,) = create(world)
    assert run(world, job["id"]) == "COMPLETE"
    done = read(world, job["id"])
    assert done["jsonStatementStatus"] == done["csvStatementStatus"] == "LATEST"
    body, name = world.blobs.fetch(done["presignedCsvStatementUrl"])
    assert name == f"statement-{BILL}.csv"
    assert body.startswith(b"bill id,account code,product,")
    header = world.header
    assert (header["jsonStatementGenerated"], header["csvStatementGenerated"], header["statementStale"]) == (
        True,
        True,
        False,
    )
    assert header["version"] == 2


def test_a_job_without_csv_leaves_json_alone(world: World) -> None:
    (job,) = create(world, csv=False)
    run(world, job["id"])
    done = read(world, job["id"])
    assert "presignedCsvStatementUrl" not in done
    assert "csvStatementStatus" not in done
    assert list(world.blobs.objects) == [file_of(job)]
    assert "csvStatementGenerated" not in world.header


def test_the_answer_shows_only_fields_of_the_api(world: World) -> None:
    (job,) = create(world)
    run(world, job["id"])
    assert set(read(world, job["id"])) == {
        "id",
        "version",
        "orgId",
        "billId",
        "filters",
        "includeCsvFormat",
        "statementJobStatus",
        "jsonStatementStatus",
        "csvStatementStatus",
        "presignedJsonStatementUrl",
        "presignedCsvStatementUrl",
        "dtCreated",
        "dtLastModified",
        "createdBy",
        "lastModifiedBy",
    }


def test_without_a_definition_the_statement_is_by_day(world: World) -> None:
    statement = wire.loads(made(world))
    usage = statement["lineItems"][0]["usage"]
    assert statement["accountName"] == "Acme Ltd"
    assert statement["definition"]["aggregationFrequency"] == "DAY"
    assert [(row["start"], row["measures"]["context_tokens"]["SUM"]) for row in usage] == [
        ("2023-11-02T00:00:00Z", 150),
        ("2023-11-30T00:00:00Z", 150),
    ]
    assert sum(row["measures"]["context_tokens"]["SUM"] for row in usage) == statement["lineItems"][0]["quantity"]


def test_the_definition_of_the_account_comes_before_that_of_the_organization(world: World) -> None:
    monthly = {"aggregationFrequency": "MONTH", "dimensions": [{"name": "region", "filter": ["*"]}]}
    world.add("statementDefinition", id=DEFINITION, **monthly)
    world.add("organizationConfig", id=ORG, defaultStatementDefinitionId=DEFINITION)
    by_organization = wire.loads(made(world))
    assert by_organization["definition"]["id"] == DEFINITION
    rows = by_organization["lineItems"][0]["usage"]
    assert [(row["dimensions"], row["measures"]["context_tokens"]["SUM"]) for row in rows] == [
        ({"region": "FR"}, 150),
        ({"region": "UK"}, 150),
    ]
    own = "00000000-0000-7000-8000-0000000000ff"
    world.add("statementDefinition", id=own, aggregationFrequency="WHOLE_PERIOD")
    world.add("account", id=ACCOUNT, code="acme", name="Acme Ltd", statementDefinitionId=own)
    assert wire.loads(made(world))["definition"]["id"] == own


def test_a_definition_that_was_deleted_counts_as_none(world: World) -> None:
    world.add("account", id=ACCOUNT, code="acme", name="Acme Ltd", statementDefinitionId="gone")
    assert wire.loads(made(world))["definition"]["id"] is None


def test_lines_of_one_meter_and_period_are_read_at_once(world: World) -> None:
    world.set_lines(LINE, STANDING, {**LINE, "id": "line-3", "description": "Again"})
    statement = wire.loads(made(world))
    assert world.usage.reads == 1
    assert statement["lineItems"][2]["usage"] == statement["lineItems"][0]["usage"]


def test_lines_of_segments_share_the_usage_out_in_one_pass(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    groups: list[str] = []
    segment_of = Segmentation.segment_of

    def counting(segmentation: Segmentation, group: Mapping[str, str]) -> Any:
        groups.append(group["region"])
        return segment_of(segmentation, group)

    monkeypatch.setattr(Segmentation, "segment_of", counting)
    segments = [{"region": "*"}, {"region": "UK"}, {"region": "DE"}]
    world.add(
        "aggregation",
        id=AGGREGATION,
        targetField="context_tokens",
        aggregation="SUM",
        segmentedFields=["region"],
        segments=segments,
    )
    world.set_lines(*({**LINE, "id": segment["region"], "segment": segment} for segment in segments), LINE)
    shown = wire.loads(made(world))["lineItems"]
    sums = [[row["measures"]["context_tokens"]["SUM"] for row in line["usage"]] for line in shown]
    assert sums == [[150], [150], [], [150, 150]]
    assert [line.get("segment") for line in shown] == [*segments, None]
    assert sorted(groups) == ["FR", "UK"]


def test_a_line_of_a_contract_shows_the_usage_that_the_contract_bills(world: World) -> None:
    for id_, mode in (("only", "INCLUDE"), ("without", "EXCLUDE")):
        filters = [{"dimensionCode": "region", "mode": mode, "value": "UK"}]
        world.add("contract", id=id_, accountId=ACCOUNT, usageFilters=filters)
    world.set_lines(*({**LINE, "id": id_, "contractId": id_} for id_ in ("only", "without", "gone")))
    shown = wire.loads(made(world))["lineItems"]
    sums = [[row["measures"]["context_tokens"]["SUM"] for row in line["usage"]] for line in shown]
    assert sums == [[150], [150], [150, 150]]
    assert [line["usage"][0]["start"] for line in shown[:2]] == ["2023-11-02T00:00:00Z", "2023-11-30T00:00:00Z"]


def test_a_filter_of_meters_shows_their_lines_alone(world: World) -> None:
    statement = wire.loads(made(world, meters=(METER,)))
    assert [line["lineItemId"] for line in statement["lineItems"]] == ["line-1"]
    other = wire.loads(made(world, meters=("another",)))
    assert other["lineItems"] == []


def test_a_line_whose_meter_is_gone_is_shown_without_usage(world: World) -> None:
    world.set_lines({**LINE, "meterId": "gone"}, STANDING)
    assert [line["usage"] for line in wire.loads(made(world))["lineItems"]] == [[], []]


def test_a_line_of_a_query_of_the_customers_own_shows_what_the_definition_asks_for(world: World) -> None:
    sql = {"aggregation": "CUSTOM_SQL", "customSql": "SELECT max(context_tokens) FROM measurements"}
    world.add("aggregation", id=AGGREGATION, targetField="context_tokens", **sql)
    assert [line["usage"] for line in wire.loads(made(world))["lineItems"]] == [[], []]
    measures = [{"name": "context_tokens", "aggregations": ["MAX", "CUSTOM_SQL"]}]
    world.add("statementDefinition", id=DEFINITION, aggregationFrequency="WHOLE_PERIOD", measures=measures)
    world.add("account", id=ACCOUNT, code="acme", name="Acme Ltd", statementDefinitionId=DEFINITION)
    [row] = wire.loads(made(world))["lineItems"][0]["usage"]
    assert row["measures"] == {"context_tokens": {"MAX": 150}}


def test_the_same_bill_and_usage_make_the_same_files(world: World) -> None:
    assert made(world) == made(world)
    assert made(world, "csv") == made(world, "csv")


def test_a_job_that_is_run_twice_changes_nothing_the_second_time(world: World) -> None:
    (job,) = create(world)
    run(world, job["id"])
    done, header = read(world, job["id"]), world.header
    assert run(world, job["id"]) == "COMPLETE"
    assert read(world, job["id"]) == done
    assert world.header == header
    assert world.usage.reads == 1


def test_a_run_that_failed_half_way_is_finished_by_the_next(world: World) -> None:
    (job,) = create(world)
    world.usage.away = True
    with pytest.raises(ConnectionError):
        run(world, job["id"])
    assert read(world, job["id"])["statementJobStatus"] == "RUNNING"
    world.usage.away = False
    assert run(world, job["id"]) == "COMPLETE"


def test_a_run_that_stopped_before_marking_the_bill_marks_it_the_next_time(world: World) -> None:
    (job,) = create(world)

    def away() -> None:
        raise ConnectionError("the store is away")

    world.bills.before_replace = away
    with pytest.raises(ConnectionError):
        run(world, job["id"])
    assert read(world, job["id"])["statementJobStatus"] == "COMPLETE"
    run(world, job["id"])
    assert world.header["jsonStatementGenerated"] is True


def test_a_bill_that_changes_while_it_is_marked_keeps_the_change(world: World) -> None:
    (job,) = create(world)

    def approve() -> None:
        world.put_bill(version=2, approvedBy="someone")

    world.bills.before_replace = approve
    run(world, job["id"])
    header = world.header
    assert (header["approvedBy"], header["jsonStatementGenerated"], header["version"]) == ("someone", True, 3)


def test_a_bill_deleted_while_it_is_marked_stays_deleted(world: World) -> None:
    (job,) = create(world)
    world.bills.before_replace = world.delete_bill
    assert run(world, job["id"]) == "COMPLETE"
    assert world.bills.get(ORG, BILL) is None


def test_a_statement_of_an_earlier_calculation_is_marked_stale(world: World) -> None:
    (job,) = create(world)
    world.bills.before_replace = lambda: world.recalculate(2)
    run(world, job["id"])
    header = world.header
    assert (header["jsonStatementGenerated"], header["statementStale"]) == (True, True)


def test_an_earlier_statement_noted_late_leaves_the_newest_one_what_it_was(world: World) -> None:
    (earlier,) = create(world)
    run(world, earlier["id"])
    world.recalculate(2)
    (newest,) = create(world)
    run(world, newest["id"])
    run(world, earlier["id"])
    assert (world.header["jsonStatementGenerated"], world.header["statementStale"]) == (True, False)


def test_a_bill_recalculated_while_it_is_read_is_read_again(world: World) -> None:
    (job,) = create(world)
    line_items = world.bills.line_items

    def recalculated(*args: str) -> Any:
        world.bills.line_items = line_items  # type: ignore[method-assign]
        world.recalculate(2)
        return ()

    world.bills.line_items = recalculated  # type: ignore[method-assign]
    run(world, job["id"])
    assert read(world, job["id"])["jsonStatementStatus"] == "LATEST"
    assert len(wire.loads(world.blobs.get(file_of(job, calculated="20231202000000000000")))["lineItems"]) == 2


def test_a_slow_run_overtaken_by_another_delivery_leaves_its_files_alone(world: World) -> None:
    (job,) = create(world)
    put, puts = world.blobs.put, []

    def slow(*args: Any) -> None:
        puts.append(args)
        if len(puts) == 1:  # the bill is calculated again and another delivery finishes the job
            world.recalculate(2)
            world.set_lines(STANDING)
            assert run(world, job["id"]) == "COMPLETE"
        put(*args)

    world.blobs.put = slow  # type: ignore[method-assign]
    assert run(world, job["id"]) == "COMPLETE"
    done = read(world, job["id"])
    assert done["jsonStatementStatus"] == "LATEST"
    body, _ = world.blobs.fetch(done["presignedJsonStatementUrl"])
    assert [line["lineItemId"] for line in wire.loads(body)["lineItems"]] == ["line-2"]


def test_a_bill_that_never_stands_still_is_left_to_a_later_delivery(world: World) -> None:
    (job,) = create(world)
    days = iter(range(1, 28))

    def recalculated(*_: str) -> Any:
        world.recalculate(next(days))
        return ()

    world.bills.line_items = recalculated  # type: ignore[method-assign]
    with pytest.raises(VersionConflictError):
        run(world, job["id"])


def test_a_job_of_a_deleted_bill_fails(world: World) -> None:
    (job,) = create(world)
    world.delete_bill()
    assert outcome(world, job["id"]) == Outcome("FAILED", f"there is no bill {BILL}")
    assert outcome(world, job["id"]) == Outcome("FAILED")


def test_a_statement_of_a_bill_deleted_later_is_invalidated(world: World) -> None:
    (job,) = create(world)
    run(world, job["id"])
    world.delete_bill()
    assert read(world, job["id"])["jsonStatementStatus"] == "INVALIDATED"
    assert run(world, job["id"]) == "COMPLETE"


def test_a_recalculated_bill_makes_the_statement_stale(world: World) -> None:
    (job,) = create(world)
    run(world, job["id"])
    world.recalculate(2)
    assert read(world, job["id"])["jsonStatementStatus"] == "STALE"


def test_a_cancelled_job_is_not_run(world: World) -> None:
    (job,) = create(world)
    cancel = cancel_statement_job(world.entities, world.clock, caller=CALLER, job_id=job["id"])
    assert cancel["statementJobStatus"] == "CANCELLED"
    assert cancel["version"] == 2
    assert run(world, job["id"]) == "CANCELLED"
    assert world.blobs.objects == {}
    assert cancel_statement_job(world.entities, world.clock, caller=CALLER, job_id=job["id"]) == cancel


def test_a_job_cancelled_while_it_runs_stays_cancelled(world: World) -> None:
    (job,) = create(world)
    aggregate = world.usage.aggregate

    def cancel_first(*args: Any) -> Any:
        cancel_statement_job(world.entities, world.clock, caller=CALLER, job_id=job["id"])
        return aggregate(*args)

    world.usage.aggregate = cancel_first  # type: ignore[method-assign]
    assert run(world, job["id"]) == "CANCELLED"
    assert "jsonStatementGenerated" not in world.header


def test_a_complete_job_cannot_be_cancelled(world: World) -> None:
    (job,) = create(world)
    run(world, job["id"])
    with pytest.raises(InvalidInputError, match="COMPLETE"):
        cancel_statement_job(world.entities, world.clock, caller=CALLER, job_id=job["id"])
    with pytest.raises(NotFoundError):
        cancel_statement_job(world.entities, world.clock, caller=CALLER, job_id="nowhere")


def racing(world: World, rival: Any) -> None:
    """Let `rival` in just before the next commit."""
    commit = world.entities.commit

    def late(*args: Any) -> None:
        world.entities.commit = commit  # type: ignore[method-assign]
        rival()
        commit(*args)

    world.entities.commit = late  # type: ignore[method-assign]


def test_cancelling_looks_again_when_the_worker_was_quicker(world: World) -> None:
    (job,) = create(world)
    racing(world, lambda: run(world, job["id"]))
    with pytest.raises(InvalidInputError, match="COMPLETE"):
        cancel_statement_job(world.entities, world.clock, caller=CALLER, job_id=job["id"])


def test_a_job_that_vanishes_while_it_runs_counts_as_cancelled(world: World) -> None:
    (job,) = create(world)
    racing(world, lambda: world.entities.commit(ORG, [Delete("statementJob", job["id"])]))
    with pytest.raises(NotFoundError):
        run(world, job["id"])
    assert run(world, job["id"]) == "CANCELLED"


def test_jobs_are_listed_newest_first_by_one_filter(world: World) -> None:
    first, second = create(world)[0]["id"], create(world)[0]["id"]
    run(world, first)
    assert listed(world) == [second, first]
    assert listed(world, active="TRUE") == [second]
    assert listed(world, active="false") == [second, first]
    assert listed(world, status="COMPLETE") == [first]
    assert listed(world, bill_id=BILL) == [second, first]
    assert listed(world, bill_id="nowhere") == []


def test_the_job_of_a_denied_bill_is_denied(world: World) -> None:
    """It has the addresses of the statement, which shows the whole bill."""
    [job] = create(world)
    run(world, job["id"])

    def denied(bill_id: str) -> Any:
        deny = Statement("deny", ("config:retrieve",), (f"billing:bill/item/{bill_id}",))
        return replace(CALLER, statements=(*CALLER.statements, deny))

    def listed(caller: Any) -> list[Document]:
        stores = (world.entities, world.bills, world.blobs, world.clock)
        asked = dict.fromkeys(("active", "status", "bill_id", "next_token"))
        return list(list_statement_jobs(*stores, caller=caller, page_size=10, **asked).data)

    assert [one["id"] for one in listed(denied("other"))] == [job["id"]]
    assert listed(denied(BILL)) == []
    stores = (world.entities, world.bills, world.blobs)
    assert get_statement_job(*stores, caller=denied("other"), job_id=job["id"])["presignedJsonStatementUrl"]
    with pytest.raises(ForbiddenError):
        get_statement_job(*stores, caller=denied(BILL), job_id=job["id"])
    with pytest.raises(ForbiddenError):
        cancel_statement_job(world.entities, world.clock, caller=denied(BILL), job_id=job["id"])


def test_two_filters_at_once_are_refused(world: World) -> None:
    with pytest.raises(InvalidInputError, match="only one of active, status, billId"):
        listed(world, status="COMPLETE", bill_id=BILL)


@pytest.mark.parametrize(("name", "value"), [("status", "DONE"), ("active", "yes")])
def test_a_filter_with_a_wrong_value_is_refused(world: World, name: str, value: str) -> None:
    with pytest.raises(InvalidInputError, match=name):
        listed(world, **{name: value})


def request(world: World, *, csv: bool = False) -> Document:
    return request_statement(
        world.entities,
        world.bills,
        world.queue,
        world.clock,
        org_id=ORG,
        bill_id=BILL,
        include_csv=csv,
        requested_by="SCHEDULER",
    )


def test_requesting_a_statement_twice_makes_one_job(world: World) -> None:
    first, second = request(world), request(world)
    assert first == second
    assert first["createdBy"] == "SCHEDULER"
    assert listed(world) == [first["id"]]
    assert world.queue.messages == [{"orgId": ORG, "jobId": first["id"]}] * 2


def test_a_requested_statement_that_is_complete_is_not_made_again(world: World) -> None:
    job = request(world)
    run(world, job["id"])
    world.queue.take()
    assert request(world)["statementJobStatus"] == "COMPLETE"
    assert world.queue.messages == []


def test_two_requests_at_once_share_the_job_of_the_quicker(world: World) -> None:
    racing(world, lambda: request(world))
    assert request(world)["version"] == 1
    assert len(listed(world)) == 1


def test_a_recalculated_bill_gets_a_statement_of_its_own(world: World) -> None:
    job = request(world)
    world.recalculate(2)
    assert request(world)["id"] != job["id"]


def test_a_requested_statement_that_failed_is_tried_again(world: World) -> None:
    job = request(world)
    world.delete_bill()
    run(world, job["id"])
    world.put_bill()
    again = request(world)
    assert (again["id"], again["statementJobStatus"], again["version"]) == (job["id"], "PENDING", 4)


def test_a_statement_of_an_unknown_bill_cannot_be_requested(world: World) -> None:
    world.delete_bill()
    with pytest.raises(NotFoundError):
        request(world)


def file(world: World, extension: str) -> str:
    answer = get_bill_statement(
        world.entities, world.bills, world.blobs, caller=CALLER, bill_id=BILL, extension=extension
    )
    return str(answer["downloadUrl"])


def test_the_file_of_a_bill_is_that_of_its_newest_statement(world: World) -> None:
    old = create(world)[0]["id"]
    run(world, old)
    world.clock.advance(seconds=1)
    new = create(world, csv=False)[0]["id"]
    run(world, new)
    assert new in file(world, "json")
    assert old in file(world, "csv")


def test_a_bill_without_a_statement_has_no_file(world: World) -> None:
    with pytest.raises(NotFoundError, match="create a statement job"):
        file(world, "csv")
    world.delete_bill()
    with pytest.raises(NotFoundError, match="there is no bill"):
        file(world, "json")


def create_csv(world: World, *, worker: bool = True) -> str:
    def sleep(_: float) -> None:
        for message in world.queue.take() if worker else ():
            run(world, message[0]["jobId"])

    answer = create_bill_csv(
        world.entities,
        world.bills,
        world.blobs,
        world.queue,
        world.clock,
        caller=CALLER,
        bill_id=BILL,
        sleep=sleep,
    )
    return str(answer["downloadUrl"])


def test_asking_for_csv_waits_for_the_file(world: World) -> None:
    body, _ = world.blobs.fetch(create_csv(world))
    assert body.startswith(b"bill id,")
    assert create_csv(world) == create_csv(world)


def test_csv_that_takes_too_long_can_be_asked_for_again(world: World) -> None:
    with pytest.raises(UnavailableError, match="ask again"):
        create_csv(world, worker=False)
    assert create_csv(world)


def test_csv_that_cannot_be_made_is_refused(world: World) -> None:
    world.entities.commit(ORG, [Put("account", {"id": ACCOUNT, "version": 2, "code": "acme"}, 1)])
    del world.entities.rows[ORG, "account", ACCOUNT]
    with pytest.raises(InvalidInputError, match="failed"):
        create_csv(world)


def test_usage_outside_the_service_period_is_not_shown(world: World) -> None:
    world.measure("4", datetime(2023, 12, 1, tzinfo=UTC), 5, "UK")
    usage = wire.loads(made(world))["lineItems"][0]["usage"]
    assert sum(row["measures"]["context_tokens"]["SUM"] for row in usage) == 300

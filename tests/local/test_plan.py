from collections.abc import Callable

import pytest

from local.plan import Plan, Route
from local.store import PROJECT
from local.template import Template, TemplateError, read_template

PlanOf = Callable[..., Plan]


def test_a_function_has_its_own_settings_over_the_shared_ones(toy_template: Template, plan_of: PlanOf) -> None:
    functions = plan_of(toy_template).functions
    slow, echo = functions["SlowFunction"], functions["EchoFunction"]
    assert (slow.timeout_seconds, echo.timeout_seconds) == (1, 5)
    assert (echo.module, echo.attribute) == ("tests.local.toy.app", "echo")
    assert echo.environment["RESULTS_TABLE"] == "usance-ResultsTable"
    assert echo.environment["GREETING"] == "hello"


def test_a_parameter_reaches_the_environment(toy_template: Template, plan_of: PlanOf) -> None:
    assert plan_of(toy_template, Greeting="HELLO").functions["EchoFunction"].environment["GREETING"] == "HELLO!"


def test_a_route_has_the_default_authorizer_unless_it_says_none(toy_template: Template, plan_of: PlanOf) -> None:
    routes = plan_of(toy_template).routes
    assert Route("ANY", "/open", "EchoFunction", None) in routes
    assert Route("GET", "/things/{id}", "EchoFunction", "Token") in routes


def test_every_kind_of_event_is_read(toy_template: Template, plan_of: PlanOf) -> None:
    plan = plan_of(toy_template)
    (queue,), (stream,), (bucket,) = plan.queues, plan.streams, plan.buckets
    assert (queue.queue, queue.batch_size, queue.reports_failures) == ("usance-WorkQueue", 5, True)
    assert (stream.table, stream.retries, stream.bisects) == ("usance-SourceTable", 2, True)
    assert stream.on_failure is not None
    assert stream.on_failure.endswith(":usance-StreamFailuresQueue")
    assert (bucket.bucket, bucket.rules) == ("usance-uploadsbucket", (("suffix", ".csv"),))
    assert {one.event: one.source for one in plan.schedules} == {"Nightly": "aws.scheduler", "Hourly": "aws.events"}


def test_an_event_that_cannot_be_delivered_is_named(toy_template: Template, plan_of: PlanOf) -> None:
    toy_template["Resources"]["EchoFunction"]["Properties"]["Events"]["Odd"] = {"Type": "AlexaSkill"}
    with pytest.raises(TemplateError, match=r"EchoFunction\.Odd.*AlexaSkill"):
        plan_of(toy_template)


def test_an_unknown_authorizer_is_named(toy_template: Template, plan_of: PlanOf) -> None:
    event = toy_template["Resources"]["EchoFunction"]["Properties"]["Events"]["One"]
    event["Properties"]["Auth"] = {"Authorizer": "Sphinx"}
    with pytest.raises(TemplateError, match="Sphinx"):
        plan_of(toy_template)


def test_the_deployment_can_be_run(plan_of: PlanOf) -> None:
    plan = plan_of(read_template(PROJECT / "template.yaml"))
    assert {"EntitiesFunction", "AdminFunction"} <= set(plan.functions)
    assert {queue.function for queue in plan.queues} >= {"BillWorkerFunction", "StatementWorkerFunction"}

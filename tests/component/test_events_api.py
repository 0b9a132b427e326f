"""Events, the trial of calculations and integration runs, over HTTP."""

import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.unit.application.notifications.world import World
from usance.application.notifications.record_change import record_change
from usance.application.notifications.runs import put_run, waiting_run
from usance.application.ports.entities import Put
from usance.application.ports.events import Event
from usance.bootstrap.notifications import ReadingStores
from usance.domain.kernel.ids import derived_id
from usance.domain.notifications.delivery import Outcome
from usance.entrypoints.http import core, events
from usance.resources import wire
from usance.resources.event_names import EVENT_NAMES

ORG = "0190a5d0-ac96-774b-bcce-b302099a8057"


@pytest.fixture
def world() -> World:
    return World()


class Api:
    """The routes over a world."""

    def __init__(self, world: World) -> None:
        self.handle = core.build(events.routes(lambda: ReadingStores(world.entities, world.events, world.clock)))

        self.allowed = ["*"]
        self.denied: list[str] = []

    def call(self, path: str, body: Any = None, *, method: str = "GET", **query: Any) -> tuple[int, Any]:
        event = json.loads(Path("events/entities_list_events.json").read_text())
        statements = [{"effect": "allow", "action": ["all"], "resource": self.allowed}]
        statements += [{"effect": "deny", "action": ["all"], "resource": [resource]} for resource in self.denied]
        event["requestContext"]["authorizer"]["lambda"]["statements"] = json.dumps(statements)
        event["rawPath"] = event["requestContext"]["http"]["path"] = f"/organizations/{ORG}/{path}"
        event["requestContext"]["http"]["method"] = method
        event["rawQueryString"] = urlencode(query)
        event["body"] = None if body is None else json.dumps(body)
        answer = self.handle(event, None)
        return answer["statusCode"], wire.loads(answer["body"])

    def get(self, path: str, **query: Any) -> Any:
        status, answer = self.call(path, **query)
        assert status == 200, answer
        return answer

    def refusal(self, path: str, **query: Any) -> str:
        status, answer = self.call(path, **query)
        assert status == 400, answer
        return str(answer["message"])


@pytest.fixture
def api(world: World) -> Api:
    return Api(world)


def recorded(world: World, number: int, **more: Any) -> Event:
    name = more.pop("name", "configuration.account.created")
    event = Event(derived_id(str(number)), ORG, name, world.now + timedelta(seconds=number), {"n": number}, **more)
    world.events.append(event)
    return event


def test_the_event_file_is_answered(world: World, api: Api) -> None:
    recorded(world, 1)
    answer = api.handle(json.loads(Path("events/entities_list_events.json").read_text()), None)
    assert [row["m3terEvent"]["n"] for row in wire.loads(answer["body"])["data"]] == [1]


def test_pages_hold_what_a_caller_may_see_of_the_events(world: World, api: Api) -> None:
    for number in range(5):
        recorded(world, number)
    every = [event["id"] for event in api.get("events")["data"]]
    api.denied = [f"config:event/item/{id_}" for id_ in every[1:4]]
    first = api.get("events", pageSize=1)
    assert [event["id"] for event in first["data"]] == every[:1]
    rest = api.get("events", pageSize=1, nextToken=first["nextToken"])
    assert [event["id"] for event in rest["data"]] == every[4:5]


def test_events_are_paged_newest_first(world: World, api: Api) -> None:
    for number in range(5):
        recorded(world, number)
    first = api.get("events", pageSize=3)
    assert [row["m3terEvent"]["n"] for row in first["data"]] == [4, 3, 2]
    second = api.get("events", pageSize=3, nextToken=first["nextToken"])
    assert [row["m3terEvent"]["n"] for row in second["data"]] == [1, 0]
    assert second["nextToken"] is None


def test_every_filter_of_the_api_is_taken(world: World, api: Api) -> None:
    more = {"type": "Notification", "account_id": "a", "resource_id": "r", "notification_id": "n"}
    recorded(world, 1, **more, notification_code="c")
    recorded(world, 2, actioned_at=world.now)
    query = {"eventName": "configuration.account.created", "eventType": "Notification", "accountId": "a"}
    query |= {"resourceId": "r", "notificationId": "n", "notificationCode": "c"}
    for subset in [query, *({name: value} for name, value in query.items())]:
        assert [row["m3terEvent"]["n"] for row in api.get("events", **subset)["data"]] == [1]
    assert len(api.get("events", includeActioned="true")["data"]) == 2
    assert len(api.get("events", includeActioned="false")["data"]) == 1


def test_ids_give_those_events_actioned_or_not(world: World, api: Api) -> None:
    first, second = recorded(world, 1), recorded(world, 2, actioned_at=world.now)
    assert [row["id"] for row in api.get("events", ids=f"{second.id},{first.id}")["data"]] == [second.id, first.id]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"ids": "a", "eventName": "b"}, "ids"),
        ({"ids": "a", "nextToken": "b"}, "ids"),
        ({"ids": ",".join("a" * 101)}, "ids"),
        ({"eventType": "Weather"}, "eventType"),
        ({"accountId": "a" * 501}, "accountId"),
        ({"includeActioned": "perhaps"}, "includeActioned"),
        ({"pageSize": "0"}, "pageSize"),
        ({"pageSize": "101"}, "pageSize"),
        ({"nextToken": "x"}, "nextToken"),
    ],
)
def test_a_query_that_breaks_a_rule_is_refused_by_name(api: Api, query: dict[str, str], named: str) -> None:
    assert named in api.refusal("events", **query)


def test_an_event_under_a_deny_is_neither_listed_nor_read_nor_tried(world: World, api: Api) -> None:
    hidden, open_ = recorded(world, 1), recorded(world, 2)
    api.denied = [f"config:event/item/{hidden.id}"]
    assert [row["id"] for row in api.get("events")["data"]] == [open_.id]
    assert [row["id"] for row in api.get("events", ids=f"{hidden.id},{open_.id}")["data"]] == [open_.id]
    assert api.call(f"events/{hidden.id}")[0] == 403
    assert evaluate(api, eventId=hidden.id, calculation="new.total > 1")[0] == 403
    assert evaluate(api, eventId=open_.id, calculation="new.total > 1")[0] == 200


def showing(world: World, name: str, **entity: Any) -> str:
    """An event that shows an entity; its id."""
    side = "oldDto" if name.endswith(".deleted") else "newDto"
    id_ = derived_id(name, entity["id"])
    world.events.append(Event(id_, ORG, name, world.now, {"eventData": {side: entity}}, resource_id=entity["id"]))
    return id_


@pytest.mark.parametrize(
    ("denied", "name", "entity"),
    [
        ("config:account/item/it", "configuration.account.updated", {}),
        ("config:account/item/it", "configuration.account.deleted", {}),
        ("config:account", "configuration.account.created", {}),
        ("config:account/item/it", "scheduled.account.welcome.again", {}),
        ("billing:bill/item/it", "billing.bill.created", {"accountId": "a"}),
        ("billing:balance/item/b", "billing.balanceamount.created", {"balanceId": "b"}),
        ("billing:balance/item/b", "billing.scheduledbalancecharge.updated", {"balanceId": "b"}),
        ("billing:balance/item/b", "billing.scheduledbalancetransaction.deleted", {"balanceId": "b"}),
        ("billing:bill/item/b", "billing.statementjob.updated", {"billId": "b"}),
        ("config:pricing/item/p", "configuration.pricingband.created", {"pricingId": "p"}),
        ("config:counterPricing/item/p", "configuration.pricingband.created", {"counterPricingId": "p"}),
    ],
)
def test_an_event_that_shows_what_is_denied_is_denied(
    world: World, api: Api, denied: str, name: str, entity: dict[str, Any]
) -> None:
    hidden, other = showing(world, name, id="it", **entity), showing(world, "configuration.plan.created", id="it")
    api.denied = [denied]
    assert [row["id"] for row in api.get("events")["data"]] == [other]
    assert [row["id"] for row in api.get("events", ids=f"{hidden},{other}")["data"]] == [other]
    assert api.get("events", resourceId="it", eventName=name)["data"] == []
    assert api.call(f"events/{hidden}")[0] == 403
    assert api.call(f"events/{hidden}/actioned", method="POST")[0] == 403
    assert evaluate(api, eventId=hidden, calculation="new.id == null")[0] == 403
    api.denied = []
    assert api.get(f"events/{hidden}")["dtActioned"] is None


def test_an_event_is_read_where_no_statement_allows_what_it_shows(world: World, api: Api) -> None:
    event = showing(world, "configuration.account.created", id="it")
    api.allowed = ["config:event/*"]
    assert [row["id"] for row in api.get("events")["data"]] == [event]
    assert api.get(f"events/{event}")["id"] == event


def test_a_failure_is_read_where_what_it_concerns_is_denied(world: World, api: Api) -> None:
    event = recorded(world, 1, name="billing.job.failure", resource_id="it", account_id="it")
    api.denied = ["config:account/item/it", "billing:bill"]
    assert [row["id"] for row in api.get("events")["data"]] == [event.id]


def test_the_log_of_a_run_that_sent_what_is_denied_is_denied(api: Api, runs: list[dict[str, Any]]) -> None:
    path = f"integrationruns/logs/{runs[0]['id']}"
    api.denied = ["billing:bill/item/bill"]
    assert api.call(path)[0] == 403
    assert api.get(f"integrationruns/{runs[0]['id']}")["status"] == "COMPLETE"
    api.denied = ["billing:bill/item/other"]
    assert "Payload" in api.get(path)


def test_what_a_denied_rule_made_is_denied(api: Api, runs: list[dict[str, Any]]) -> None:
    """Its firings, and their logs, tell the code, the name and the description of the rule."""
    firing = next(event for event in api.get("events")["data"] if "notification" in event["m3terEvent"])
    api.denied = ["config:notificationConfiguration/item/rule"]
    named = [event["eventName"] for event in api.get("events", notificationId="rule")["data"]]
    assert named == ["integration.authentication.error"]  # a failure
    assert all("notification" not in event["m3terEvent"] for event in api.get("events")["data"])
    assert api.call(f"events/{firing['id']}")[0] == 403
    assert api.call(f"integrationruns/logs/{runs[0]['id']}")[0] == 403
    api.denied = ["config:notificationConfiguration/item/other"]
    assert "Payload" in api.get(f"integrationruns/logs/{runs[0]['id']}")


def test_the_log_of_a_run_to_an_external_system_is_denied_where_the_bill_is(world: World, api: Api) -> None:
    links = {"entityType": "Bill", "entityId": "bill", "destination": "Xero", "destinationId": "c"}
    world.entities.commit(ORG, [put_run(waiting_run("run", links, world.now, integrationConfigId="c"))])
    assert "Payload" in api.get("integrationruns/logs/run")
    api.denied = ["billing:bill/item/bill"]
    assert api.call("integrationruns/logs/run")[0] == 403


def test_one_event_is_read_by_its_id_and_an_unknown_one_is_not_found(world: World, api: Api) -> None:
    event = recorded(world, 1)
    assert api.get(f"events/{event.id}")["m3terEvent"] == {"n": 1}
    assert api.call("events/nowhere")[0] == 404


def test_an_event_that_somebody_dealt_with_is_listed_when_asked_for_alone(world: World, api: Api) -> None:
    event, other = recorded(world, 1), recorded(world, 2)
    status, answer = api.call(f"events/{event.id}/actioned", method="POST")
    assert (status, answer["id"], answer["dtActioned"]) == (200, event.id, "2026-01-15T12:00:00.000000Z")
    world.clock.advance(seconds=1)
    assert api.call(f"events/{event.id}/actioned", method="POST")[1] == answer
    assert [row["id"] for row in api.get("events")["data"]] == [other.id]
    assert [row["id"] for row in api.get("events", includeActioned="true")["data"]] == [other.id, event.id]
    assert api.get(f"events/{event.id}") == answer
    assert api.call("events/nowhere/actioned", method="POST")[0] == 404
    api.denied = [f"config:event/item/{other.id}"]
    assert api.call(f"events/{other.id}/actioned", method="POST")[0] == 403


def test_the_types_are_the_published_names(api: Api) -> None:
    names = api.get("events/types")["events"]
    assert len(names) == len(EVENT_NAMES)
    assert "billing.bill.updated" in names


def test_the_fields_of_one_event_or_of_all(api: Api) -> None:
    one = api.get("events/fields", eventName="configuration.commitment.updated")["events"]
    assert one["configuration.commitment.updated"]["old.amountSpent"] == "double"
    assert len(one) == 1
    assert len(api.get("events/fields")["events"]) == len(EVENT_NAMES)
    assert "eventName" in api.refusal("events/fields", eventName="nonsense")


def evaluate(api: Api, **body: Any) -> tuple[int, Any]:
    return api.call("notifications/evaluate", body, method="POST")


def test_a_calculation_is_tried_against_the_fields_of_an_event(api: Api) -> None:
    name = "configuration.commitment.updated"
    assert evaluate(api, eventName=name, calculation="new.amount > old.amount") == (
        200,
        {"success": True, "errorMessage": None},
    )
    status, answer = evaluate(api, eventName=name, calculation="new.amuont > 1")
    assert (status, answer["success"]) == (200, False)
    assert "new.amuont" in answer["errorMessage"]
    assert evaluate(api, eventName=name, calculation="")[1]["success"] is False
    assert evaluate(api, eventName=name)[1]["success"] is False


def test_a_calculation_is_tried_on_an_event_that_happened(world: World, api: Api) -> None:
    event = Event(
        derived_id("e"), ORG, "billing.bill.updated", world.now, {"eventData": {"newDto": {"id": "b", "total": 5}}}
    )
    world.events.append(event)
    assert evaluate(api, eventId=event.id, calculation="new.total > 4")[1]["success"]
    assert evaluate(api, eventId=event.id, calculation="new.total > 6")[1]["success"]
    assert "null" in evaluate(api, eventId=event.id, calculation="new.missing + 1")[1]["errorMessage"]
    assert not evaluate(api, eventId=event.id, calculation="new.total")[1]["success"]
    assert not evaluate(api, eventId=event.id, calculation="total > 1")[1]["success"]


def test_a_scheduled_event_is_known_however_it_spells_its_entity(world: World, api: Api) -> None:
    name = "scheduled.accountPlan.ends.soon"
    assert evaluate(api, eventName=name, calculation="new.code == null")[0] == 400
    world.entities.commit(ORG, [Put("scheduledEventConfiguration", {"id": "s", "version": 1, "name": name})])
    assert name in api.get("events/types")["events"]
    assert api.get("events/fields", eventName=name)["events"][name]["new.endDate"] == "string"
    assert evaluate(api, eventName=name, calculation="new.code == null")[1]["success"]
    assert "new.kode" in evaluate(api, eventName=name, calculation="new.kode == null")[1]["errorMessage"]
    assert "old.code" in evaluate(api, eventName=name, calculation="old.code == null")[1]["errorMessage"]


def test_the_name_of_an_event_wins_over_the_id_of_one(api: Api) -> None:
    body = {"eventId": "nowhere", "eventName": "billing.bill.created", "calculation": "new.billTotal > 1"}
    assert evaluate(api, **body)[1]["success"]


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        ({"calculation": "true"}, 400, "eventName"),
        ({"eventName": "nonsense", "calculation": "true"}, 400, "eventName"),
        ({"eventId": "nowhere", "calculation": "true"}, 404, "eventId"),
        ({"eventName": 5, "calculation": "true"}, 400, "eventName"),
        ({"eventName": "billing.bill.created", "calculation": ["true"]}, 400, "calculation"),
    ],
)
def test_a_trial_of_nothing_is_refused(api: Api, body: dict[str, Any], status: int, named: str) -> None:
    answered, answer = evaluate(api, **body)
    assert answered == status
    assert named in answer["message"]


@pytest.fixture
def runs(world: World) -> list[dict[str, Any]]:
    """Three runs a minute apart, the newest first: complete, failed, complete."""
    world.rule()
    world.webhook()
    world.link()
    for version, status in ((2, 200), (3, 403), (4, 200)):
        world.sender.outcomes = (Outcome(status=status),)
        record_change(world.change(version), world.stores())
        world.work()
        world.clock.advance(minutes=1)
    return world.runs()


def test_a_run_is_shown_without_what_is_ours(api: Api, runs: list[dict[str, Any]]) -> None:
    shown = api.get(f"integrationruns/{runs[0]['id']}")
    assert (shown["status"], shown["entityType"], shown["destinationId"]) == ("COMPLETE", "Notification", "webhook")
    assert "delivery" not in shown
    assert api.call("integrationruns/nowhere")[0] == 404


def test_runs_are_listed_by_entity_and_by_destination(api: Api, runs: list[dict[str, Any]]) -> None:
    ids = [run["id"] for run in runs]
    for path in ("integrationruns/Notification/rule", "integrationruns/destinations/webhook"):
        assert [run["id"] for run in api.get(path)["data"]] == ids
        first = api.get(path, pageSize=2)
        assert [run["id"] for run in first["data"]] == ids[:2]
        assert [run["id"] for run in api.get(path, pageSize=2, nextToken=first["nextToken"])["data"]] == ids[2:]
    assert api.get("integrationruns/Notification/other")["data"] == []


def test_runs_of_a_rule_are_found_however_its_link_and_the_path_spell_notification(world: World, api: Api) -> None:
    world.rule()
    world.webhook()
    world.link(entityType="NOTIFICATION", destination="WEBHOOK")
    record_change(world.change(2), world.stores())
    (run,) = world.runs()
    assert run["entityType"] == "Notification"
    for type_ in ("Notification", "notification", "NOTIFICATION"):
        assert [one["id"] for one in api.get(f"integrationruns/{type_}/rule")["data"]] == [run["id"]]
        assert api.get(f"integrationruns/{type_}/latest/rule")["id"] == run["id"]


def test_a_run_under_a_deny_is_not_listed(api: Api, runs: list[dict[str, Any]]) -> None:
    api.denied = [f"config:integrationRun/item/{runs[0]['id']}"]
    path = "integrationruns/Notification/rule"
    assert [run["id"] for run in api.get(path)["data"]] == [run["id"] for run in runs[1:]]
    assert api.get("integrationruns/Notification/latest/rule")["id"] == runs[1]["id"]


def test_runs_are_narrowed_by_status_and_time(api: Api, runs: list[dict[str, Any]]) -> None:
    path = "integrationruns/Notification/rule"
    assert [run["id"] for run in api.get(path, status="AUTH_FAILED", pageSize=1)["data"]] == [runs[1]["id"]]
    middle = runs[1]["dtStarted"]
    assert [run["id"] for run in api.get(path, startDate=middle)["data"]] == [runs[0]["id"]]
    assert [run["id"] for run in api.get(path, endDate=middle)["data"]] == [runs[1]["id"], runs[2]["id"]]
    assert api.get("integrationruns/destinations/webhook", destination="stripe")["data"] == []
    assert "status" in api.refusal(path, status="LOST")
    assert "startDate" in api.refusal(path, startDate="yesterday")


def test_runs_are_listed_oldest_first_when_asked(api: Api, runs: list[dict[str, Any]]) -> None:
    ids = [run["id"] for run in reversed(runs)]
    for path in ("integrationruns/Notification/rule", "integrationruns/destinations/webhook"):
        assert [run["id"] for run in api.get(path, order="ASC")["data"]] == ids
        assert [run["id"] for run in api.get(path, order="DESC")["data"]] == ids[::-1]
        first = api.get(path, order="ASC", pageSize=2)
        assert [run["id"] for run in first["data"]] == ids[:2]
        assert [run["id"] for run in api.get(path, order="ASC", nextToken=first["nextToken"])["data"]] == ids[2:]
        assert "order" in api.refusal(path, order="UP")
    api.denied = [f"config:integrationRun/item/{ids[0]}"]
    assert [run["id"] for run in api.get(path, order="ASC", status="COMPLETE")["data"]] == ids[2:]


def test_the_latest_run_of_an_entity_or_of_several(api: Api, runs: list[dict[str, Any]]) -> None:
    assert api.get("integrationruns/Notification/latest/rule")["id"] == runs[0]["id"]
    assert [run["id"] for run in api.get("integrationruns/Notification/latest", ids="other,rule")] == [runs[0]["id"]]
    assert api.call("integrationruns/Notification/latest/other")[0] == 404
    assert "ids" in api.refusal("integrationruns/Notification/latest")


def test_the_log_of_a_run_shows_what_was_sent_and_came_back_but_no_secret(api: Api, runs: list[dict[str, Any]]) -> None:
    payload = base64.b64decode(api.get(f"integrationruns/logs/{runs[1]['id']}")["Payload"])
    log = wire.loads(payload)
    assert log["request"]["id"] == runs[1]["id"]
    assert [attempt["status"] for attempt in log["attempts"]] == [403]
    assert b"the-secret" not in payload
    assert b"the-key" not in payload

"""Approval, locks and deletion of bills (billing.md 12.7)."""

from typing import Any

import pytest

from tests.unit.application.billing.world import World
from usance.application.billing.approve_bills import AT_ONCE_MAX


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def bill(world: World) -> dict[str, Any]:
    world.account = world.subscribe()
    return world.bill(world.run())


def message(answer: Any) -> str:
    assert answer.status == 400, answer.text
    return str(answer.json["message"])


def test_a_bill_is_approved_and_the_approval_taken_back(world: World, bill: dict[str, Any]) -> None:
    approved = world.put(f"/bills/{bill['id']}/status", {"status": "APPROVED"})
    assert (approved["status"], approved["version"]) == ("APPROVED", 2)
    assert (approved["dtApproved"], approved["approvedBy"]) == ("2026-01-15T12:00:00.000000Z", bill["createdBy"])
    assert world.put(f"/bills/{bill['id']}/status", {"status": "APPROVED"})["version"] == 2
    pending = world.put(f"/bills/{bill['id']}/status", {"status": "PENDING"})
    assert (pending["status"], "dtApproved" in pending) == ("PENDING", False)
    refused = world.client.put(f"/bills/{bill['id']}/status", {"status": "PAID"})
    assert message(refused).startswith("status: must be one of")


def test_a_job_over_an_approved_bill_asks_for_approval_again(world: World, bill: dict[str, Any]) -> None:
    world.put(f"/bills/{bill['id']}/status", {"status": "APPROVED"})
    again = world.bill(world.run())
    assert (again["status"], "approvedBy" in again) == ("PENDING", False)


def test_a_pending_bill_cannot_be_locked(world: World, bill: dict[str, Any]) -> None:
    assert "approve it" in message(world.client.put(f"/bills/{bill['id']}/lock"))


def test_a_locked_bill_never_changes(world: World, bill: dict[str, Any]) -> None:
    world.put(f"/bills/{bill['id']}/status", {"status": "APPROVED"})
    locked = world.put(f"/bills/{bill['id']}/lock")
    assert (locked["locked"], locked["dtLocked"]) == (True, "2026-01-15T12:00:00.000000Z")
    world.use(world.account, "2025-12-05T00:00:00Z", 7)
    assert world.run()["billIds"] == []
    assert "locked" in message(world.client.put(f"/bills/{bill['id']}/status", {"status": "PENDING"}))
    assert "locked" in message(world.client.delete(f"/bills/{bill['id']}"))
    assert "locked" in message(world.client.post("/billjobs/recalculate", {"billIds": [bill["id"]]}))
    assert world.put(f"/bills/{bill['id']}/lock")["version"] == locked["version"]
    assert {**world.get(f"/bills/{bill['id']}"), "lineItems": None} == {**locked, "lineItems": None}


def test_bills_are_approved_together_or_not_at_all(world: World, bill: dict[str, Any]) -> None:
    earlier = world.bill(world.run(lastDateInBillingPeriod="2025-11-30"))
    unknown = "00000000-0000-7000-8000-00000000ffff"
    assert "billIds" in message(world.client.post("/bills/approve", {"billIds": [bill["id"], unknown]}))
    assert {found["status"] for found in world.all_bills()} == {"PENDING"}
    assert world.post("/bills/approve", {"billIds": [bill["id"], earlier["id"]]}) == {"message": "Approved 2 bills"}
    assert {found["status"] for found in world.all_bills()} == {"APPROVED"}


def test_bills_are_approved_by_filter(world: World, bill: dict[str, Any]) -> None:
    world.run(lastDateInBillingPeriod="2025-11-30")
    world.subscribe()
    world.run()
    query = {"accountIds": world.account["id"], "externalInvoiceDateStart": "2026-01-01"}
    assert world.post("/bills/approve", {}, query=query) == {"message": "Approved 1 bill"}
    assert [found["id"] for found in world.all_bills(status="APPROVED")] == [bill["id"]]
    assert "billIds is required" in message(world.client.post("/bills/approve"))


def test_more_bills_than_a_request_has_time_for_are_approved_by_the_worker(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert AT_ONCE_MAX == 50
    monkeypatch.setattr("usance.application.billing.approve_bills.AT_ONCE_MAX", 1)
    for _ in range(3):
        world.subscribe()
    job = world.run()
    answer = world.post("/bills/approve", {"billIds": job["billIds"]})
    assert answer == {"message": "Approving 3 bills; the last 2 in the background"}
    world.drain()
    assert {found["status"] for found in world.all_bills()} == {"APPROVED"}


def test_a_deleted_bill_is_answered_and_can_be_made_again(world: World, bill: dict[str, Any]) -> None:
    answer = world.client.delete(f"/bills/{bill['id']}")
    assert answer.json["lineItems"] == bill["lineItems"]
    assert world.client.get(f"/bills/{bill['id']}").status == 404
    assert world.bill(world.run())["id"] == bill["id"]


def test_the_lock_date_locks_everything_up_to_it(world: World, bill: dict[str, Any]) -> None:
    assert "PENDING" in message(world.client.put("/billconfig", {"billLockDate": "2025-12-31"}))
    world.post("/bills/approve", {"billIds": [bill["id"]]})
    config = world.put("/billconfig", {"billLockDate": "2025-12-31T00:00:00Z"})
    assert (config["billLockDate"], config["version"]) == ("2025-12-31", 2)
    assert world.get("/billconfig") == config
    assert world.get(f"/bills/{bill['id']}")["locked"] is True
    assert [found["locked"] for found in world.all_bills(locked="true")] == [True]
    assert world.all_bills(locked="false") == []
    assert "billLockDate" in message(world.client.put(f"/bills/{bill['id']}/status", {"status": "PENDING"}))
    world.use(world.account, "2025-12-05T00:00:00Z", 7)
    assert world.run()["billIds"] == []


@pytest.mark.parametrize("exists", [True, False])
def test_a_lock_date_set_while_a_bill_is_calculated_counts(
    world: World, bill: dict[str, Any], monkeypatch: pytest.MonkeyPatch, exists: bool
) -> None:
    if exists:
        world.post("/bills/approve", {"billIds": [bill["id"]]})
        world.use(world.account, "2025-12-05T00:00:00Z", 7)
    else:
        world.client.delete(f"/bills/{bill['id']}")
    before, read = world.all_bills(), world.usage.aggregate

    def slow(*asked: Any, **more: Any) -> Any:
        world.put("/billconfig", {"billLockDate": "2025-12-31"})
        return read(*asked, **more)

    monkeypatch.setattr(world.usage, "aggregate", slow)
    assert world.run()["billIds"] == []
    assert world.all_bills() == [{**found, "locked": True} for found in before]


def test_moving_the_lock_date_back_frees_what_is_not_locked_itself(world: World, bill: dict[str, Any]) -> None:
    earlier = world.bill(world.run(lastDateInBillingPeriod="2025-11-30"))
    world.post("/bills/approve", {"billIds": [bill["id"], earlier["id"]]})
    world.put(f"/bills/{earlier['id']}/lock")
    world.put("/billconfig", {"billLockDate": "2025-12-31"})
    world.put("/billconfig", {"billLockDate": "2025-10-31", "version": 2})
    assert [found["locked"] for found in world.all_bills()] == [False, True]
    assert world.client.put("/billconfig", {"version": 1}).status == 409


def test_the_billing_configuration_is_empty_before_it_is_set(world: World) -> None:
    assert world.get("/billconfig") == {"id": world.org.id, "version": 1}


def test_bills_are_listed_as_asked(world: World, bill: dict[str, Any]) -> None:
    earlier = world.bill(world.run(lastDateInBillingPeriod="2025-11-30"))
    assert [found["id"] for found in world.all_bills()] == [bill["id"], earlier["id"]]
    (found,) = world.all_bills(billDate="2026-01-01")
    assert "billTotal" not in found
    assert found["lineItems"] == bill["lineItems"]
    (found,) = world.all_bills(ids=bill["id"], excludeLineItems="true", includeBillTotal="true")
    assert "lineItems" not in found
    assert str(found["billTotal"]) == "20.00"
    assert [found["id"] for found in world.all_bills(billDateEnd="2026-01-01")] == [earlier["id"]]
    assert [found["id"] for found in world.all_bills(externalInvoiceDateStart="2026-01-01")] == [bill["id"]]
    assert [found["id"] for found in world.all_bills(billJobId=bill["billJobId"])] == [bill["id"]]
    page = world.get("/bills", pageSize=1)
    assert [found["id"] for found in world.get("/bills", pageSize=1, nextToken=page["nextToken"])["data"]] == [
        earlier["id"]
    ]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"status": "PAID"}, "status"),
        ({"billingFrequency": "HOURLY"}, "billingFrequency"),
        ({"billDate": "soon"}, "billDate"),
        ({"billDateStart": "0001-01-01"}, "billDateStart"),
        ({"locked": "maybe"}, "locked"),
        ({"pageSize": "101"}, "pageSize"),
        ({"nextToken": "?"}, "nextToken"),
    ],
)
def test_a_bad_filter_is_named(world: World, query: dict[str, str], field: str) -> None:
    assert field in message(world.client.get("/bills", **query))


def test_the_latest_bill_of_an_account(world: World, bill: dict[str, Any]) -> None:
    world.run(lastDateInBillingPeriod="2025-11-30")
    assert world.get(f"/bills/latest/{world.account['id']}") == world.get(f"/bills/{bill['id']}")
    assert world.client.get("/bills/latest/00000000-0000-7000-8000-00000000ffff").status == 404


def test_another_organization_sees_nothing(world: World, bill: dict[str, Any]) -> None:
    world.client.org_id = world.org.other_id
    for path in (f"/bills/{bill['id']}", f"/billjobs/{bill['billJobId']}", f"/bills/{bill['id']}/lineitems"):
        assert world.client.get(path).status == 404
    assert world.all_bills() == []
    assert world.client.delete(f"/bills/{bill['id']}").status == 404


def test_a_bill_too_large_for_an_answer_says_where_its_lines_are(
    world: World, bill: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("usance.application.billing.bill_reading.LINES_PER_ANSWER_MAX", 0)
    assert f"/bills/{bill['id']}/lineitems" in message(world.client.get(f"/bills/{bill['id']}"))
    assert "excludeLineItems" in message(world.client.get("/bills"))
    assert len(world.all_bills(excludeLineItems="true")) == 1


def test_a_recalculation_finds_the_new_usage_and_marks_the_statement_stale(world: World, bill: dict[str, Any]) -> None:
    header = world.bills.get(world.org.id, bill["id"])
    assert header is not None
    world.bills.replace(world.org.id, {**header, "jsonStatementGenerated": True}, expected_version=1)
    world.use(world.account, "2025-12-05T00:00:00Z", 7)
    created = world.post("/billjobs/recalculate", {"billIds": [bill["id"]]})
    assert (created["type"], created["billIds"]) == ("RECALCULATE", [bill["id"]])
    world.drain()
    again = world.get(f"/bills/{bill['id']}")
    assert (str(again["billTotal"]), again["statementStale"]) == ("27.00", True)
    assert world.get(f"/billjobs/{created['id']}")["status"] == "COMPLETE"


@pytest.mark.parametrize("denied", ["config:retrieve", "config:update"])
def test_a_bill_under_a_deny_is_not_recalculated(world: World, bill: dict[str, Any], denied: str) -> None:
    jobs = {"effect": "allow", "action": ["config:create"], "resource": ["billing:billJob"]}
    deny = {"effect": "deny", "action": [denied], "resource": [f"billing:bill/item/{bill['id']}"]}
    client = type(world.client)(world.client.handler, world.org.id, [jobs, deny])
    body = {"billIds": [bill["id"]]}
    assert client.post("/billjobs/recalculate", body).status == 403
    unhindered = type(world.client)(world.client.handler, world.org.id, [jobs])
    assert unhindered.post("/billjobs/recalculate", body).status == 200


def test_a_recalculation_of_a_period_that_is_no_more_is_refused(world: World, bill: dict[str, Any]) -> None:
    world.org.client.delete(f"/accountplans/{world.account_plan['id']}")
    world.post("/billjobs/recalculate", {"billIds": [bill["id"]]})
    world.drain()
    assert world.get(f"/bills/{bill['id']}") == bill
    assert "cannot be calculated again" in world.events.events("billing.job.failure")[0].detail["eventData"]["message"]


@pytest.mark.parametrize("owner", ["account", "organization"])
@pytest.mark.parametrize(("mode", "csv"), [("JSON", False), ("JSON_AND_CSV", True)])
def test_approval_asks_for_the_statement_that_is_configured(world: World, owner: str, mode: str, csv: bool) -> None:
    setting = {"autoGenerateStatementMode": mode}
    if owner == "organization":
        world.configure(**setting)
    world.subscribe(account=world.org.make("account", **(setting if owner == "account" else {})))
    bill = world.bill(world.run())
    assert world.statements.messages == []
    world.post("/bills/approve", {"billIds": [bill["id"]]})
    ((asked, _),) = world.statements.take()
    job = world.org.store.get(world.org.id, "statementJob", asked["jobId"])
    assert job is not None
    assert (job["billId"], job["includeCsvFormat"]) == (bill["id"], csv)


def test_an_account_may_want_no_statement_although_the_organization_does(world: World) -> None:
    world.configure(autoGenerateStatementMode="JSON")
    world.subscribe(account=world.org.make("account", autoGenerateStatementMode="NONE"))
    world.post("/bills/approve", {"billIds": world.run()["billIds"]})
    assert world.statements.messages == []

"""Bills found by the search grammar (platform.md 1.11)."""

from typing import Any

import pytest

from tests.unit.application.billing.world import World


@pytest.fixture
def world() -> World:
    return World()


def found(world: World, query: str, **more: Any) -> list[str]:
    return [bill["id"] for bill in world.get("/bills/search", searchQuery=query, **more)["data"]]


def two_accounts(world: World) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two accounts with a bill each for December 2025 and January 2026."""
    accounts = world.subscribe(), world.subscribe()
    world.run()
    world.run(lastDateInBillingPeriod="2026-01-31")
    return accounts


def test_bills_are_found_by_account_and_by_dates(world: World) -> None:
    one, other = two_accounts(world)
    everything = [bill["id"] for bill in world.all_bills()]
    assert found(world, "") == everything
    mine = found(world, f"accountId:{one['id']}")
    assert len(mine) == 2
    assert set(mine).isdisjoint(found(world, f"accountId:{other['id']}"))
    assert found(world, f"accountId:{one['id']}$billDate>2026-01-01") == mine[:1]
    assert found(world, f"ids:{mine[1]}") == mine[1:]
    assert found(world, f"id:{mine[0]}$endDate:2026-02-01", operator="OR") == [
        id_ for id_ in everything if id_ in found(world, "billDate:2026-02-01")
    ]


@pytest.mark.parametrize("joined", ["AND", "OR"])  # the one by an index, the other by comparing
@pytest.mark.parametrize(
    ("day", "bills"),
    [
        ("2026-02-01", 2),
        ("2026-02-01T00:00:00Z", 2),
        ("2026-02-01T00:00:00", 2),
        ("2026-01-31T19:00:00-05:00", 2),
        ("20260201", 2),
        ("2026-02-01T00:00:01Z", 0),
        ("2026-02-01T00:00:00-05:00", 0),
    ],
)
def test_an_equal_date_is_found_however_it_is_written(world: World, day: str, bills: int, joined: str) -> None:
    two_accounts(world)
    terms = f"billDate:{day}$billDate:{day}" if joined == "OR" else f"billDate:{day}"
    assert len(found(world, terms, operator=joined)) == bills


@pytest.mark.parametrize("comparator", [":", "<", ">="])
@pytest.mark.parametrize("value", ["yesterday", "2026-02-30", "0001-01-01T00:00:00+14:00"])
def test_a_date_is_compared_with_dates_alone(world: World, comparator: str, value: str) -> None:
    refused = world.client.get("/bills/search", searchQuery=f"dueDate{comparator}{value}")
    assert (refused.status, "dueDate is compared with a date" in refused.message) == (400, True)
    assert world.get("/bills/search", searchQuery=f"dueDate~{value}")["data"] == []


def test_matches_are_whole_bills_sorted_and_paged(world: World) -> None:
    two_accounts(world)
    page = world.get("/bills/search", searchQuery="billingFrequency:MONTHLY", pageSize=3, sortBy="billDate")
    assert [bill["billDate"] for bill in page["data"]] == ["2026-01-01", "2026-01-01", "2026-02-01"]
    assert page["nextToken"] == "3"
    assert page["data"][0]["lineItems"][0]["lineItemType"] == "STANDING_CHARGE"
    assert page["data"][0]["billTotal"] == 20
    last = world.get("/bills/search", searchQuery="billingFrequency:MONTHLY", fromDocument=3, sortBy="billDate")
    assert (len(last["data"]), last["nextToken"]) == (1, None)


def test_a_bill_before_the_lock_date_is_found_as_locked(world: World) -> None:
    two_accounts(world)
    for bill in world.all_bills(billDate="2026-01-01"):
        world.put(f"/bills/{bill['id']}/status", {"status": "APPROVED"})
    config = world.get("/billconfig")
    world.put("/billconfig", {"billLockDate": "2025-12-31", "version": config["version"]})
    assert {bill["billDate"] for bill in world.get("/bills/search", searchQuery="locked:true")["data"]} == {
        "2026-01-01"
    }
    assert len(found(world, "locked:false")) == 2


@pytest.mark.parametrize("query", [{"searchQuery": "status:PENDING"}, {"sortBy": "lineItems"}, {"pageSize": 0}])
def test_what_cannot_be_searched_is_refused_by_name(world: World, query: dict[str, Any]) -> None:
    refused = world.client.get("/bills/search", **query)
    assert refused.status == 400
    assert next(iter(query)) in refused.message

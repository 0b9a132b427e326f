"""What a locked bill lacks of charges in advance is charged, once, by the bill that ends the period (billing.md 12.7)."""

from typing import Any

import pytest

from tests.unit.application.billing.test_billed_once import change, contract_apart, lines, lock, run
from tests.unit.application.billing.world import World

JANUARY, FEBRUARY, MARCH = "2026-01-31", "2026-02-28", "2026-03-31"
MONTHS = ["2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01"]


@pytest.fixture
def world() -> World:
    return World()


def begin(world: World, account: dict[str, Any], charge: int, *, early: bool = False, **more: Any) -> None:
    template = {"standingCharge": charge, "standingChargeBillInAdvance": early}
    world.subscribe(account=account, template=template, **{"startDate": "2026-01-01T00:00:00Z", **more})


def change_plan(world: World, **changes: Any) -> None:
    plan = world.org.client.get(f"/accountplans/{world.account_plan['id']}").json
    change(world, "accountplans", plan, **changes)


def charge_in_advance(world: World) -> None:
    template = world.org.client.get(f"/plantemplates/{world.plan['planTemplateId']}").json
    change(world, "plantemplates", template, standingChargeBillInAdvance=True)


def charged(world: World) -> list[str]:
    """From when the charges of 30 are."""
    return [start for start, _, amount in lines(world, "STANDING_CHARGE") if amount == "30.00"]


@pytest.mark.parametrize("end", ["2026-01-20", "2026-02-01"])
def test_a_plan_that_was_to_end_when_the_bill_was_locked_owes_the_period_since(world: World, end: str) -> None:
    begin(world, world.org.make("account"), 30, early=True, endDate=f"{end}T00:00:00Z")
    for bill_id in run(world, JANUARY):
        lock(world, bill_id)
    change_plan(world, endDate=None)
    run(world, FEBRUARY)
    assert charged(world)[-2:] == MONTHS[1:3]


@pytest.mark.parametrize("locked", [1, 2])
def test_a_plan_that_came_after_the_bill_of_its_first_day_was_locked_owes_its_first_period(
    world: World, locked: int
) -> None:
    account = world.org.make("account")
    begin(world, account, 1)
    for last_day in (JANUARY, FEBRUARY)[:locked]:
        for bill_id in run(world, last_day):
            lock(world, bill_id)
    begin(world, account, 30, early=True, startDate="2026-02-01T00:00:00Z")
    for last_day in (JANUARY, FEBRUARY, MARCH):
        run(world, last_day)
    assert charged(world) == MONTHS[locked:]
    told = [event.detail["eventData"]["message"] for event, _ in world.events.rows.values()]
    assert ["2026-02-01 to 2026-03-01" in one for one in told] == [True] * (locked - 1)


@pytest.mark.parametrize("moves_first", [False, True])
@pytest.mark.parametrize("before", ["CHILD", "PARENT_BREAKDOWN"])
def test_a_childs_plan_is_charged_once_when_it_changes_bills_and_is_in_advance_since(
    world: World, before: str, moves_first: bool
) -> None:
    parent = world.org.make("account")
    child = world.org.make("account", parentAccountId=parent["id"])
    begin(world, parent, 1)
    begin(world, child, 1, childBillingMode="CHILD")
    begin(world, child, 30, childBillingMode=before)
    for bill_id in run(world, JANUARY):
        lock(world, bill_id)
    after = "PARENT_BREAKDOWN" if before == "CHILD" else "CHILD"
    for moves in (moves_first, not moves_first):
        if moves:
            change_plan(world, childBillingMode=after)
        else:
            charge_in_advance(world)
        for last_day in (JANUARY, FEBRUARY, JANUARY, FEBRUARY):
            run(world, last_day)
    assert charged(world) == MONTHS[:3]
    assert not world.events.rows  # no time is told of as unbilled


@pytest.mark.parametrize("locked", ["parent", "child"])
@pytest.mark.parametrize("before", ["CHILD", "PARENT_BREAKDOWN"])
def test_a_childs_plan_in_advance_is_charged_once_when_it_changes_bills(world: World, before: str, locked: str) -> None:
    parent = world.org.make("account")
    child = world.org.make("account", parentAccountId=parent["id"])
    begin(world, parent, 1)
    begin(world, child, 1, childBillingMode="CHILD")
    begin(world, child, 30, early=True, childBillingMode=before)
    run(world, JANUARY)
    owner = parent if locked == "parent" else child
    for bill in world.all_bills(accountId=owner["id"]):
        lock(world, bill["id"])
    change_plan(world, childBillingMode="PARENT_BREAKDOWN" if before == "CHILD" else "CHILD")
    for last_day in (JANUARY, FEBRUARY, JANUARY, FEBRUARY):
        run(world, last_day)
    assert charged(world) == MONTHS[:3]


def test_what_an_open_bill_made_up_for_goes_once_to_the_bill_that_ends_the_period_now(world: World) -> None:
    account = world.org.make("account")
    contract = contract_apart(world, account)
    begin(world, account, 1)
    begin(world, account, 1, contractId=contract["id"])
    begin(world, account, 30)
    for bill_id in run(world, JANUARY):
        lock(world, bill_id)
    charge_in_advance(world)
    run(world, FEBRUARY)
    change_plan(world, contractId=contract["id"])
    run(world, FEBRUARY)
    run(world, FEBRUARY)
    assert charged(world) == MONTHS[:3]

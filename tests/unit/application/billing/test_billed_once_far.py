"""Standing charges that locked bills had for several periods, whichever terms and bills came after them (billing.md 12.7)."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest

from tests.unit.application.billing.test_billed_once import change, lines, lock, run
from tests.unit.application.billing.world import World

HALF_YEAR = {"standingCharge": 120, "standingChargeInterval": 6, "standingChargeBillInAdvance": True}
START = "2026-01-01T00:00:00Z"
FIRST = ("2025-12-31", "2026-01-31")
MONTHS = (
    "2025-10-31",
    "2025-11-30",
    *FIRST,
    "2026-02-28",
    "2026-03-31",
    "2026-04-30",
    "2026-05-31",
    "2026-06-30",
    "2026-07-31",
)


@pytest.fixture
def world() -> World:
    return World()


def lock_all(world: World, last_days: Sequence[str]) -> None:
    for last_day in last_days:
        for bill_id in run(world, last_day):
            lock(world, bill_id)


def run_all(world: World, last_days: Sequence[str]) -> None:
    for last_day in last_days:
        run(world, last_day)


def edit_template(world: World, **changes: Any) -> None:
    template = world.org.client.get(f"/plantemplates/{world.plan['planTemplateId']}").json
    change(world, "plantemplates", template, **changes)


def assert_apart(charges: Sequence[tuple[str, str, str]]) -> None:
    assert charges
    assert all(one[1] <= other[0] for one, other in pairwise(charges)), charges


@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize("start", ["2025-09-01", "2025-11-01", "2025-12-01"])
def test_a_plan_that_begins_earlier_is_not_charged_again_for_what_a_locked_bill_had(
    world: World, early: bool, start: str
) -> None:
    world.subscribe(template={**HALF_YEAR, "standingChargeBillInAdvance": early}, startDate=START)
    lock_all(world, FIRST)
    change(world, "accountplans", world.account_plan, startDate=f"{start}T00:00:00Z")
    run_all(world, MONTHS)
    assert_apart(lines(world, "STANDING_CHARGE"))


@pytest.mark.parametrize("offset", [0, 2])
@pytest.mark.parametrize("early", [True, False])
def test_an_organization_that_charges_at_the_other_end_does_not_charge_again(
    world: World, early: bool, offset: int
) -> None:
    open_ = {**HALF_YEAR, "standingChargeBillInAdvance": None, "standingChargeOffset": offset}
    world.configure(standingChargeBillInAdvance=early)
    world.subscribe(template=open_, startDate=START)
    lock_all(world, MONTHS[2:7])
    world.configure(standingChargeBillInAdvance=not early)
    run_all(world, MONTHS)
    assert_apart(lines(world, "STANDING_CHARGE"))


@pytest.mark.parametrize("since", [{"standingCharge": 0}, {"standingCharge": 20, "standingChargeInterval": 1}])
def test_a_plan_that_ends_is_given_back_what_other_terms_had_charged(world: World, since: dict[str, int]) -> None:
    world.subscribe(template=HALF_YEAR, startDate=START)
    lock_all(world, FIRST)
    edit_template(world, **since)
    change(world, "accountplans", world.account_plan, endDate="2026-04-11T00:00:00Z")
    run_all(world, MONTHS[3:])
    assert any(amount.startswith("-") for *_, amount in lines(world, "STANDING_CHARGE"))


@pytest.mark.parametrize("year", [2026, 2028])
def test_shorter_terms_do_not_charge_again_however_far_ahead_bills_are_made(world: World, year: int) -> None:
    """The clock stands in January 2026."""
    months = (f"{year - 1}-12-31", f"{year}-01-31", f"{year}-02-28", f"{year}-03-31")
    world.subscribe(template=HALF_YEAR, startDate=f"{year}-01-01T00:00:00Z")
    lock_all(world, months[:2])
    edit_template(world, standingCharge=20, standingChargeInterval=1)
    run_all(world, months)
    assert_apart(lines(world, "STANDING_CHARGE"))


@pytest.mark.parametrize("months", [1, 2])
def test_a_parent_is_not_charged_for_what_its_childs_locked_bill_had(world: World, months: int) -> None:
    parent = world.org.make("account")
    child = world.org.make("account", parentAccountId=parent["id"])
    world.subscribe(account=child, childBillingMode="CHILD", template=HALF_YEAR, startDate=START)
    lock_all(world, FIRST)
    edit_template(world, standingCharge=20 * months, standingChargeInterval=months)
    change(world, "accountplans", world.account_plan, childBillingMode="PARENT_BREAKDOWN")
    run_all(world, MONTHS[2:7])
    assert_apart(lines(world, "STANDING_CHARGE"))


@pytest.mark.parametrize("edited", [True, False])
def test_bills_of_terms_that_were_never_edited_are_not_looked_through(
    world: World, edited: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bill by day has 400 others in reach."""
    world.subscribe(template={"billFrequency": "DAILY", "standingCharge": 1}, startDate="2025-12-01T00:00:00Z")
    if edited:
        edit_template(world, name="Another")
    read, found = list[int](), world.bills.get_many_stored

    def count(org_id: str, ids: Sequence[str]) -> Any:
        read.append(len(ids))
        return found(org_id, ids)

    monkeypatch.setattr(world.bills, "get_many_stored", count)
    for day in range(1, 20):
        read.clear()
        run(world, f"2025-12-{day:02}")
    assert (max(read, default=0) > 10) == edited

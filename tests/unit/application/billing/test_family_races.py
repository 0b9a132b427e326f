"""Bills of one family that are locked while another of them decides who has a plan's time (billing.md 12.7)."""

from typing import Any

import pytest

from tests.unit.application.billing.test_billed_once import change, lines, lock
from tests.unit.application.billing.test_lock_races import before
from tests.unit.application.billing.test_nothing_is_lost import Family
from tests.unit.application.billing.world import World


@pytest.fixture
def world() -> World:
    return World()


def test_a_parent_takes_no_plan_of_a_child_whose_bill_is_locked_before_its_own_is_stored(world: World) -> None:
    family = Family(world)
    bills = family.run()
    change(world, "accountplans", family.own, childBillingMode="PARENT_BREAKDOWN")
    before(world, "replace", lambda: lock(world, bills[family.child["id"]]))
    world.run(accountIds=[family.parent["id"]])
    assert family.used()[family.own["planId"], bills[family.child["id"]]] == ["7.00"]
    assert sorted(amount for *_, amount in lines(world)) == ["5.00", "7.00", "9.00"]


def test_a_childs_bill_keeps_a_plan_whose_payers_bill_is_locked_before_it_is_stored(world: World) -> None:
    family = Family(world)
    bills = family.run()
    change(world, "accountplans", family.own, childBillingMode="PARENT_BREAKDOWN")
    before(world, "replace", lambda: lock(world, bills[family.parent["id"]]))
    world.run(accountIds=[family.child["id"]])
    assert family.used()[family.own["planId"], bills[family.child["id"]]] == ["7.00"]
    assert sorted(amount for *_, amount in lines(world)) == ["5.00", "7.00", "9.00"]


def test_a_bill_alone_on_its_day_relies_on_no_other(world: World) -> None:
    read: list[Any] = []
    real = world.org.store.read_guard
    world.org.store.read_guard = lambda org_id, name: read.append(name) or real(org_id, name)  # type: ignore[method-assign]
    world.subscribe()
    for last_day in ("2025-11-30", "2025-12-31", "2025-12-31"):
        world.run(lastDateInBillingPeriod=last_day)
    assert not [name for name in read if name.startswith("locked bills of")]

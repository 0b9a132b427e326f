"""Time that an open bill has, and that the bill it would go to cannot take any more, stays on the open bill (billing.md 12.7)."""

from typing import Any

import pytest

from tests.unit.application.billing.test_billed_once import change, contract_apart, lines, lock, run
from tests.unit.application.billing.world import World
from usance.resources.event_names import BILLING_JOB_FAILURE

AT = "2025-12-05T00:00:00Z"


@pytest.fixture
def world() -> World:
    return World()


class Family:
    """A parent with a plan of its own and a pool, whose parts its child pays, and a child with a plan `own`."""

    def __init__(self, world: World, *, pool: str = "CHILD", own: str = "CHILD") -> None:
        self.world = world
        self.parent = world.org.make("account", code="parent")
        self.child = world.org.make("account", code="child", parentAccountId=self.parent["id"])
        world.subscribe(account=self.parent, childBillingMode=pool)
        self.pool = world.account_plan
        world.use(self.parent, AT, 5)
        world.use(self.child, AT, 9)
        world.subscribe(account=self.child, childBillingMode=own)
        self.own = world.account_plan
        world.use(self.child, AT, 7)

    def run(self) -> dict[str, str]:
        """The bills of December, by account."""
        self.world.run(accountIds=[self.parent["id"]])
        self.world.run()
        return {bill["accountId"]: bill["id"] for bill in self.world.all_bills()}

    def used(self) -> dict[tuple[str, str], list[str]]:
        """The amounts of usage, by account plan and bill."""
        found: dict[tuple[str, str], list[str]] = {}
        for line in self.world.get("/lineitems", lineItemType="USAGE")["data"]:
            found.setdefault((line["planId"], line["billId"]), []).append(str(line["subtotal"]))
        return {key: sorted(amounts) for key, amounts in found.items()}

    def assert_all_billed(self) -> None:
        for last_day in ("2025-12-31", "2025-12-31"):
            run(self.world, last_day)
        assert sorted(amount for amounts in self.used().values() for amount in amounts) == ["5.00", "7.00", "9.00"]
        standing = [amount for start, _, amount in lines(self.world, "STANDING_CHARGE") if start == "2025-12-01"]
        assert standing == ["20.00", "20.00"]


def test_a_childs_bill_keeps_a_plan_that_the_parents_locked_bill_cannot_take(world: World) -> None:
    family = Family(world)
    bills = family.run()
    lock(world, bills[family.parent["id"]])
    change(world, "accountplans", family.own, childBillingMode="PARENT_BREAKDOWN")
    family.assert_all_billed()
    assert family.used()[family.own["planId"], bills[family.child["id"]]] == ["7.00"]


def test_a_parents_bill_keeps_a_childs_plan_that_the_childs_locked_bill_cannot_take(world: World) -> None:
    family = Family(world, own="PARENT_BREAKDOWN")
    bills = family.run()
    lock(world, bills[family.child["id"]])
    change(world, "accountplans", family.own, childBillingMode="CHILD")
    family.assert_all_billed()
    assert family.used()[family.own["planId"], bills[family.parent["id"]]] == ["7.00"]


@pytest.mark.parametrize("mode", ["PARENT_BREAKDOWN", "PARENT_SUMMARY"])
def test_a_childs_bill_keeps_its_part_of_a_pool_that_the_parents_locked_bill_cannot_take(
    world: World, mode: str
) -> None:
    family = Family(world)
    bills = family.run()
    lock(world, bills[family.parent["id"]])
    change(world, "accountplans", family.pool, childBillingMode=mode)
    family.assert_all_billed()
    assert family.used()[family.pool["planId"], bills[family.child["id"]]] == ["9.00"]


@pytest.mark.parametrize("mode", ["PARENT_BREAKDOWN", "PARENT_SUMMARY"])
def test_a_parents_bill_keeps_a_part_of_a_pool_that_the_childs_locked_bill_cannot_take(world: World, mode: str) -> None:
    family = Family(world, pool=mode)
    bills = family.run()
    lock(world, bills[family.child["id"]])
    change(world, "accountplans", family.pool, childBillingMode="CHILD")
    if mode == "PARENT_SUMMARY":  # one line item of both accounts, before it
        run(world, "2025-12-31")
    family.assert_all_billed()
    assert family.used()[family.pool["planId"], bills[family.parent["id"]]] == ["5.00", "9.00"]


def test_a_former_parents_bill_keeps_the_plan_of_a_child_whose_own_bill_is_locked(world: World) -> None:
    family = Family(world, own="PARENT_BREAKDOWN")
    bills = family.run()
    lock(world, bills[family.child["id"]])
    change(world, "accounts", family.child, parentAccountId=None)
    family.assert_all_billed()
    assert family.used()[family.own["planId"], bills[family.parent["id"]]] == ["7.00"]


def test_a_new_parent_does_not_bill_what_the_locked_bill_of_the_one_before_has(world: World) -> None:
    family = Family(world, own="PARENT_BREAKDOWN")
    bills = family.run()
    lock(world, bills[family.parent["id"]])
    other = world.subscribe(account=world.org.make("account", code="other"))
    change(world, "accounts", family.child, parentAccountId=other["id"])
    run(world, "2025-12-31")
    assert family.used()[family.own["planId"], bills[family.parent["id"]]] == ["7.00"]
    assert sorted(lines(world)).count(("2025-12-01", "2026-01-01", "7.00")) == 1


def test_a_bill_keeps_a_plan_that_goes_under_a_contract_whose_bill_is_locked(world: World) -> None:
    account = world.org.make("account")
    contract = contract_apart(world, account)
    world.subscribe(account=account)
    world.use(account, AT, 3)
    world.subscribe(account=account, contractId=contract["id"])
    world.use(account, AT, 4)
    world.subscribe(account=account)
    moved = world.account_plan
    world.use(account, AT, 6)
    for bill_id in run(world, "2025-12-31"):
        if "4.00" in _amounts(world, bill_id):
            lock(world, bill_id)
    change(world, "accountplans", moved, contractId=contract["id"])
    for _ in range(2):
        run(world, "2025-12-31")
        assert [amount for *_, amount in lines(world)] == ["3.00", "4.00", "6.00"]


def test_a_monthly_bill_keeps_the_month_that_a_locked_quarterly_bill_cannot_take(world: World) -> None:
    account = world.subscribe(template={"billFrequencyInterval": 3})
    world.subscribe(account=account)
    world.use(account, "2026-02-10T00:00:00Z", 3)
    world.subscribe(account=account)
    world.use(account, "2026-02-10T00:00:00Z", 6)
    for last_day in ("2026-01-31", "2026-02-28"):
        run(world, last_day)
    lock(world, next(id_ for id_ in run(world, "2026-03-31") if _months(world, id_) == 3))
    template = world.org.client.get(f"/plantemplates/{world.plan['planTemplateId']}").json
    change(world, "plantemplates", template, billFrequencyInterval=3)
    for _ in range(2):
        for last_day in ("2026-01-31", "2026-02-28", "2026-03-31"):
            run(world, last_day)
        assert [amount for *_, amount in lines(world)] == ["3.00", "6.00"]


@pytest.mark.parametrize("others", [0, 1])
def test_a_run_tells_of_time_that_a_locked_bill_lacks_and_nobody_bills(world: World, others: int) -> None:
    account = world.org.make("account")
    for _ in range(others):
        world.subscribe(account=account, startDate="2025-12-01T00:00:00Z")
    world.subscribe(account=account, startDate="2025-12-16T00:00:00Z")
    [bill_id] = run(world, "2025-12-31")
    lock(world, bill_id)
    run(world, "2025-12-31")
    assert _told(world) == []
    change(world, "accountplans", world.account_plan, startDate="2025-12-01T00:00:00Z")
    run(world, "2025-12-31", accountIds=[account["id"]])
    [told] = _told(world)
    assert bill_id in told
    assert "2025-12-01 to 2025-12-16" in told


def test_a_run_tells_nothing_of_time_that_another_bill_keeps(world: World) -> None:
    family = Family(world)
    bills = family.run()
    lock(world, bills[family.parent["id"]])
    change(world, "accountplans", family.own, childBillingMode="PARENT_BREAKDOWN")
    family.assert_all_billed()
    assert _told(world) == []


def _told(world: World) -> list[str]:
    return [
        event.detail["eventData"]["message"]
        for event, _ in world.events.rows.values()
        if event.name == BILLING_JOB_FAILURE
    ]


def _amounts(world: World, bill_id: str) -> list[str]:
    lines_of: list[dict[str, Any]] = world.get(f"/bills/{bill_id}")["lineItems"]
    return [str(line["subtotal"]) for line in lines_of]


def _months(world: World, bill_id: str) -> int:
    return int(world.get(f"/bills/{bill_id}")["billFrequencyInterval"])

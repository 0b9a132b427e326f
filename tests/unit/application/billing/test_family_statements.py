"""Statements of families: the usage behind each line item is all that it prices (billing.md 5.2, 14)."""

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.application.billing.test_families import DECEMBER, bills, child, family, on_plan, use_all
from tests.unit.application.billing.world import World
from usance.application.billing.priced_usage import priced_usage
from usance.application.billing.records.record import RECORD
from usance.application.statements.gather import gather
from usance.domain.statements.statement import Statement

LATER = "2025-12-11T00:00:00Z"


@pytest.fixture
def world() -> World:
    return World()


def statement(world: World, bill: dict[str, Any], *, records: bool = True) -> Statement:
    stored = world.bills.get_stored(world.org.id, bill["id"])
    assert stored is not None
    if not records:
        stored = type(stored)(stored.header, {name: text for name, text in stored.private.items() if name != RECORD})
    return gather(
        world.org.store,
        world.usage,
        org_id=world.org.id,
        bill=stored,
        line_items=world.bills.line_items(world.org.id, bill["id"]),
        priced=priced_usage(world.bills, world.org.blobs, world.org.id, stored),
    )


def reconciled(world: World) -> dict[str, list[tuple[Decimal, int]]]:
    """Per bill the quantity of each line and how many rows it has, after checking that the rows add up to it."""
    found: dict[str, list[tuple[Decimal, int]]] = {}
    for code, bill in bills(world, world.run()).items():
        for line in statement(world, bill).lines:
            assert sum(value for row in line.usage for value in row.measures.values()) == line.line.quantity
            found.setdefault(code, []).append((line.line.quantity, len(line.usage)))
    return found


def test_the_line_of_a_summary_shows_the_usage_of_the_whole_family(world: World) -> None:
    accounts = family(world, "PARENT_SUMMARY")
    use_all(world, *accounts)
    world.use(accounts[1], LATER, 7)
    assert reconciled(world) == {"parent": [(Decimal(207), 2)]}


@pytest.mark.parametrize("mode", ["PARENT_BREAKDOWN", "CHILD"])
def test_a_part_of_a_pool_shows_the_usage_of_its_account(world: World, mode: str) -> None:
    use_all(world, *family(world, mode))
    assert sorted(quantity for lines in reconciled(world).values() for quantity, _ in lines) == [50, 50, 100]


@pytest.mark.parametrize("mode", ["PARENT_BREAKDOWN", "PARENT_SUMMARY"])
def test_usage_after_a_child_has_its_own_plan_is_shown_with_that(world: World, mode: str) -> None:
    parent, a, _ = family(world, mode)
    on_plan(world, a, startDate=LATER)
    for account, at, value in ((parent, DECEMBER, 1), (a, DECEMBER, 100), (parent, LATER, 2), (a, LATER, 7)):
        world.use(account, at, value)
    quantities = [quantity for quantity, _ in reconciled(world)["parent"]]
    assert quantities == ([3, 100, 7] if mode == "PARENT_BREAKDOWN" else [103, 7])


def test_children_on_plans_of_their_own_in_summary_are_shown_together(world: World) -> None:
    _, a, b = family(world)
    for account in (a, b):
        on_plan(world, account, childBillingMode="PARENT_SUMMARY")
        world.use(account, DECEMBER, 50)
    assert reconciled(world) == {"parent": [(Decimal(100), 1)]}


def test_the_contract_of_a_family_filters_what_is_shown(world: World) -> None:
    parent = world.org.make("account", code="parent")
    filters = [{"dimensionCode": "region", "mode": "INCLUDE", "value": "eu"}]
    contract = world.org.make("contract", accountId=parent["id"], usageFilters=filters)
    more = {"contractId": contract["id"], "childBillingMode": "PARENT_SUMMARY"}
    world.subscribe(account=parent, template={"standingCharge": 0}, **more)
    for account in (parent, child(world, parent, "a")):
        world.use(account, DECEMBER, 5, region="eu")
        world.use(account, DECEMBER, 7, region="us")
    assert reconciled(world) == {"parent": [(Decimal(10), 1)]}


@pytest.mark.parametrize(("method", "shown"), [("MAX", 100), ("MIN", 50), ("COUNT", 3), ("MEAN", Decimal(200) / 3)])
def test_other_methods_are_put_together_as_the_bill_does(world: World, method: str, shown: Decimal | int) -> None:
    accounts = family(world, "PARENT_SUMMARY")
    changed = {**world.aggregation, "aggregation": method}
    assert world.org.client.put(f"/aggregations/{world.aggregation['id']}", changed).status == 200
    use_all(world, *accounts)
    [line] = statement(world, bills(world, world.run())["parent"]).lines
    [row] = line.usage
    [value] = row.measures.values()
    assert round(value, 20) == round(Decimal(shown), 20) == round(line.line.quantity, 20)


def test_a_bill_without_a_record_shows_the_usage_of_the_account_it_names(world: World) -> None:
    use_all(world, *family(world, "PARENT_SUMMARY"))
    [line] = statement(world, bills(world, world.run())["parent"], records=False).lines
    assert [value for row in line.usage for value in row.measures.values()] == [50]

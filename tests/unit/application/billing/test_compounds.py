"""Compound aggregations that are priced through the API, on bills."""

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.application.billing.world import World


@pytest.fixture
def world() -> World:
    world = World()
    world.configure(timezone="UTC")
    return world


def priced(world: World, calculation: str, **more: Any) -> dict[str, Any]:
    """An account on a plan that prices a compound at 1 a unit, and simple usage at nothing."""
    account = world.subscribe(template={"standingCharge": 0}, **more)
    [simple] = world.org.client.get("/pricings", planId=world.plan["id"]).json["data"]
    world.org.client.delete(f"/pricings/{simple['id']}")
    compound(world, calculation)
    return account


def compound(world: World, calculation: str, **more: Any) -> dict[str, Any]:
    made = world.org.make(
        "compoundAggregation",
        calculation=calculation,
        name="Billable",
        rounding="NONE",
        quantityPerUnit=1,
        unit="requests",
        **more.pop("fields", {}),
    )
    bands = [{"lowerLimit": 0, "fixedPrice": 0, "unitPrice": 1}]
    body = {"planId": world.plan["id"], "startDate": "2025-01-01T00:00:00Z", "pricingBands": bands, **more}
    world.org.make("pricing", aggregationId=None, compoundAggregationId=made["id"], **body)
    return made


def test_w20_the_period_s_peak_decides_what_is_free(world: World) -> None:
    peak = world.org.make("aggregation", aggregation="MAX", code="apps")
    account = priced(world, "0")
    world.aggregation = requests = world.org.make("aggregation", code="req")
    made = compound(world, "Math.max(aggregation.req - aggregation.apps * 100, 0)")
    world.use(account, "2025-12-04T00:00:00Z", 1000)
    world.aggregation = peak
    for day, value in ((3, 3), (10, 5), (20, 3)):
        world.use(account, f"2025-12-{day:02}T00:00:00Z", value)
    bill = world.bill(world.run())
    line = bill["lineItems"][-1]
    assert (line["quantity"], line["subtotal"], line["compoundAggregationId"]) == (500, 500, made["id"])
    assert "aggregationId" not in line
    assert "meterId" not in line
    explained = world.get(f"/bills/{bill['id']}/lineitems/{line['id']}/explain")
    assert [(one["aggregation"], one["value"]) for one in explained["usage"]] == [("MAX", 5), ("SUM", 1000)]
    assert explained["compoundAggregation"] == {
        "id": made["id"],
        "calculation": "Math.max(aggregation.req - aggregation.apps * 100, 0)",
        "evaluateNullAggregations": False,
        "aggregations": [
            {"code": "apps", "aggregationId": peak["id"]},
            {"code": "req", "aggregationId": requests["id"]},
        ],
        "customFields": {},
    }
    listed = world.get(f"/bills/{bill['id']}/lineitems")["data"]
    assert listed[-1]["compoundAggregationId"] == made["id"]


def test_custom_fields_are_the_accounts_own_before_the_organizations(world: World) -> None:
    current = world.org.client.get("/customfields").json
    fields = {
        "organization": {"factor": 2},
        "account": {"discount": Decimal("0.5")},
        "meter": {"weight": 10},
        "product": {"rate": 3},
    }
    assert world.org.client.put("/customfields", {**current, **fields}).status == 200
    special = world.org.make("account", customFields={"discount": Decimal("0.25")})
    calculation = "organization.factor * meter.weight * product.rate * account.discount"
    account = priced(world, calculation)
    assert world.bill(world.run(accountIds=[account["id"]]))["billTotal"] == 30
    world.org.make("accountPlan", accountId=special["id"], planId=world.plan["id"], startDate="2025-01-01T00:00:00Z")
    assert world.bill(world.run(accountIds=[special["id"]]))["billTotal"] == 15


def test_a_calculation_that_fails_fails_the_account_alone(world: World) -> None:
    account = priced(world, "1 / organization.none")
    world.subscribe()
    job = world.run()
    assert len(job["billIds"]) == 1
    [failure] = world.events.events("billing.job.failure")
    assert account["id"] in str(failure)
    assert "organization.none" in str(failure)


def test_children_share_a_pooled_compound(world: World) -> None:
    account = priced(world, "0")
    compound(world, f"aggregation.{world.aggregation['code']} * 2")
    child = world.org.make("account", parentAccountId=account["id"])
    world.use(account, "2025-12-04T00:00:00Z", 10)
    world.use(child, "2025-12-04T00:00:00Z", 30)
    bill = world.bill(world.run(accountIds=[account["id"]]))
    parts = [(line.get("childAccountId"), line["quantity"], line["subtotal"]) for line in bill["lineItems"][-2:]]
    assert parts == [(None, 20, 20), (child["id"], 60, 60)]

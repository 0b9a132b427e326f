"""Plans under contracts: their time, their usage, their bills (billing.md 7)."""

from typing import Any

import pytest

from tests.unit.application.billing.world import World

JOB = {"lastDateInBillingPeriod": "2025-12-31"}


@pytest.fixture
def world() -> World:
    return World()


def under(world: World, account: dict[str, Any] | None = None, **contract: Any) -> dict[str, Any]:
    """An account on a plan of 31.00 under a contract for December."""
    account = account or world.org.make("account")
    dates = {"startDate": "2025-12-11", "endDate": "2025-12-21", "usageFilters": None}
    world.contract = world.org.make("contract", accountId=account["id"], **{**dates, **contract})  # type: ignore[attr-defined]
    contract_id = world.contract["id"]  # type: ignore[attr-defined]
    return world.subscribe(account=account, template={"standingCharge": 31}, contractId=contract_id)


def key(world: World, *, exclusive: bool) -> str:
    return str(world.org.make("billGroupingKey", exclusive=exclusive)["id"])


def amounts(bill: dict[str, Any]) -> list[tuple[str, str]]:
    return [(line["lineItemType"], str(line["convertedSubtotal"])) for line in bill["lineItems"]]


def test_the_dates_of_the_account_plan_rule_unless_the_contract_limits_them(world: World) -> None:
    account = under(world)
    world.use(account, "2025-12-05T00:00:00Z", 7)
    bill = world.bill(world.run())
    assert amounts(bill) == [("USAGE", "7.00"), ("STANDING_CHARGE", "31.00")]
    assert {line["contractId"] for line in bill["lineItems"]} == {world.contract["id"]}  # type: ignore[attr-defined]


def test_limits_bill_what_falls_in_the_contracts_period(world: World) -> None:
    account = under(world, applyContractPeriodLimits=True)
    for at, value in (
        ("2025-12-10T23:59:59Z", 1),
        ("2025-12-11T00:00:00Z", 2),
        ("2025-12-20T23:59:59Z", 4),
        ("2025-12-21T00:00:00Z", 8),
    ):
        world.use(account, at, value)
    bill = world.bill(world.run())
    assert amounts(bill) == [("USAGE", "6.00"), ("STANDING_CHARGE", "10.00")]
    assert bill["lineItems"][0]["servicePeriodStartDate"] == "2025-12-11T00:00:00.000000Z"
    assert bill["lineItems"][0]["servicePeriodEndDate"] == "2025-12-21T00:00:00.000000Z"


def test_a_contract_that_is_over_leaves_nothing_of_its_plans(world: World) -> None:
    under(world, applyContractPeriodLimits=True, startDate="2024-01-01", endDate="2024-06-01")
    assert world.run()["billIds"] == []


@pytest.mark.parametrize(
    ("filters", "billed"),
    [
        ([], "31.00"),
        ([("region", "INCLUDE", "eu")], "1.00"),
        ([("region", "INCLUDE", "eu"), ("region", "INCLUDE", "us")], "7.00"),
        ([("region", "EXCLUDE", "us")], "25.00"),
        ([("region", "INCLUDE", "us"), ("tier", "INCLUDE", "gold")], "2.00"),
        ([("region", "INCLUDE", "us"), ("region", "EXCLUDE", "us")], None),
        ([("region", "INCLUDE", "us"), ("tier", "EXCLUDE", "gold")], "4.00"),
    ],
)
def test_filters_choose_the_usage(world: World, filters: list[tuple[str, str, str]], billed: str | None) -> None:
    wire = [{"dimensionCode": code, "mode": mode, "value": value} for code, mode, value in filters]
    account = under(world, usageFilters=wire)
    rows = [(1, "eu", "gold"), (2, "us", "gold"), (4, "us", "free"), (8, "asia", "free"), (16, "", "")]
    for value, region, tier in rows:
        world.use(account, "2025-12-15T00:00:00Z", value, region=region, tier=tier)
    usage = [amount for type_, amount in amounts(world.bill(world.run())) if type_ == "USAGE"]
    assert usage == ([billed] if billed else [])


def test_an_exclusive_key_makes_a_bill_for_each_contract(world: World) -> None:
    own = key(world, exclusive=True)
    account = under(world, billGroupingKeyId=own)
    under(world, account, billGroupingKeyId=own)
    world.subscribe(account=account)
    job = world.run()
    bills = [world.get(f"/bills/{bill_id}") for bill_id in job["billIds"]]
    assert sorted(str(bill["billTotal"]) for bill in bills) == ["20.00", "31.00", "31.00"]
    assert {(bill["billingFrequency"], bill["billDate"]) for bill in bills} == {("MONTHLY", "2026-01-01")}


def test_contracts_with_a_key_that_is_not_exclusive_share_a_bill(world: World) -> None:
    shared = key(world, exclusive=False)
    account = under(world, billGroupingKeyId=shared)
    under(world, account, billGroupingKeyId=shared)
    under(world, account, billGroupingKeyId=key(world, exclusive=False))
    bills = [world.get(f"/bills/{bill_id}") for bill_id in world.run()["billIds"]]
    assert sorted(str(bill["billTotal"]) for bill in bills) == ["31.00", "62.00"]


def test_a_grouped_bill_is_recalculated_in_place(world: World) -> None:
    account = under(world, billGroupingKeyId=key(world, exclusive=True))
    first = world.run()
    world.use(account, "2025-12-15T00:00:00Z", 9)
    again = world.post("/billjobs/recalculate", {"billIds": first["billIds"]})
    world.drain()
    bill = world.get(f"/bills/{first['billIds'][0]}")
    assert (str(bill["billTotal"]), bill["billJobId"], bill["version"]) == ("40.00", again["id"], 2)
    assert world.run()["billIds"] == first["billIds"]
    assert len(world.all_bills()) == 1


def test_the_latest_bill_of_a_day_is_one_of_its_bills_and_a_preview_the_ordinary_one(world: World) -> None:
    account = under(world, billGroupingKeyId=key(world, exclusive=True))
    world.subscribe(account=account)
    asked = {**JOB, "accountIds": [account["id"]], "billingFrequency": "MONTHLY", "billFrequencyInterval": 1}
    preview = world.post("/bills/preview", asked)
    assert str(preview["billTotal"]) == "20.00"
    ids = world.run()["billIds"]
    assert preview["id"] in ids
    assert world.get(f"/bills/latest/{account['id']}")["id"] in ids


def test_a_contract_that_takes_another_key_moves_its_charges(world: World) -> None:
    account = under(world)
    [before] = world.run()["billIds"]
    contract = world.contract  # type: ignore[attr-defined]
    moved = {**contract, "billGroupingKeyId": key(world, exclusive=True)}
    assert world.org.client.put(f"/contracts/{contract['id']}", moved).status == 200
    world.subscribe(account=account)
    job = world.run()
    bills = {bill_id: str(world.get(f"/bills/{bill_id}")["billTotal"]) for bill_id in job["billIds"]}
    assert bills[before] == "20.00"
    assert sorted(bills.values()) == ["20.00", "31.00"]


@pytest.mark.parametrize("locked", [True, False])
@pytest.mark.parametrize("turned", ["on", "off"])
def test_a_bill_that_is_locked_or_that_no_run_makes_any_more_keeps_what_it_has(
    world: World, locked: bool, turned: str
) -> None:
    exclusive = key(world, exclusive=True)
    account = under(world, **({"billGroupingKeyId": exclusive} if turned == "off" else {}))
    world.use(account, "2025-12-05T00:00:00Z", 9)
    [before] = world.run()["billIds"]
    if locked:
        world.put(f"/bills/{before}/status", {"status": "APPROVED"})
        world.put(f"/bills/{before}/lock")
    contract = world.contract  # type: ignore[attr-defined]
    moved = {**contract, "billGroupingKeyId": exclusive if turned == "on" else None}
    assert world.org.client.put(f"/contracts/{contract['id']}", moved).status == 200
    assert world.run()["billIds"] == []
    assert str(world.get(f"/bills/{before}")["billTotal"]) == "40.00"
    asked = {**JOB, "accountIds": [account["id"]], "billingFrequency": "MONTHLY", "billFrequencyInterval": 1}
    refused = world.client.post("/bills/preview", asked)
    assert (refused.status, "have all that is due" in refused.text) == (400, True)
    world.subscribe(account=account)  # now there is something else to bill
    world.run()
    totals = {bill["id"]: str(world.get(f"/bills/{bill['id']}")["billTotal"]) for bill in world.all_bills()}
    assert sorted(totals.values()) == (["40.00"] if turned == "on" and locked else ["20.00", "40.00"])
    assert totals[before] == ("20.00" if turned == "on" and not locked else "40.00")


def test_a_locked_bill_keeps_what_it_has_when_frequencies_share_bills_since_then_too(world: World) -> None:
    world.configure(consolidateBills=False)
    account = under(world)
    world.use(account, "2025-12-05T00:00:00Z", 9)
    [before] = world.run()["billIds"]
    world.put(f"/bills/{before}/status", {"status": "APPROVED"})
    world.put(f"/bills/{before}/lock")
    world.configure(consolidateBills=True)
    contract = world.contract  # type: ignore[attr-defined]
    moved = {**contract, "billGroupingKeyId": key(world, exclusive=True)}
    assert world.org.client.put(f"/contracts/{contract['id']}", moved).status == 200
    assert world.run()["billIds"] == []
    assert [bill["id"] for bill in world.all_bills()] == [before]


def test_the_fees_of_contracts_that_exchange_their_bills_are_each_on_one_in_the_same_run(world: World) -> None:
    account = world.org.make("account")
    keys = [key(world, exclusive=False) for _ in range(2)] + [None]
    contracts, fees = [], []
    for n, wanted in enumerate(keys):
        under(world, account, billGroupingKeyId=wanted)
        contracts.append(world.contract)  # type: ignore[attr-defined]
        body = {"startDate": "2025-12-01", "endDate": "2026-12-01", "amount": 1200 * (n + 1)}
        more = {"billingPlanId": world.plan["id"], "contractId": contracts[n]["id"], "lineItemTypes": ["MINIMUM_SPEND"]}
        fees.append(world.org.make("commitment", accountId=account["id"], **body, **more)["id"])

    def billed() -> dict[str, list[Any]]:
        lines = [(bill["id"], line) for bill in world.all_bills_of(world.run()) for line in bill["lineItems"]]
        return {
            fee: [(bill_id, line["subtotal"]) for bill_id, line in lines if line.get("commitmentId") == fee]
            for fee in fees
        }

    before = billed()
    assert [[amount for _, amount in before[fee]] for fee in fees] == [[100], [200], [300]]
    places = [before[fee][0][0] for fee in fees]
    for by in (1, 2):
        for n, contract in enumerate(contracts):
            path = f"/contracts/{contract['id']}"
            moved = {**world.org.client.get(path).json, "billGroupingKeyId": keys[(n + by) % 3]}
            assert world.org.client.put(path, moved).status == 200
        assert billed() == {fee: [(places[(n + by) % 3], 100 * (n + 1))] for n, fee in enumerate(fees)}


def test_a_plan_that_began_after_a_locked_bill_is_billed_once_it_is_moved_back(world: World) -> None:
    account = world.subscribe()
    under(world, account)
    later = {**world.account_plan, "startDate": "2026-02-01T00:00:00Z"}
    path = f"/accountplans/{world.account_plan['id']}"
    moved = world.org.client.put(path, later)
    assert moved.status == 200, moved.text
    bill = world.bill(world.run())
    assert str(bill["billTotal"]) == "20.00"
    world.put(f"/bills/{bill['id']}/status", {"status": "APPROVED"})
    world.put(f"/bills/{bill['id']}/lock")
    assert world.org.client.put(path, {**moved.json, "startDate": "2025-12-01T00:00:00Z"}).status == 200
    contract = world.contract  # type: ignore[attr-defined]
    other = {**contract, "billGroupingKeyId": key(world, exclusive=True)}
    assert world.org.client.put(f"/contracts/{contract['id']}", other).status == 200
    assert str(world.bill(world.run())["billTotal"]) == "31.00"


def test_a_charge_is_on_the_bill_that_its_contract_asks_for(world: World) -> None:
    account = under(world, billGroupingKeyId=key(world, exclusive=True))
    world.subscribe(account=account)
    alone = world.org.make(
        "contract",
        accountId=account["id"],
        startDate="2025-01-01",
        endDate="2027-01-01",
        usageFilters=None,
        billGroupingKeyId=key(world, exclusive=True),
    )
    for amount, contract in ((1, None), (2, world.contract["id"]), (4, alone["id"])):  # type: ignore[attr-defined]
        world.org.make("charge", accountId=account["id"], billDate="2026-01-01", amount=amount, contractId=contract)
    bills = [world.get(f"/bills/{id_}") for id_ in world.run(**JOB)["billIds"]]
    assert sorted(str(bill["billTotal"]) for bill in bills) == ["21.00", "33.00", "4.00"]
    assert sorted(bill["billingFrequency"] for bill in bills) == ["AD_HOC", "MONTHLY", "MONTHLY"]

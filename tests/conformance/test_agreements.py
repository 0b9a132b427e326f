"""Plan groups, parents with children and contracts, billed through the official SDK (billing.md 3.3, 5.2, 7; W19)."""

from datetime import date

from m3ter import M3ter
from m3ter.types import BillResponse

from tests.conformance.priced import account, priced, use
from tests.conformance.subscribed import billed

FROM = "2023-11-01T00:00:00Z"


def rows(bill: BillResponse) -> list[tuple[str, str | None, float]]:
    return [(line.line_item_type, line.child_account_code, line.converted_subtotal) for line in bill.line_items]


def test_w19_a_plan_group_lifts_its_plans_to_its_minimum(client: M3ter) -> None:
    group = client.plan_groups.create(name="Professional", currency="USD", minimum_spend=250)
    for code in ("login", "matchmaking"):
        client.plan_group_links.create(plan_group_id=group.id, plan_id=priced(client, code))
    studio = account(client, "studio")
    client.account_plans.create(account_id=studio, plan_group_id=group.id, start_date=FROM)
    use(client, "login", "studio", 60)
    use(client, "matchmaking", "studio", 110)
    [bill] = billed(client, studio)
    assert sorted(rows(bill)) == [("MINIMUM_SPEND", None, 80), ("USAGE", None, 60), ("USAGE", None, 110)]
    assert {line.plan_group_id for line in bill.line_items} == {group.id}
    assert bill.bill_total == 250


def test_a_parent_is_billed_for_its_children_under_a_contract(client: M3ter) -> None:
    parent = account(client, "publisher")
    account(client, "publisher-eu", parent_account_id=parent)
    contract = client.contracts.create(
        account_id=parent,
        name="Europe",
        start_date=date(2023, 11, 1),
        end_date=date(2024, 11, 1),
        apply_contract_period_limits=True,
        usage_filters=[{"dimension_code": "region", "mode": "INCLUDE", "value": "eu"}],
    )
    plan_id = priced(client, "messaging", 0.5)
    client.account_plans.create(
        account_id=parent, plan_id=plan_id, start_date="2023-10-15T00:00:00Z", contract_id=contract.id
    )
    for code in ("publisher", "publisher-eu"):
        use(client, "messaging", code, 30)
        use(client, "messaging", code, 1000, region="us")
    [bill] = billed(client, parent)
    assert rows(bill) == [("USAGE", None, 15), ("USAGE", "publisher-eu", 15)]

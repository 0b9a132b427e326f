"""Credit, contracts, counters, compounds and mappings through the official SDK, which judges the answers' types."""

from datetime import UTC, datetime
from typing import Any

import m3ter
import pytest
from m3ter import M3ter

from local.testing import RunningStack

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
BANDS: Any = [{"lower_limit": 0, "fixed_price": 0, "unit_price": 2}]


@pytest.fixture(scope="module")
def account(strict: M3ter) -> str:
    return strict.accounts.create(name="Northwind", code="northwind", email_address="billing@example.com").id


@pytest.fixture(scope="module")
def product(strict: M3ter) -> str:
    return strict.products.create(name="Seats and calls", code="seats_and_calls").id


@pytest.fixture(scope="module")
def plan(strict: M3ter, product: str) -> str:
    template = strict.plan_templates.create(
        name="Monthly",
        code="credit_monthly",
        product_id=product,
        currency="USD",
        bill_frequency="MONTHLY",
        standing_charge=0,
    )
    return strict.plans.create(name="Seats", code="seats", plan_template_id=template.id).id


def goes_round(resource: Any, made: Any, changes: dict[str, Any], **where: Any) -> None:
    """What was made is retrieved, listed, replaced and deleted as it is."""
    assert resource.retrieve(made.id, **where).to_dict() == made.to_dict()
    assert made.id in [item.id for item in resource.list(**where)]
    updated = resource.update(made.id, **changes, version=made.version, **where)
    assert updated.version == made.version + 1
    with pytest.raises(m3ter.ConflictError):
        resource.update(made.id, **changes, version=made.version, **where)
    assert resource.delete(made.id, **where).to_dict() == updated.to_dict()
    with pytest.raises(m3ter.NotFoundError):
        resource.retrieve(made.id, **where)


@pytest.mark.parametrize("name", ["credit_reasons", "debit_reasons", "transaction_types"])
def test_picklists(strict: M3ter, name: str) -> None:
    picklist = getattr(strict, name)
    made = picklist.create(name="Goodwill", code="goodwill")
    archived = picklist.create(name="Old", code="old", archived=True)
    assert [item.id for item in picklist.list(archived=True)] == [archived.id]
    assert [item.id for item in picklist.list(codes=["goodwill"])] == [made.id]
    goes_round(picklist, made, {"name": "Kindness", "code": "kindness"})


def test_counters_their_pricings_and_adjustments(strict: M3ter, account: str, product: str, plan: str) -> None:
    counter = strict.counters.create(name="Seats", unit="seats", code="seats", product_id=product)
    assert [item.id for item in strict.counters.list(product_id=[product])] == [counter.id]
    pricing = strict.counter_pricings.create(
        counter_id=counter.id, plan_id=plan, start_date=START, pricing_bands=BANDS, code="seat_price"
    )
    assert pricing.pro_rate_running_total is True
    assert pricing.pricing_bands is not None
    assert pricing.pricing_bands[0].id
    adjustments = [
        strict.counter_adjustments.create(counter_id=counter.id, account_id=account, date=day, value=value)
        for day, value in (("2026-01-01", 15), ("2026-01-15", 18))
    ]
    with pytest.raises(m3ter.ConflictError):
        strict.counter_adjustments.create(counter_id=counter.id, account_id=account, date="2026-01-15", value=20)
    found = strict.counter_adjustments.list(counter_id=counter.id, account_id=account, sort_order="ASC")
    assert [(str(item.date), item.value) for item in found] == [("2026-01-01", 15), ("2026-01-15", 18)]
    found = strict.counter_adjustments.list(counter_id=counter.id, account_id=account, date_start="2026-01-02")
    assert [item.value for item in found] == [18]
    with pytest.raises(m3ter.BadRequestError, match="counterId"):
        strict.counter_adjustments.list()
    with pytest.raises(m3ter.BadRequestError, match="counterPricing"):
        strict.counters.delete(counter.id)
    first, second = adjustments
    assert strict.counter_adjustments.retrieve(first.id) == first
    changed = strict.counter_adjustments.update(
        first.id, counter_id=counter.id, account_id=account, date="2026-01-02", value=16, version=1
    )
    assert (str(changed.date), changed.value) == ("2026-01-02", 16)
    for adjustment in (changed, second):
        assert strict.counter_adjustments.delete(adjustment.id) == adjustment
    changes = {"counter_id": counter.id, "plan_id": plan, "start_date": START, "pricing_bands": BANDS}
    goes_round(strict.counter_pricings, pricing, changes)
    goes_round(strict.counters, counter, {"name": "Chairs", "unit": "chairs"})


def test_compound_aggregations(stack: RunningStack, client: M3ter, strict: M3ter, product: str) -> None:
    meter = strict.meters.create(
        name="Calls",
        code="calls",
        product_id=product,
        data_fields=[{"category": "MEASURE", "code": "seconds", "name": "Seconds", "unit": "s"}],
        derived_fields=[],
    )
    simple = strict.aggregations.create(
        name="Seconds",
        code="call_seconds",
        meter_id=meter.id,
        target_field="seconds",
        aggregation="SUM",
        quantity_per_unit=1,
        rounding="NONE",
        unit="s",
    )
    fields: dict[str, Any] = {
        "name": "Minutes",
        "code": "call_minutes",
        "calculation": "aggregation.call_seconds / 60",
        "quantity_per_unit": 1,
        "rounding": "UP",
        "unit": "min",
    }
    made = strict.compound_aggregations.create(**fields, product_id=product)
    read = strict.compound_aggregations.retrieve(made.id)
    assert (read.calculation, read.segments) == (fields["calculation"], [])
    assert read.evaluate_null_aggregations is False
    assert [item.id for item in strict.compound_aggregations.list(product_id=[product])] == [made.id]
    with pytest.raises(m3ter.BadRequestError, match="nothing"):
        strict.compound_aggregations.create(**{**fields, "code": "other", "calculation": "aggregation.nothing"})
    with pytest.raises(m3ter.BadRequestError, match="call_minutes"):
        strict.aggregations.delete(simple.id)
    assert strict.compound_aggregations.update(made.id, **fields, version=1).version == 2
    assert strict.compound_aggregations.delete(made.id).version == 2
    assert strict.aggregations.delete(simple.id).id == simple.id


def test_plan_groups_and_their_links(strict: M3ter, account: str, plan: str) -> None:
    group = strict.plan_groups.create(name="Bundle", currency="USD", code="bundle", account_id=account)
    assert [item.id for item in strict.plan_groups.list(account_id=[account])] == [group.id]
    link = strict.plan_group_links.create(plan_group_id=group.id, plan_id=plan)
    assert [item.id for item in strict.plan_group_links.list(plan_group=group.id, plan=plan)] == [link.id]
    with pytest.raises(m3ter.BadRequestError, match="planId"):
        strict.plan_group_links.create(plan_group_id=group.id, plan_id=plan)
    attached = strict.account_plans.create(account_id=account, plan_group_id=group.id, start_date=START)
    assert attached.product_id is None
    with pytest.raises(m3ter.BadRequestError, match="planGroupLink"):
        strict.plan_groups.delete(group.id)
    strict.account_plans.delete(attached.id)
    goes_round(strict.plan_group_links, link, {"plan_group_id": group.id, "plan_id": plan})
    goes_round(strict.plan_groups, group, {"name": "Bundle", "currency": "EUR"})


def test_contracts_and_what_is_linked_to_them(strict: M3ter, account: str, plan: str) -> None:
    fields: dict[str, Any] = {"account_id": account, "name": "Year", "start_date": START, "end_date": END}
    contract = strict.contracts.create(
        **fields, code="year", usage_filters=[{"dimension_code": "region", "mode": "INCLUDE", "value": "EU"}]
    )
    assert str(contract.end_date) == "2027-01-01"
    assert [item.id for item in strict.contracts.list(account_id=account, codes=["year"])] == [contract.id]
    attached = strict.account_plans.create(account_id=account, plan_id=plan, contract_id=contract.id, start_date=START)
    with pytest.raises(m3ter.BadRequestError, match="accountPlan"):
        strict.contracts.delete(contract.id)
    ended = strict.contracts.end_date_billing_entities(
        contract.id, billing_entities=["CONTRACT", "ACCOUNTPLAN"], end_date=datetime(2026, 6, 1, tzinfo=UTC)
    )
    assert ended.updated_entities is not None
    assert ended.updated_entities.contract is not None
    assert ended.updated_entities.contract.empty is False
    assert strict.account_plans.retrieve(attached.id).end_date == datetime(2026, 6, 1, tzinfo=UTC)
    shortened = strict.contracts.retrieve(contract.id)
    assert str(shortened.end_date) == "2026-06-01"
    ended_account = strict.accounts.end_date_billing_entities(
        account, billing_entities=["CONTRACT"], end_date=datetime(2026, 5, 1, tzinfo=UTC)
    )
    assert ended_account.failed_entities is not None
    assert str(strict.contracts.retrieve(contract.id).end_date) == "2026-05-01"
    strict.account_plans.delete(attached.id)
    goes_round(strict.contracts, strict.contracts.retrieve(contract.id), fields)


def test_commitments(strict: M3ter, account: str, product: str) -> None:
    fields: dict[str, Any] = {
        "account_id": account,
        "amount": 1200,
        "currency": "USD",
        "start_date": "2026-01-01",
        "end_date": "2027-01-01",
        "product_ids": [product],
        "fee_dates": [
            {
                "date": "2026-01-01",
                "amount": 1200,
                "service_period_start_date": START,
                "service_period_end_date": END,
            }
        ],
    }
    made = strict.commitments.create(**fields)
    assert made.amount_spent == 0
    assert [item.id for item in strict.commitments.list(account_id=account, product_id=product)] == [made.id]
    assert [item.id for item in strict.commitments.list(account_id=account, date="2026-06-01")] == [made.id]
    assert not list(strict.commitments.list(account_id=account, date="2027-06-01"))
    found = strict.commitments.search(search_query=f"accountId:{account}$endDate>2026-06-01", sort_by="endDate")
    assert found.data is not None
    assert [item.id for item in found.data] == [made.id]
    with pytest.raises(m3ter.BadRequestError, match="separateOverageUsage"):
        strict.commitments.create(**fields, separate_overage_usage=True, overage_surcharge_percent=5)
    goes_round(strict.commitments, made, fields)


def test_balances_their_transactions_and_schedules(strict: M3ter, account: str) -> None:
    fields: dict[str, Any] = {
        "account_id": account,
        "name": "Credit",
        "code": "credit",
        "currency": "USD",
        "start_date": START,
        "end_date": END,
    }
    balance = strict.balances.create(**fields)
    kind = strict.transaction_types.create(name="Purchase", code="purchase")
    transactions = strict.balances.transactions
    bought = transactions.create(balance.id, amount=100.25, transaction_type_id=kind.id, applied_date=START)
    assert bought.entity_type == "SERVICE_USER"
    transactions.create(balance.id, amount=-0.25)
    assert [item.id for item in transactions.list(balance.id, transaction_type_id=kind.id)] == [bought.id]
    moved = strict.balances.retrieve(balance.id)
    assert moved.amount == 100
    summary = transactions.summary(balance.id)
    assert (summary.total_credit_amount, summary.total_debit_amount) == (100.25, 0.25)
    assert [item.id for item in strict.balances.list(account_id=account, contract_id="")] == [balance.id]
    with pytest.raises(m3ter.BadRequestError, match="amount"):
        transactions.create(balance.id, amount=-1000)

    grant: dict[str, Any] = {
        "name": "Grant",
        "code": "grant",
        "amount": 50,
        "start_date": START,
        "end_date": END,
        "frequency": "MONTHLY",
        "frequency_interval": 1,
        "transaction_type_id": kind.id,
        "transaction_description": "Grant",
    }
    grants = strict.balances.transaction_schedules
    assert grants.preview(balance.id, **grant).next_run == START
    made = grants.create(balance.id, **grant)
    goes_round(grants, made, grant, balance_id=balance.id)
    fee: dict[str, Any] = {
        "name": "Fee",
        "code": "fee",
        "currency": "USD",
        "amount": 20,
        "bill_frequency": "MONTHLY",
        "bill_frequency_interval": 1,
        "bill_in_advance": True,
        "bill_epoch": "2026-01-01",
        "charge_description": "Fee",
        "service_period_start_date": START,
        "service_period_end_date": END,
    }
    fees = strict.balances.charge_schedules
    preview = fees.preview(balance.id, **fee, page_size=2)
    assert len(preview.model_extra["data"]) == 2  # type: ignore[index]
    scheduled = fees.create(balance.id, **fee)
    with pytest.raises(m3ter.BadRequestError, match="balanceChargeSchedule"):
        strict.balances.delete(balance.id)
    goes_round(fees, scheduled, fee, balance_id=balance.id)
    goes_round(strict.balances, moved, fields)


def test_charges(strict: M3ter, account: str) -> None:
    fields: dict[str, Any] = {
        "account_id": account,
        "name": "Onboarding",
        "code": "onboarding",
        "currency": "USD",
        "entity_type": "AD_HOC",
        "line_item_type": "AD_HOC",
        "amount": 99.9,
        "bill_date": "2026-02-01",
        "service_period_start_date": START,
        "service_period_end_date": END,
    }
    made = strict.charges.create(**fields)
    assert [item.id for item in strict.charges.list(account_id=account, bill_date="2026-02-01")] == [made.id]
    with pytest.raises(m3ter.BadRequestError, match="units"):
        strict.charges.create(**{**fields, "code": "both"}, units=1, unit_price=2)
    goes_round(strict.charges, made, fields)


def test_external_mappings(strict: M3ter, account: str) -> None:
    fields: dict[str, Any] = {
        "m3ter_entity": "Account",
        "m3ter_id": account,
        "external_system": "Stripe",
        "external_table": "Customer",
        "external_id": "cus_1",
    }
    made = strict.external_mappings.create(**fields)
    assert [item.id for item in strict.external_mappings.list(external_system_id="Stripe")] == [made.id]
    assert [item.id for item in strict.external_mappings.list_by_m3ter_entity(account, entity="Account")] == [made.id]
    found = strict.external_mappings.list_by_external_entity("cus_1", system="Stripe", external_table="Customer")
    assert [item.id for item in found] == [made.id]
    goes_round(strict.external_mappings, made, fields)


def test_scheduled_events(strict: M3ter) -> None:
    fields: dict[str, Any] = {"name": "scheduled.bill.overdue", "entity": "Bill", "field": "dueDate", "offset": 3}
    made = strict.scheduled_event_configurations.create(**fields)
    assert "scheduled.bill.overdue" in (strict.events.get_types().events or [])
    with pytest.raises(m3ter.BadRequestError, match=r"scheduled\.bill\."):
        strict.scheduled_event_configurations.create(**{**fields, "name": "overdue"})
    goes_round(strict.scheduled_event_configurations, made, {**fields, "offset": 5})


def test_accounts_are_searched(strict: M3ter, account: str) -> None:
    found = strict.accounts.search(search_query="name~North$code:northwind", sort_by="name", sort_order="ASC")
    assert found.data is not None
    assert [item.id for item in found.data] == [account]
    child = strict.accounts.create(
        name="Child", code="northwind_child", email_address="a@example.com", parent_account_id=account
    )
    assert child.id in [item.id for item in strict.accounts.list_children(account)]
    page = strict.accounts.search(search_query=f"parentAccountId:{account}", page_size=1)
    assert page.data is not None
    assert [item.id for item in page.data] == [child.id]

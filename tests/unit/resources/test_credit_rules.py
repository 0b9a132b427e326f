"""The rules of compounds, counters, plan groups, contracts, commitments, charges, balances and mappings."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.fakes.organization import Organization
from usance.application import ordering
from usance.domain.catalog.balances import summary
from usance.domain.catalog.joining_groups import NAMED_MAX
from usance.resources.registry import BY_TYPE

MISSING = "00000000-0000-7000-8000-ffffffffffff"
SEGMENTS = [{"region": "EU"}, {"region": "US"}]


@pytest.fixture
def org() -> Organization:
    return Organization()


def refused(org: Organization, type_: str, *words: str, **more: Any) -> None:
    answer = org.create(type_, **more)
    assert answer.status == 400, answer.text
    for word in words:
        assert word in answer.message, answer.message


def put(org: Organization, type_: str, document: dict[str, Any], **more: Any) -> Any:
    sent = {name: value for name, value in {**document, **more}.items() if value is not None}
    return org.client.put(f"/{org.path(BY_TYPE[type_])}/{document['id']}", sent)


def listed(org: Organization, path: str, **query: Any) -> list[str]:
    answer = org.client.get(path, **query)
    assert answer.status == 200, answer.text
    return [item["id"] for item in answer.json["data"]]


class TestReferences:
    @pytest.mark.parametrize(
        ("type_", "field"),
        [
            ("compoundAggregation", "productId"),
            ("counter", "productId"),
            ("counterPricing", "counterId"),
            ("counterPricing", "planId"),
            ("counterAdjustment", "counterId"),
            ("counterAdjustment", "accountId"),
            ("planGroup", "accountId"),
            ("planGroupLink", "planGroupId"),
            ("planGroupLink", "planId"),
            ("contract", "accountId"),
            ("contract", "billGroupingKeyId"),
            ("commitment", "accountId"),
            ("commitment", "contractId"),
            ("commitment", "billingPlanId"),
            ("commitment", "feesAccountingProductId"),
            ("charge", "accountId"),
            ("charge", "accountingProductId"),
            ("balance", "accountId"),
            ("balance", "contractId"),
            ("balanceTransaction", "transactionTypeId"),
            ("balanceTransactionSchedule", "transactionTypeId"),
            ("externalMapping", "integrationConfigId"),
        ],
    )
    def test_a_missing_one_is_named(self, org: Organization, type_: str, field: str) -> None:
        refused(org, type_, field, MISSING, **{field: MISSING})

    @pytest.mark.parametrize("type_", ["commitment", "balance"])
    def test_a_missing_product_is_named(self, org: Organization, type_: str) -> None:
        refused(org, type_, "productIds", MISSING, productIds=[MISSING])

    @pytest.mark.parametrize(
        ("parent", "child", "field"),
        [
            ("product", "compoundAggregation", "productId"),
            ("product", "counter", "productId"),
            ("product", "counterPricing", "accountingProductId"),
            ("product", "planGroup", "minimumSpendAccountingProductId"),
            ("product", "commitment", "drawdownsAccountingProductId"),
            ("product", "balance", "feesAccountingProductId"),
            ("product", "charge", "accountingProductId"),
            ("plan", "counterPricing", "planId"),
            ("plan", "planGroupLink", "planId"),
            ("plan", "commitment", "billingPlanId"),
            ("planTemplate", "counterPricing", "planTemplateId"),
            ("counter", "counterPricing", "counterId"),
            ("counter", "counterAdjustment", "counterId"),
            ("planGroup", "planGroupLink", "planGroupId"),
            ("account", "contract", "accountId"),
            ("account", "commitment", "accountId"),
            ("account", "balance", "accountId"),
            ("account", "charge", "accountId"),
            ("account", "counterAdjustment", "accountId"),
            ("account", "planGroup", "accountId"),
            ("transactionType", "balanceTransactionSchedule", "transactionTypeId"),
            ("billGroupingKey", "contract", "billGroupingKeyId"),
        ],
    )
    def test_what_is_in_use_cannot_be_deleted(self, org: Organization, parent: str, child: str, field: str) -> None:
        used = org.make(parent)
        user = org.make(child, **{field: used["id"]})
        path = f"/{BY_TYPE[parent].path}/{used['id']}"
        blocked = org.client.delete(path)
        assert blocked.status == 400
        assert child in blocked.message
        assert org.client.get(path).json == used
        assert org.client.delete(f"/{org.path(BY_TYPE[child])}/{user['id']}").status == 200
        assert org.client.delete(path).status == 200

    @pytest.mark.parametrize("child", ["accountPlan", "commitment", "balance", "charge"])
    def test_a_contract_stays_while_anything_is_linked_to_it(self, org: Organization, child: str) -> None:
        contract = org.make("contract")
        linked = org.make(child, accountId=contract["accountId"], contractId=contract["id"])
        blocked = org.client.delete(f"/contracts/{contract['id']}")
        assert blocked.status == 400
        assert child in blocked.message
        moved = put(org, "contract", contract, accountId=org.make("account")["id"])
        assert moved.status == 400
        assert linked["id"] in moved.message
        refused(org, child, "contractId", contract["accountId"], contractId=contract["id"])

    @pytest.mark.parametrize("type_", ["commitment", "balance"])
    def test_a_product_that_may_draw_stays_and_finds_what_it_draws_on(self, org: Organization, type_: str) -> None:
        product = org.make("product")["id"]
        made = org.make(type_, productIds=[product])
        assert type_ in org.client.delete(f"/products/{product}").message
        if type_ == "commitment":
            org.make(type_)
            assert listed(org, "/commitments", productId=product) == [made["id"]]

    @pytest.mark.parametrize("type_", ["commitment", "balance"])
    def test_a_hundred_products_are_named_at_most_and_all_of_them_are_there(
        self, org: Organization, type_: str
    ) -> None:
        products = [org.make("product")["id"] for _ in range(100)]
        assert org.make(type_, productIds=products)["productIds"] == products
        refused(org, type_, "productIds", "100", productIds=[*products, MISSING])
        refused(org, type_, "productIds", f"there is no product {MISSING}", productIds=[*products[1:], MISSING])
        assert "is used by" in org.client.delete(f"/products/{products[70]}").message


class TestPicklists:
    def test_an_archived_item_is_found_by_its_state(self, org: Organization) -> None:
        old, new = org.make("creditReason", archived=True), org.make("creditReason")
        assert new["archived"] is False
        assert listed(org, "/picklists/creditreasons", archived="true") == [old["id"]]
        assert listed(org, "/picklists/creditreasons", archived="false") == [new["id"]]
        assert listed(org, "/picklists/creditreasons", codes=new["code"]) == [new["id"]]

    @pytest.mark.parametrize("code", ["a b", "1st", "a-b", "x" * 81])
    def test_codes_are_identifiers(self, org: Organization, code: str) -> None:
        for type_ in ("creditReason", "debitReason", "transactionType", "billGroupingKey"):
            refused(org, type_, "code", code=code)


class TestCompoundAggregations:
    def test_it_names_aggregations_that_exist(self, org: Organization) -> None:
        code = org.make("aggregation")["code"]
        for calculation in (f"aggregation.{code} * meter.rate", "1 + 1", "organization.factor"):
            org.make("compoundAggregation", calculation=calculation)
        refused(org, "compoundAggregation", "calculation", "nothing", calculation="aggregation.nothing")
        for name in ("tokens", f"counter.{code}", f"compoundAggregation.{code}", "timestamp.ts"):
            refused(org, "compoundAggregation", "calculation", name, calculation=f"{name} + 1")
        refused(org, "compoundAggregation", "calculation", calculation="1 +")

    def test_it_looks_nothing_up_since_it_would_find_its_defaults_alone(self, org: Organization) -> None:
        calculation = '1 + Lookup.findNumber("rates", "rate", 1, "uk")'
        refused(
            org, "compoundAggregation", "at character 5: Lookup.findNumber", "derived fields", calculation=calculation
        )

    def test_what_it_names_stays_as_it_is_named(self, org: Organization) -> None:
        aggregation = org.make("aggregation")
        compound = org.make("compoundAggregation", calculation=f"aggregation.{aggregation['code']}")
        renamed = put(org, "aggregation", aggregation, code="renamed")
        assert renamed.status == 400
        assert compound["code"] in renamed.message
        assert compound["code"] in org.client.delete(f"/aggregations/{aggregation['id']}").message
        assert put(org, "compoundAggregation", compound, calculation="1").status == 200
        assert put(org, "aggregation", aggregation, code="renamed").status == 200
        assert org.client.delete(f"/aggregations/{aggregation['id']}").status == 200

    def test_it_offers_the_segments_that_its_aggregations_share(self, org: Organization) -> None:
        one = org.make("aggregation", segmentedFields=["region"], segments=SEGMENTS)
        two = org.make("aggregation", segmentedFields=["region"], segments=SEGMENTS[:1])
        plain = org.make("aggregation")["code"]
        alone = org.make("compoundAggregation", calculation=f"aggregation.{one['code']} + aggregation.{plain}")
        both = org.make("compoundAggregation", calculation=f"aggregation.{one['code']} + aggregation.{two['code']}")
        assert alone["segments"] == SEGMENTS
        assert both["segments"] == SEGMENTS[:1]
        assert org.make("compoundAggregation")["segments"] == []
        assert put(org, "aggregation", one, segments=[*SEGMENTS, {"region": "*"}]).status == 200
        shown = org.client.get(f"/compoundaggregations/{alone['id']}").json
        assert shown["segments"] == [*SEGMENTS, {"region": "*"}]
        assert shown["version"] == 1

    def test_a_pricing_names_a_segment_that_is_offered_and_keeps_it(self, org: Organization) -> None:
        aggregation = org.make("aggregation", segmentedFields=["region"], segments=SEGMENTS)
        compound = org.make("compoundAggregation", calculation=f"aggregation.{aggregation['code']}")
        priced = {"aggregationId": None, "compoundAggregationId": compound["id"]}
        refused(org, "pricing", "segment", **priced, segment={"region": "AU"})
        pricing = org.make("pricing", **priced, segment={"region": "US"})
        assert pricing["aggregationType"] == "COMPOUND"
        narrowed = put(org, "aggregation", aggregation, segments=SEGMENTS[:1])
        assert narrowed.status == 400
        assert pricing["code"] in narrowed.message
        assert pricing["code"] in put(org, "compoundAggregation", compound, calculation="1").message
        assert "pricing" in org.client.delete(f"/compoundaggregations/{compound['id']}").message

    def test_one_of_a_product_prices_its_plans_alone(self, org: Organization) -> None:
        product = org.make("product")["id"]
        compound = org.make("compoundAggregation", productId=product)["id"]
        priced = {"aggregationId": None, "compoundAggregationId": compound}
        refused(org, "pricing", "compoundAggregationId", product, **priced)
        org.make("pricing", **priced, planTemplateId=org.make("planTemplate", productId=product)["id"])
        assert listed(org, "/compoundaggregations", productId=product) == [compound]

    def test_it_names_so_many_aggregations_and_no_more(self, org: Organization) -> None:
        calculation = " + ".join(f"aggregation.a{n}" for n in range(16))
        refused(org, "compoundAggregation", "16", "15", calculation=calculation)
        refused(org, "compoundAggregation", "calculation", calculation="1" * 5001)


class TestCounters:
    def test_one_of_a_product_prices_its_plans_alone(self, org: Organization) -> None:
        product = org.make("product")["id"]
        counter = org.make("counter", productId=product)
        refused(org, "counterPricing", "counterId", product, counterId=counter["id"])
        template = org.make("planTemplate", productId=product)["id"]
        pricing = org.make("counterPricing", counterId=counter["id"], planTemplateId=template)
        moved = put(org, "counter", counter, productId=org.make("product")["id"])
        assert moved.status == 400
        assert pricing["code"] in moved.message
        assert put(org, "counter", counter, productId=None).status == 200

    def test_a_pricing_has_its_defaults_and_one_parent(self, org: Organization) -> None:
        pricing = org.make("counterPricing")
        flags = (
            "runningTotalBillInAdvance",
            "proRateRunningTotal",
            "proRateAdjustmentDebit",
            "proRateAdjustmentCredit",
        )
        assert all(pricing[flag] is True for flag in flags)
        assert pricing["cumulative"] is False
        assert pricing["pricingBands"][0]["id"]
        refused(org, "counterPricing", "planId", "planTemplateId", planId=None)
        bands = [{"lowerLimit": 0, "fixedPrice": 0, "unitPrice": -1}]
        refused(org, "counterPricing", "unitPrice", pricingBands=bands)
        refused(org, "counterPricing", "endDate", endDate="2025-01-01T00:00:00Z")
        assert listed(org, "/counterpricings", planId=pricing["planId"], date="2026-02-01") == [pricing["id"]]
        assert listed(org, "/counterpricings", planId=pricing["planId"], date="2025-02-01") == []

    def test_one_adjustment_for_a_counter_and_account_a_day(self, org: Organization) -> None:
        first = org.make("counterAdjustment", date="2026-01-01T00:00:00Z")
        assert first["date"] == "2026-01-01"
        same = {"accountId": first["accountId"], "date": "2026-01-01"}
        again = org.create("counterAdjustment", **same)
        assert again.status == 409
        assert again.message == "counterId, accountId and date: another counterAdjustment has the same already"
        second = org.make("counterAdjustment", **{**same, "date": "2026-01-02"})
        assert put(org, "counterAdjustment", second, date="2026-01-01").status == 409
        assert org.client.delete(f"/counteradjustments/{first['id']}").status == 200
        assert put(org, "counterAdjustment", second, date="2026-01-01").status == 200

    @pytest.mark.parametrize("value", [-1, Decimal("1.5"), "3", 2_147_483_648])
    def test_a_value_is_a_whole_number(self, org: Organization, value: Any) -> None:
        refused(org, "counterAdjustment", "value", value=value)

    def test_adjustments_are_listed_by_counter_and_by_date(
        self, org: Organization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        counter, account = org.shared("counter")["id"], org.make("account")["id"]
        made = {
            day: org.make("counterAdjustment", accountId=account, date=f"2026-01-{day:02}")["id"] for day in (9, 1, 5)
        }
        org.make("counterAdjustment")
        whose = {"counterId": counter, "accountId": account}

        def found(**query: Any) -> list[str]:
            return listed(org, "/counteradjustments", **whose, **query)

        assert found() == [made[5], made[1], made[9]]
        assert found(date="2026-01-05") == [made[5]]
        assert found(dateStart="2026-01-05") == [made[5], made[9]]
        assert found(dateStart="2026-01-01", dateEnd="2026-01-05") == [made[1]]
        assert found(endDateStart="2026-01-05", endDateEnd="2026-01-09") == [made[5]]
        assert found(sortOrder="ASC") == [made[1], made[5], made[9]]
        assert found(sortOrder="desc") == [made[9], made[5], made[1]]
        every = org.client.get("/counteradjustments", counterId=whose["counterId"], sortOrder="ASC").json["data"]
        assert [item["date"] for item in every] == sorted(item["date"] for item in every)
        first = org.client.get("/counteradjustments", **whose, sortOrder="ASC", pageSize=2).json
        org.client.delete(f"/counteradjustments/{made[5]}")
        rest = org.client.get("/counteradjustments", **whose, sortOrder="ASC", nextToken=first["nextToken"]).json
        assert [[item["id"] for item in page["data"]] for page in (first, rest)] == [[made[1], made[5]], [made[9]]]
        assert rest["nextToken"] is None
        for query, word in (
            ({}, "counterId"),
            ({"counterId": counter, "date": "2026-01-01"}, "accountId"),
            ({**whose, "sortOrder": "UP"}, "sortOrder"),
            ({**whose, "sortOrder": "ASC", "nextToken": "junk"}, "nextToken"),
        ):
            answer = org.client.get("/counteradjustments", **query)
            assert answer.status == 400
            assert word in answer.message
        monkeypatch.setattr(ordering, "ORDERED_MAX", 1)
        monkeypatch.setattr(ordering, "READ_AT_ONCE", 1)
        assert "sortOrder" in org.client.get("/counteradjustments", **whose, sortOrder="ASC").message


class TestPlanGroups:
    def test_one_plan_per_product_in_a_group(self, org: Organization) -> None:
        template = org.make("planTemplate")["id"]
        one, two = org.make("plan", planTemplateId=template), org.make("plan", planTemplateId=template)
        link = org.make("planGroupLink", planId=one["id"])
        group = link["planGroupId"]
        refused(org, "planGroupLink", "planId", one["code"], planGroupId=group, planId=two["id"])
        refused(org, "planGroupLink", "planId", planGroupId=group, planId=one["id"])
        org.make("planGroupLink", planGroupId=group)
        assert put(org, "planGroupLink", link, planId=two["id"]).status == 200
        assert len(listed(org, "/plangrouplinks", planGroup=group)) == 2
        assert listed(org, "/plangrouplinks", plan=two["id"], planGroup=group) == [link["id"]]

    def test_the_product_of_a_linked_plan_stays(self, org: Organization) -> None:
        plan = org.make("plan")
        org.make("planGroupLink", planId=plan["id"])
        moved = put(org, "plan", plan, planTemplateId=org.make("planTemplate")["id"])
        assert moved.status == 400
        assert "plan group" in moved.message

    def test_a_bespoke_group_goes_to_its_account_alone(self, org: Organization) -> None:
        account, other = org.make("account")["id"], org.make("account")["id"]
        group = org.make("planGroup", accountId=account)
        attached = {"planId": None, "planGroupId": group["id"]}
        refused(org, "accountPlan", "planGroupId", "bespoke", **attached, accountId=other)
        account_plan = org.make("accountPlan", **attached, accountId=account)
        assert "productId" not in account_plan
        assert put(org, "planGroup", group, accountId=other).status == 400
        assert "accountPlan" in org.client.delete(f"/plangroups/{group['id']}").message
        bespoke = org.make("plan", bespoke=True, accountId=other)["id"]
        refused(org, "planGroupLink", "bespoke", planGroupId=group["id"], planId=bespoke)

    def test_a_group_with_a_bespoke_plan_stays_with_its_account(self, org: Organization) -> None:
        account, other = org.make("account")["id"], org.make("account")["id"]
        group = org.make("planGroup", accountId=account)
        org.make("planGroupLink", planGroupId=group["id"], planId=org.make("plan")["id"])
        group = put(org, "planGroup", group, accountId=other).json
        plan = org.make(
            "plan",
            bespoke=True,
            accountId=other,
            planTemplateId=org.make("planTemplate", productId=org.make("product")["id"])["id"],
        )
        org.make("planGroupLink", planGroupId=group["id"], planId=plan["id"])
        for owner in (account, None):
            moved = put(org, "planGroup", group, accountId=owner)
            assert (moved.status, plan["code"] in moved.message) == (400, True)
        assert put(org, "planGroup", group, name="New name").status == 200

    def test_a_plan_that_joins_a_group_does_not_overlap_on_its_accounts(self, org: Organization) -> None:
        template = org.make("planTemplate", productId=org.make("product")["id"])["id"]
        one, two, three = (org.make("plan", planTemplateId=template)["id"] for _ in range(3))
        group = org.make("planGroupLink")["planGroupId"]
        account, other = org.make("account")["id"], org.make("account")["id"]
        for whose in (account, other):
            org.make("accountPlan", accountId=whose, planId=None, planGroupId=group, startDate="2026-02-01")
        org.make("accountPlan", accountId=account, planId=one, startDate="2026-01-01", endDate="2026-02-01")
        link = org.make("planGroupLink", planGroupId=group, planId=two)
        assert org.client.delete(f"/plangrouplinks/{link['id']}").status == 200
        beside = org.make("accountPlan", accountId=other, planId=one, startDate="2027-01-01")
        refused(org, "planGroupLink", "planId", beside["id"], planGroupId=group, planId=two)
        elsewhere = org.make("planGroupLink", planId=two)
        assert put(org, "planGroupLink", elsewhere, planGroupId=group).status == 400
        assert org.client.delete(f"/accountplans/{beside['id']}").status == 200
        grouped = org.make("accountPlan", accountId=other, planId=None, planGroupId=elsewhere["planGroupId"])
        refused(org, "planGroupLink", "planId", grouped["id"], planGroupId=group, planId=three)
        config = org.client.get("/organizationconfig").json
        assert org.client.put("/organizationconfig", {**config, "allowOverlappingPlans": True}).status == 200
        org.make("planGroupLink", planGroupId=group, planId=three)

    def test_groups_without_number_may_have_a_plan_of_the_product_that_joins(
        self, org: Organization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each value that is asked for is a query, and an organization may have a group for every account."""
        plan = org.make("plan")
        groups = [org.make("planGroupLink", planId=plan["id"])["planGroupId"] for _ in range(NAMED_MAX + 2)]
        group = org.make("planGroupLink")["planGroupId"]
        account = org.make("accountPlan", planId=None, planGroupId=group, startDate="2026-02-01")["accountId"]
        beside = org.make("accountPlan", accountId=account, planId=None, planGroupId=groups[1], startDate="2027-01-01")
        joins = org.body("planGroupLink", planGroupId=group, planId=plan["id"])
        found, asked = org.store.list_all, list[int]()

        def count(org_id: str, type_: str, *, filters: Mapping[str, Sequence[str]]) -> Sequence[Any]:
            asked.append(max((len(values) for values in filters.values()), default=0))
            return found(org_id, type_, filters=filters)

        monkeypatch.setattr(org.store, "list_all", count)
        answer = org.client.post("/plangrouplinks", joins)
        assert (answer.status, beside["id"] in answer.message) == (400, True)
        assert max(asked) <= NAMED_MAX
        assert org.client.delete(f"/accountplans/{beside['id']}").status == 200
        assert org.client.post("/plangrouplinks", joins).status == 200

    def test_a_plan_moves_between_two_groups_of_an_account(self, org: Organization) -> None:
        """It leaves the one as it joins the other, so that nothing overlaps."""
        link, account = org.make("planGroupLink"), org.make("account")["id"]
        group = org.make("planGroupLink")["planGroupId"]
        for one in (link["planGroupId"], group):
            org.make("accountPlan", accountId=account, planId=None, planGroupId=one)
        assert put(org, "planGroupLink", link, planGroupId=group).status == 200

    def test_a_groups_plans_count_when_plans_of_one_product_overlap(self, org: Organization) -> None:
        template = org.make("planTemplate")["id"]
        one, two = org.make("plan", planTemplateId=template)["id"], org.make("plan", planTemplateId=template)["id"]
        group, other = (org.make("planGroupLink", planId=plan)["planGroupId"] for plan in (one, two))
        account = org.make("account")["id"]
        attached = org.make("accountPlan", accountId=account, planId=None, planGroupId=group)
        refused(org, "accountPlan", attached["id"], accountId=account, planId=two)
        refused(org, "accountPlan", attached["id"], accountId=account, planId=None, planGroupId=other)
        org.make("accountPlan", accountId=account)


class TestContracts:
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("endDate", "2026-01-01"),
            ("description", "x" * 501),
            ("purchaseOrderNumber", "x" * 101),
            ("usageFilters", [{"dimensionCode": "region", "mode": "MAYBE", "value": "EU"}]),
            ("usageFilters", [{"dimensionCode": "region", "mode": "INCLUDE"}]),
            ("name", ""),
        ],
    )
    def test_fields_have_their_limits(self, org: Organization, field: str, value: Any) -> None:
        refused(org, "contract", field, **{field: value})

    def test_its_dates_are_days(self, org: Organization) -> None:
        contract = org.make("contract", startDate="2026-01-01T00:00:00Z", endDate="2026-06-01T00:00:00+00:00")
        assert (contract["startDate"], contract["endDate"]) == ("2026-01-01", "2026-06-01")
        assert contract["applyContractPeriodLimits"] is False


class TestCommitments:
    @pytest.mark.parametrize(
        ("more", "word"),
        [
            ({"amount": 0}, "amount"),
            ({"endDate": "2026-01-01"}, "endDate"),
            ({"amountPrePaid": 1000, "amountFirstBill": 201}, "amountPrePaid"),
            ({"amountPrePaid": -1}, "amountPrePaid"),
            ({"billingInterval": 366}, "billingInterval"),
            ({"billingOffset": 365}, "billingOffset"),
            ({"separateOverageUsage": True, "overageSurchargePercent": 10}, "separateOverageUsage"),
            ({"lineItemTypes": ["AD_HOC"]}, "lineItemTypes"),
            ({"lineItemTypes": ["USAGE", "USAGE"]}, "lineItemTypes"),
            ({"currency": "E" * 81}, "currency"),
        ],
    )
    def test_fields_agree_with_each_other(self, org: Organization, more: dict[str, Any], word: str) -> None:
        refused(org, "commitment", word, **more)

    def test_overage_is_shown_apart_without_a_surcharge(self, org: Organization) -> None:
        org.make("commitment", separateOverageUsage=True, overageSurchargePercent=0)
        org.make("commitment", overageSurchargePercent=-10)

    def test_fees_follow_a_plan_or_dates(self, org: Organization) -> None:
        fee = {
            "date": "2026-03-01",
            "amount": 100,
            "servicePeriodStartDate": "2026-03-01T00:00:00Z",
            "servicePeriodEndDate": "2026-03-01T00:00:00Z",
        }
        made = org.make("commitment", feeDates=[fee])
        assert made["feeDates"] == [fee]
        refused(org, "commitment", "feeDates", billingPlanId=org.make("plan")["id"], feeDates=[fee])
        late = {**fee, "servicePeriodStartDate": "2026-03-02T00:00:00Z"}
        refused(org, "commitment", "feeDates[1].servicePeriodEndDate", feeDates=[fee, late])
        refused(org, "commitment", "feeDates[0].amount", feeDates=[{**fee, "amount": 0}])

    def test_what_was_spent_is_the_servers_to_say(self, org: Organization) -> None:
        made = org.make("commitment", amountSpent=500)
        assert made["amountSpent"] == 0
        assert put(org, "commitment", made, amountSpent=500).json["amountSpent"] == 0

    def test_lists_ask_for_dates(self, org: Organization) -> None:
        one = org.make("commitment", startDate="2025-01-01", endDate="2026-01-01")["id"]
        two = org.make("commitment")["id"]
        assert listed(org, "/commitments", date="2025-12-31") == [one]
        assert listed(org, "/commitments", date="2026-01-01") == [two]
        assert listed(org, "/commitments", endDateStart="2026-01-02") == [two]
        assert listed(org, "/commitments", endDateEnd="2026-01-01") == []
        assert listed(org, "/commitments", endDateStart="2026-01-01", endDateEnd="2027-01-01") == [one]
        assert org.client.get("/commitments", endDateStart="soon").status == 400


class TestCharges:
    @pytest.mark.parametrize(
        ("more", "words"),
        [
            ({"units": 1}, ("amount", "units")),
            ({"amount": None}, ("amount is required",)),
            ({"amount": None, "units": 1}, ("unitPrice",)),
            (
                {"amount": None, "units": Decimal("1e30"), "unitPrice": -10},
                ("units", "unitPrice", "-1.00E+31", "below 1e31"),
            ),
            ({"lineItemType": "BALANCE_FEE"}, ("lineItemType", "AD_HOC")),
            ({"entityType": "BALANCE"}, ("lineItemType", "BALANCE_FEE")),
            ({"entityType": "BALANCE", "lineItemType": "BALANCE_FEE"}, ("entityId",)),
            ({"servicePeriodEndDate": "2025-01-01T00:00:00Z"}, ("servicePeriodEndDate",)),
        ],
    )
    def test_fields_agree_with_each_other(
        self, org: Organization, more: dict[str, Any], words: tuple[str, ...]
    ) -> None:
        refused(org, "charge", *words, **more)

    def test_a_credit_is_a_negative_amount(self, org: Organization) -> None:
        org.make("charge", amount=-5)
        org.make("charge", amount=None, units=3, unitPrice=Decimal("-0.5"))

    def test_units_at_a_unit_price_come_to_what_an_amount_may_be(self, org: Organization) -> None:
        org.make("charge", amount=None, units=Decimal("1e25"), unitPrice=Decimal("9.99999e5"))

    def test_a_fee_is_for_a_balance_of_the_same_account(self, org: Organization) -> None:
        balance = org.make("balance")
        fee = {"entityType": "BALANCE", "lineItemType": "BALANCE_FEE", "entityId": balance["id"]}
        refused(org, "charge", "entityId", balance["accountId"], **fee)
        refused(org, "charge", "entityId", MISSING, **{**fee, "entityId": MISSING})
        charge = org.make("charge", **fee, accountId=balance["accountId"])
        assert "charge" in org.client.delete(f"/balances/{balance['id']}").message
        assert listed(org, "/charges", entityType="BALANCE", entityId=balance["id"]) == [charge["id"]]

    def test_they_are_found_by_the_day_they_are_billed_on(self, org: Organization) -> None:
        charge = org.make("charge", billDate="2026-02-01")
        org.make("charge", billDate="2026-02-02")
        assert listed(org, "/charges", billDate="2026-02-01") == [charge["id"]]
        assert listed(org, "/charges", billDate="2026-02-01T00:00:00Z") == [charge["id"]]
        assert org.client.get("/charges", billDate="soon").status == 400

    def test_without_a_date_they_are_billed_on_the_day_their_service_has_ended(self, org: Organization) -> None:
        assert org.make("charge")["billDate"] == "2026-02-01"
        config = org.client.get("/organizationconfig").json
        org.client.put("/organizationconfig", {**config, "timezone": "Europe/Berlin"})
        assert org.make("charge", servicePeriodEndDate="2026-01-31T23:00:00Z")["billDate"] == "2026-02-01"


class TestBalances:
    @pytest.mark.parametrize(
        ("more", "word"),
        [
            ({"endDate": "2026-01-01T00:00:00Z"}, "endDate"),
            ({"rolloverAmount": 5}, "rolloverEndDate"),
            ({"rolloverEndDate": "2027-01-01T00:00:00Z"}, "rolloverEndDate"),
            ({"rolloverAmount": -5, "rolloverEndDate": "2027-02-01T00:00:00Z"}, "rolloverAmount"),
            ({"lineItemTypes": ["BALANCE_FEE"]}, "lineItemTypes"),
        ],
    )
    def test_fields_agree_with_each_other(self, org: Organization, more: dict[str, Any], word: str) -> None:
        refused(org, "balance", word, **more)

    def test_transactions_move_it(self, org: Organization) -> None:
        balance = org.make("balance", amount=1000)
        assert balance["amount"] == 0
        path = f"/balances/{balance['id']}"
        credit = org.client.post(f"{path}/transactions", {"amount": Decimal("100.25"), "paid": 90}).json
        assert credit["entityType"] == "SERVICE_USER"
        assert credit["version"] == 1
        debit = org.client.post(f"{path}/transactions", {"amount": Decimal("-0.50")}).json
        moved = org.client.get(path).json
        assert (moved["amount"], moved["version"]) == (Decimal("99.75"), 3)
        assert listed(org, f"{path}/transactions") == [debit["id"], credit["id"]]
        assert put(org, "balance", moved, name="New name").json["amount"] == Decimal("99.75")
        assert put(org, "balance", {**moved, "version": 4}, currency="EUR").status == 400

    def test_it_does_not_fall_below_zero_unless_it_may(self, org: Organization) -> None:
        balance = org.make("balance")["id"]
        below = org.client.post(f"/balances/{balance}/transactions", {"amount": -1})
        assert below.status == 400
        assert "amount" in below.message
        assert listed(org, f"/balances/{balance}/transactions") == []
        may = org.make("balance", allowOverdraft=True)["id"]
        assert org.client.post(f"/balances/{may}/transactions", {"amount": -1}).status == 200
        config = org.client.get("/organizationconfig").json
        org.client.put("/organizationconfig", {**config, "allowNegativeBalances": True})
        assert org.client.post(f"/balances/{balance}/transactions", {"amount": -1}).status == 200

    def test_a_transaction_of_no_balance_is_not_found(self, org: Organization) -> None:
        for call in (org.client.get, org.client.post):
            assert call(f"/balances/{MISSING}/transactions").status in {400, 404}
        assert org.client.post(f"/balances/{MISSING}/transactions", {"amount": 1}).status == 404
        assert org.client.get(f"/balances/{MISSING}/transactions/summary").status == 404
        assert org.client.get(f"/balances/{MISSING}/balancechargeschedules").status == 404

    def test_transactions_are_found_by_their_type_and_maker(self, org: Organization) -> None:
        path = f"/{org.path(BY_TYPE['balanceTransaction'])}"
        kind = org.make("transactionType")["id"]
        typed = org.make("balanceTransaction", transactionTypeId=kind)
        other = org.make("balanceTransaction")
        assert listed(org, path, transactionTypeId=kind) == [typed["id"]]
        assert listed(org, path, entityType="SERVICE_USER", entityId=typed["entityId"]) == [other["id"], typed["id"]]
        assert listed(org, path, entityType="BILL") == []
        assert "balanceTransaction" in org.client.delete(f"/picklists/transactiontypes/{kind}").message

    def test_it_is_deleted_with_its_transactions(self, org: Organization) -> None:
        balance = org.make("balance")["id"]
        for _ in range(12):
            org.client.post(f"/balances/{balance}/transactions", {"amount": 1})
        assert org.client.delete(f"/balances/{balance}").json["amount"] == 12
        assert org.client.get(f"/balances/{balance}/transactions").status == 404
        assert org.store.list_all(org.id, "balanceTransaction", filters={"balanceId": [balance]}) == ()

    def test_lists_ask_for_contracts_and_ends(self, org: Organization) -> None:
        contract = org.make("contract")
        account = contract["accountId"]
        linked = org.make("balance", accountId=account, contractId=contract["id"])["id"]
        free = org.make("balance", accountId=account, rolloverEndDate="2027-03-01T00:00:00Z")["id"]
        assert listed(org, "/balances", accountId=account, contractId=contract["id"]) == [linked]
        assert listed(org, "/balances", contract=contract["id"]) == [linked]
        assert listed(org, "/balances", accountId=account, contractId="") == [free]
        assert listed(org, "/balances", accountId=account) == [free, linked]
        assert listed(org, "/balances", endDateStart="2027-02-01") == [free]
        assert listed(org, "/balances", endDateEnd="2027-02-01") == [linked]

    def test_a_summary_tells_draw_downs_rollover_and_what_expired(self, org: Organization) -> None:
        balance = {
            "endDate": "2026-02-01T00:00:00Z",
            "rolloverEndDate": "2026-03-01T00:00:00Z",
            "rolloverAmount": Decimal(30),
        }
        transactions = [
            {"amount": Decimal(amount), "entityType": kind, "appliedDate": f"2026-{day}T00:00:00Z"}
            for amount, kind, day in ((100, "USER", "01-01"), (-40, "BILL", "01-20"), (-10, "BILL", "02-10"))
        ]
        at = {day: datetime.fromisoformat(f"2026-{day}T00:00:00+00:00") for day in ("01-31", "02-15", "03-01")}
        before, during, after = (summary(balance, transactions, at[day]) for day in at)
        assert before == {
            "totalCreditAmount": 100,
            "totalDebitAmount": 50,
            "initialCreditAmount": 100,
            "balanceConsumed": 40,
            "rolloverConsumed": 10,
            "expiredBalanceAmount": 0,
        }
        assert during["expiredBalanceAmount"] == 30
        assert after["expiredBalanceAmount"] == 50
        late = [{**transactions[0], "appliedDate": "2026-02-02T00:00:00Z"}, *transactions[1:]]
        assert summary(balance, late, at["03-01"]) == after
        late[2] = {**transactions[2], "amount": Decimal(-55)}
        assert summary(balance, late, at["03-01"])["expiredBalanceAmount"] == 5
        made = org.make("balance")["id"]
        org.client.post(f"/balances/{made}/transactions", {"amount": 7})
        shown = org.client.get(f"/balances/{made}/transactions/summary").json
        assert shown["totalCreditAmount"] == shown["initialCreditAmount"] == 7


class TestSchedules:
    def test_an_entity_is_reached_through_its_own_balance_alone(self, org: Organization) -> None:
        schedule = org.make("balanceChargeSchedule")
        other = org.make("balance")["id"]
        path = f"/balances/{other}/balancechargeschedules"
        assert schedule["balanceId"] == org.shared("balance")["id"]
        assert org.client.get(f"{path}/{schedule['id']}").status == 404
        assert org.client.put(f"{path}/{schedule['id']}", schedule).status == 404
        assert org.client.delete(f"{path}/{schedule['id']}").status == 404
        assert listed(org, path) == []
        blocked = org.client.delete(f"/balances/{schedule['balanceId']}")
        assert "balanceChargeSchedule" in blocked.message

    def test_a_transaction_schedule_is_clamped_to_the_ends_of_months(self, org: Organization) -> None:
        path = f"/{org.path(BY_TYPE['balanceTransactionSchedule'])}"
        body = org.body("balanceTransactionSchedule", paid=40, currencyPaid="EUR")
        shown = org.client.post(f"{path}/preview", body).json
        days = [one["appliedDate"][:10] for one in shown["data"]]
        assert days == ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31", "2026-06-30"]
        assert shown["data"][0]["amount"] == 50
        assert shown["data"][0]["currencyPaid"] == "EUR"
        assert shown["nextRun"] == "2026-01-31T00:00:00Z"
        assert listed(org, path) == []
        assert org.client.post(path, body).json["nextRun"] == "2026-01-31T00:00:00Z"

    @pytest.mark.parametrize(
        ("in_advance", "start", "due", "periods"),
        [
            (True, "2026-02-15", ["2026-02-15", "2026-04-01"], ["2026-02-15", "2026-04-01", "2026-06-01"]),
            (False, "2026-02-15", ["2026-04-01", "2026-06-01"], ["2026-02-15", "2026-04-01", "2026-06-01"]),
            (True, "2026-04-01", ["2026-04-01"], ["2026-04-01", "2026-06-01"]),
        ],
    )
    def test_charges_are_for_the_periods_of_the_calendar(
        self, org: Organization, in_advance: bool, start: str, due: list[str], periods: list[str]
    ) -> None:
        body = org.body(
            "balanceChargeSchedule",
            billInAdvance=in_advance,
            servicePeriodStartDate=f"{start}T00:00:00Z",
            servicePeriodEndDate="2026-06-01T00:00:00Z",
        )
        shown = org.client.post(f"/{org.path(BY_TYPE['balanceChargeSchedule'])}/preview", body).json
        assert [charge["billDate"] for charge in shown["data"]] == due
        starts = [charge["servicePeriodStartDate"][:10] for charge in shown["data"]]
        ends = [charge["servicePeriodEndDate"][:10] for charge in shown["data"]]
        assert [starts, ends] == [periods[:-1], periods[1:]]
        assert all(charge["amount"] == 300 for charge in shown["data"])
        assert shown["nextRun"] == f"{due[0]}T00:00:00Z"

    def test_without_an_epoch_of_its_own_it_has_the_organizations_in_its_time_zone(self, org: Organization) -> None:
        config = org.client.get("/organizationconfig").json
        changes = {"timezone": "Europe/Berlin", "monthEpoch": "2026-01-10"}
        assert org.client.put("/organizationconfig", {**config, **changes}).status == 200
        body = org.body("balanceChargeSchedule", billEpoch=None, billFrequencyInterval=1)
        path = f"/{org.path(BY_TYPE['balanceChargeSchedule'])}/preview"
        shown = org.client.call("POST", path, body, query={"pageSize": 2}).json
        assert [charge["billDate"] for charge in shown["data"]] == ["2026-01-01", "2026-01-10"]
        assert shown["data"][1]["servicePeriodStartDate"] == "2026-01-09T23:00:00Z"
        rest = org.client.call("POST", path, body, query={"pageSize": 1, "nextToken": shown["nextToken"]}).json
        assert [charge["billDate"] for charge in rest["data"]] == ["2026-02-10"]
        assert org.client.call("POST", path, body, query={"nextToken": "junk"}).status == 400

    def test_an_amount_is_given_in_one_way(self, org: Organization) -> None:
        refused(org, "balanceChargeSchedule", "amount", "units", units=1, unitPrice=2)
        refused(org, "balanceChargeSchedule", "unitPrice", amount=None, units=2)
        refused(
            org, "balanceChargeSchedule", "unitPrice", amount=None, units=Decimal("2e20"), unitPrice=Decimal("5e10")
        )
        org.make("balanceChargeSchedule", amount=None, units=2, unitPrice=3)
        refused(org, "balanceChargeSchedule", "servicePeriodEndDate", servicePeriodEndDate="2026-01-01T00:00:00Z")
        refused(org, "balanceTransactionSchedule", "endDate", endDate="2026-01-31T00:00:00Z")


class TestExternalMappings:
    def test_they_are_found_from_both_sides(self, org: Organization) -> None:
        mapping, other = org.make("externalMapping"), org.make("externalMapping", externalSystem="NetSuite")
        ours = f"/externalmappings/external/Account/{mapping['m3terId']}"
        theirs = f"/externalmappings/externalid/Stripe/Customer/{mapping['externalId']}"
        assert listed(org, ours) == listed(org, theirs) == [mapping["id"]]
        assert listed(org, ours.replace("Account", "account")) == [mapping["id"]]
        assert listed(org, theirs.replace("Stripe", "NetSuite")) == []
        assert listed(org, "/externalmappings", externalSystemId="NetSuite") == [other["id"]]
        assert listed(org, "/externalmappings", externalSystemId="netsuite") == [other["id"]]
        assert listed(org, theirs.replace("Stripe", "STRIPE")) == [mapping["id"]]
        both = f"{mapping['m3terId']},{other['m3terId']}"
        assert listed(org, "/externalmappings", m3terIds=both) == [other["id"], mapping["id"]]

    def test_ids_may_hold_what_paths_must_encode(self, org: Organization) -> None:
        mapping = org.make("externalMapping", externalTable="Sales Order", externalId="a%b c")
        found = listed(org, "/externalmappings/externalid/Stripe/Sales%20Order/a%25b%20c")
        assert found == [mapping["id"]]
        other = org.make("externalMapping", externalTable="Sales Order", externalId="https://crm/7?x=1")
        found = listed(org, "/externalmappings/externalid/Stripe/Sales%20Order/https%3A%2F%2Fcrm%2F7%3Fx%3D1")
        assert found == [other["id"]]

    @pytest.mark.parametrize("value", ["", " x", "x\n", "x" * 201])
    def test_texts_are_like_codes(self, org: Organization, value: str) -> None:
        for field in ("m3terEntity", "m3terId", "externalSystem", "externalTable", "externalId"):
            refused(org, "externalMapping", field, **{field: value})


class TestScheduledEvents:
    @pytest.mark.parametrize(
        ("more", "words"),
        [
            ({"name": "overdue"}, ("name", "such as scheduled.bill.")),
            ({"entity": "Contract", "field": "endDate", "name": "ends"}, ("name", "such as scheduled.contract.")),
            ({"name": "scheduled.account.overdue"}, ("name", "scheduled.bill.")),
            ({"name": "scheduled.bill."}, ("name",)),
            ({"entity": "Nothing"}, ("entity",)),
            ({"field": "status"}, ("field", "dueDate")),
            ({"offset": Decimal("1.5")}, ("offset",)),
            ({"offset": 36_501}, ("offset",)),
        ],
    )
    def test_it_names_a_date_of_an_entity(
        self, org: Organization, more: dict[str, Any], words: tuple[str, ...]
    ) -> None:
        refused(org, "scheduledEventConfiguration", *words, **more)

    def test_days_before_are_negative(self, org: Organization) -> None:
        more = {"entity": "AccountPlan", "field": "endDate", "name": "scheduled.accountPlan.ends.soon", "offset": -30}
        assert org.make("scheduledEventConfiguration", **more)["offset"] == -30

    @pytest.mark.parametrize("entity", ["BalanceTransaction", "balanceamount", "BalanceAmount"])
    def test_an_entity_is_named_as_events_or_as_the_rest_of_the_api_name_it(
        self, org: Organization, entity: str
    ) -> None:
        for number, name in enumerate(("balanceTransaction", "balanceamount")):
            event = f"scheduled.{name}.applied{number}"
            org.make("scheduledEventConfiguration", name=event, entity=entity, field="appliedDate")
            org.make("notificationConfiguration", eventName=event, calculation="new.amount > 5")
        refused(org, "scheduledEventConfiguration", "name", name="scheduled.balance.x", entity=entity, field="endDate")

    def test_a_rule_may_be_about_it_and_keeps_it(self, org: Organization) -> None:
        event = org.make("scheduledEventConfiguration")
        about = {"eventName": event["name"], "calculation": "new.billTotal > 0"}
        refused(org, "notificationConfiguration", "eventName", **{**about, "eventName": "scheduled.bill.never"})
        refused(org, "notificationConfiguration", "calculation", **{**about, "calculation": "old.billTotal > 0"})
        rule = org.make("notificationConfiguration", **about)
        assert rule["code"] in org.client.delete(f"/scheduledevents/configurations/{event['id']}").message
        renamed = put(org, "scheduledEventConfiguration", event, name="scheduled.bill.other")
        assert renamed.status == 400
        assert rule["code"] in renamed.message
        duplicate = org.create("scheduledEventConfiguration", name=event["name"])
        assert duplicate.status == 409


class TestTransactions:
    """What DynamoDB takes in one transaction, for the largest change of the entities with the most references."""

    @pytest.mark.parametrize("type_", ["commitment", "balance", "compoundAggregation"])
    def test_the_largest_change_fits_into_one(
        self, org: Organization, type_: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def largest() -> dict[str, Any]:
            if type_ == "compoundAggregation":
                codes = [org.make("aggregation")["code"] for _ in range(15)]
                more = {"productId": org.make("product")["id"], "accountingProductId": org.make("product")["id"]}
                return {**more, "calculation": " + ".join(f"aggregation.{code}" for code in codes)}
            contract = org.make("contract")
            named = [org.make("product")["id"] for _ in range(28)]
            fields = {
                "commitment": ("accountingProductId", "feesAccountingProductId", "drawdownsAccountingProductId"),
                "balance": ("consumptionsAccountingProductId", "feesAccountingProductId"),
            }[type_]
            plan = {"billingPlanId": org.make("plan")["id"]} if type_ == "commitment" else {}
            linked = {"accountId": contract["accountId"], "contractId": contract["id"], "productIds": named[:25]}
            return {**plan, **linked, **dict(zip(fields, named[25:], strict=False))}

        sizes = []
        made = org.make(type_, **largest())
        changes, commit, before = largest(), org.store.commit, dict(org.store.rows)

        def counted(org_id: str, puts: Any) -> None:
            [new] = puts
            old = before[org_id, type_, made["id"]]
            owned = [
                {(name, value) for name, values in one.indexed.items() for value in values} | set(one.unique.items())
                for one in (new, old)
            ]
            sizes.append(1 + len(owned[0] ^ owned[1]) + len(new.references) + len(new.guards))
            commit(org_id, puts)

        monkeypatch.setattr(org.store, "commit", counted)
        answer = put(org, type_, made, **changes, code="changed" if type_ != "commitment" else None)
        assert answer.status == 200, answer.text
        assert 60 < sizes[0] <= 100

"""The rules of single resources, each by what a client sees."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.fakes.organization import PRIVATE_HOST, Organization
from usance.domain.catalog import accounts
from usance.domain.catalog.aggregations import query_to_try
from usance.domain.catalog.proposal import Proposal
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.metering.custom_sql import CustomSql
from usance.resources import wire
from usance.resources.registry import BY_TYPE

MEASURE = {"category": "MEASURE", "code": "tokens", "name": "Tokens", "unit": "tokens"}
WHERE = {"category": "WHERE", "code": "region", "name": "Region"}
WHAT = {"category": "WHAT", "code": "tier", "name": "Tier"}
METADATA = {"category": "METADATA", "code": "trace", "name": "Trace"}
MISSING = "00000000-0000-7000-8000-ffffffffffff"


@pytest.fixture
def org() -> Organization:
    return Organization()


def refused(org: Organization, type_: str, *words: str, **more: Any) -> None:
    answer = org.create(type_, **more)
    assert answer.status == 400, answer.text
    for word in words:
        assert word in answer.message, answer.message


def put(org: Organization, path: str, document: dict[str, Any], **more: Any) -> Any:
    return org.client.put(f"/{path}/{document['id']}", {**document, **more})


class TestReferences:
    @pytest.mark.parametrize(
        ("type_", "field"),
        [
            ("meter", "productId"),
            ("aggregation", "meterId"),
            ("aggregation", "accountingProductId"),
            ("planTemplate", "productId"),
            ("plan", "planTemplateId"),
            ("plan", "accountId"),
            ("pricing", "planId"),
            ("pricing", "aggregationId"),
            ("account", "parentAccountId"),
            ("account", "statementDefinitionId"),
            ("accountPlan", "accountId"),
            ("accountPlan", "planId"),
            ("accountPlan", "contractId"),
        ],
    )
    def test_a_missing_one_is_named(self, org: Organization, type_: str, field: str) -> None:
        refused(org, type_, field, MISSING, **{field: MISSING})

    def test_one_inside_a_list_is_named_too(self, org: Organization) -> None:
        dimensions = [{"name": "region", "filter": ["*"], "meterId": MISSING}]
        refused(org, "statementDefinition", "dimensions.meterId", MISSING, dimensions=dimensions)

    @pytest.mark.parametrize(
        ("parent", "child", "field"),
        [
            ("product", "meter", "productId"),
            ("product", "planTemplate", "productId"),
            ("product", "aggregation", "accountingProductId"),
            ("product", "plan", "minimumSpendAccountingProductId"),
            ("meter", "aggregation", "meterId"),
            ("aggregation", "pricing", "aggregationId"),
            ("planTemplate", "plan", "planTemplateId"),
            ("plan", "accountPlan", "planId"),
            ("plan", "pricing", "planId"),
            ("account", "accountPlan", "accountId"),
            ("account", "account", "parentAccountId"),
            ("statementDefinition", "account", "statementDefinitionId"),
            ("notificationConfiguration", "integrationConfiguration", "entityId"),
            ("webhook", "integrationConfiguration", "destinationId"),
        ],
    )
    def test_what_is_in_use_cannot_be_deleted(self, org: Organization, parent: str, child: str, field: str) -> None:
        from usance.resources.registry import BY_TYPE

        used = org.make(parent)
        user = org.make(child, **{field: used["id"]})
        path = f"/{BY_TYPE[parent].path}/{used['id']}"
        blocked = org.client.delete(path)
        assert blocked.status == 400
        assert child in blocked.message
        assert user.get("code", user.get("name")) in blocked.message
        assert org.client.get(path).json == used
        assert org.client.delete(f"/{BY_TYPE[child].path}/{user['id']}").status == 200
        assert org.client.delete(path).status == 200


class TestMeters:
    def test_codes_differ_across_both_lists(self, org: Organization) -> None:
        derived = [{**MEASURE, "calculation": "1"}]
        refused(org, "meter", "derivedFields[0].code", "tokens", dataFields=[MEASURE], derivedFields=derived)

    def test_numbers_have_a_unit(self, org: Organization) -> None:
        refused(org, "meter", "dataFields[0].unit is required", dataFields=[{**MEASURE, "unit": None}])

    def test_a_meter_has_fields(self, org: Organization) -> None:
        refused(org, "meter", "dataFields: must have at least 1", dataFields=[])
        many = [{**WHERE, "code": f"f{n}"} for n in range(16)]
        refused(org, "meter", "dataFields: must have at most 15", dataFields=many)

    @pytest.mark.parametrize("code", ["1st", "a b", "a-b", "", "é é", "x" * 81, "a.b"])
    def test_field_codes_are_identifiers(self, org: Organization, code: str) -> None:
        refused(org, "meter", "dataFields[0].code", dataFields=[{**WHERE, "code": code}])

    @pytest.mark.parametrize("code", ["é", "_x", "$", "a1", "Ω9"])
    def test_letters_of_any_script_are_fine(self, org: Organization, code: str) -> None:
        org.make("meter", dataFields=[{**WHERE, "code": code}], derivedFields=[])

    @pytest.mark.parametrize("calculation", ["tokens +", "unknown * 2", "thousands + 1", "plan.x", "product.x", "@"])
    def test_a_calculation_must_mean_something(self, org: Organization, calculation: str) -> None:
        derived = [{**MEASURE, "code": "thousands", "calculation": calculation}]
        refused(org, "meter", "derivedFields[0].calculation", derivedFields=derived)

    def test_a_calculation_may_use_custom_fields_and_timestamps(self, org: Organization) -> None:
        calculation = "tokens * account.rate + meter.factor + organization.x + product.y + timestamp.ts"
        derived = [{**MEASURE, "code": "thousands", "calculation": calculation}]
        org.make("meter", derivedFields=derived, productId=org.make("product")["id"])

    def test_a_field_that_an_aggregation_uses_stays(self, org: Organization) -> None:
        meter = org.make("meter")
        org.make("aggregation", meterId=meter["id"], code="sum_of_tokens")
        gone = put(org, "meters", meter, dataFields=[WHERE], derivedFields=[])
        assert gone.status == 400
        assert "tokens" in gone.message
        assert "sum_of_tokens" in gone.message
        changed = put(org, "meters", meter, dataFields=[{**MEASURE, "category": "WHAT"}, WHERE], derivedFields=[])
        assert changed.status == 400
        moved = put(org, "meters", meter, productId=org.make("product")["id"])
        assert moved.status == 400
        assert "productId" in moved.message
        assert put(org, "meters", meter, dataFields=[MEASURE], derivedFields=[]).status == 200


class TestAggregations:
    @pytest.mark.parametrize(
        ("method", "target", "fine"),
        [
            ("SUM", "tokens", True),
            ("SUM", "thousands", True),
            ("SUM", "region", False),
            ("LATEST", "region", False),
            ("COUNT", "region", True),
            ("UNIQUE", "region", True),
            ("UNIQUE", "tokens", False),
            ("SUM", "unknown", False),
            ("CUSTOM_SQL", "tokens", False),
            ("P95", "tokens", True),
            ("P95", "region", False),
            ("TIME_WEIGHTED_SUM", "thousands", True),
            ("P42", "tokens", False),
        ],
    )
    def test_the_method_fits_the_target(self, org: Organization, method: str, target: str, fine: bool) -> None:
        answer = org.create("aggregation", aggregation=method, targetField=target)
        assert answer.status == (200 if fine else 400)

    def test_a_query_of_ones_own_is_tried_when_it_is_new_or_changes(self, org: Organization) -> None:
        random = {"aggregation": "CUSTOM_SQL", "customSql": "SELECT random() FROM measurements"}
        refused(org, "aggregation", "random() differs", **random)
        refused(org, "aggregation", "tokens, thousands, region", **random)
        made = org.make("aggregation", **random | {"customSql": "SELECT sum(tokens) FROM measurements"})
        changed = put(org, "aggregations", made, customSql="SELECT random() FROM measurements")
        assert (changed.status, "customSql" in changed.message) == (400, True)

    def test_a_query_that_stays_is_not_tried_again(self) -> None:
        old = {"aggregation": "CUSTOM_SQL", "customSql": "SELECT 1", "meterId": "m", "code": "ones", "name": "One"}
        meter = {"dataFields": [MEASURE, WHERE], "derivedFields": []}
        proposal = Proposal(old | {"name": "Renamed"}, old, {"meter": [meter]})
        assert query_to_try(proposal) is None
        assert query_to_try(replace(proposal, old=None)) == CustomSql("SELECT 1", "ones", ("tokens",), ("region",))
        assert query_to_try(Proposal(old, old | {"customSql": "SELECT 2"}, {"meter": [meter]})) is not None

    @pytest.mark.parametrize(
        ("fields", "segments", "word"),
        [
            (["region"], None, "segments is required"),
            (None, [{"region": "EU"}], "segmentedFields is required"),
            (["region"], [{"tier": "gold"}], "segments[0]"),
            (["region", "tier"], [{"region": "EU"}], "segments[0]"),
            (["region"], [{"region": "EU"}, {"region": "EU"}], "segments[1]"),
            (["trace"], [{"trace": "x"}], "segmentedFields[0]"),
            (["tokens"], [{"tokens": "1"}], "segmentedFields[0]"),
            (["nothing"], [{"nothing": "1"}], "segmentedFields[0]"),
            (["region", "region"], [{"region": "EU"}], "twice"),
        ],
    )
    def test_segments_and_their_fields_belong_together(
        self, org: Organization, fields: Any, segments: Any, word: str
    ) -> None:
        meter = org.make("meter", dataFields=[MEASURE, WHERE, WHAT, METADATA])
        refused(org, "aggregation", word, meterId=meter["id"], segmentedFields=fields, segments=segments)

    @pytest.mark.parametrize(
        ("field", "value"), [("quantityPerUnit", 0), ("quantityPerUnit", -1), ("defaultValue", -1)]
    )
    def test_numbers_have_their_limits(self, org: Organization, field: str, value: int) -> None:
        refused(org, "aggregation", field, **{field: value})

    @pytest.mark.parametrize("value", ["1", True, "NaN", Decimal("1e400"), [1]])
    def test_a_number_is_a_json_number(self, org: Organization, value: Any) -> None:
        refused(org, "aggregation", "quantityPerUnit", quantityPerUnit=value)

    def test_digits_survive(self, org: Organization) -> None:
        exact = Decimal("1000.00000000000000000000000000000001")
        assert org.make("aggregation", quantityPerUnit=exact)["quantityPerUnit"] == exact

    def test_they_are_found_by_the_product_of_their_meter(self, org: Organization) -> None:
        product = org.make("product")["id"]
        of_product = org.make("aggregation", meterId=org.make("meter", productId=product)["id"])
        org.make("aggregation")
        found = org.client.get("/aggregations", productId=product).json["data"]
        assert [item["id"] for item in found] == [of_product["id"]]
        assert "productId" not in of_product

    def test_a_segment_that_is_priced_stays(self, org: Organization) -> None:
        segments = [{"region": "EU"}, {"region": "*"}]
        aggregation = org.make("aggregation", segmentedFields=["region"], segments=segments)
        org.make("pricing", aggregationId=aggregation["id"], segment={"region": "EU"})
        blocked = put(org, "aggregations", aggregation, segments=segments[1:])
        assert blocked.status == 400
        assert "EU" in blocked.message
        assert put(org, "aggregations", aggregation, segments=segments[:1]).status == 200
        unsegmented = org.make("aggregation")
        org.make("pricing", aggregationId=unsegmented["id"])
        moved = put(org, "aggregations", unsegmented, meterId=org.make("meter")["id"])
        assert moved.status == 400
        assert "meterId" in moved.message


class TestPlans:
    def test_a_plan_has_the_product_of_its_template(self, org: Organization) -> None:
        template = org.make("planTemplate")
        plan = org.make("plan", planTemplateId=template["id"], productId=MISSING)
        assert plan["productId"] == template["productId"]
        assert org.client.get("/plans", productId=template["productId"]).json["data"] == [plan]

    def test_a_bespoke_plan_names_its_account(self, org: Organization) -> None:
        refused(org, "plan", "accountId is required", bespoke=True)

    def test_a_bespoke_plan_goes_to_its_account_alone(self, org: Organization) -> None:
        account, other = org.make("account")["id"], org.make("account")["id"]
        plan = org.make("plan", bespoke=True, accountId=account)
        refused(org, "accountPlan", "planId", "bespoke", planId=plan["id"], accountId=other)
        org.make("accountPlan", planId=plan["id"], accountId=account)
        moved = put(org, "plans", plan, accountId=other)
        assert moved.status == 400
        assert "accountId" in moved.message

    def test_whose_a_plan_is_never_changes(self, org: Organization) -> None:
        plan = org.make("plan", bespoke=True, accountId=org.make("account")["id"])
        assert put(org, "plans", plan, accountId=org.make("account")["id"]).status == 400
        assert put(org, "plans", plan, accountId=None).status == 400
        assert put(org, "plans", plan, name="New name").status == 200

    def test_the_product_stays_while_anything_stands_on_it(self, org: Organization) -> None:
        template = org.make("planTemplate")
        plan = org.make("plan", planTemplateId=template["id"])
        assert put(org, "plantemplates", template, productId=org.make("product")["id"]).status == 400
        org.make("accountPlan", planId=plan["id"])
        assert put(org, "plans", plan, planTemplateId=org.make("planTemplate")["id"]).status == 400
        assert put(org, "plans", plan, name="New name").status == 200

    @pytest.mark.parametrize("pricing", ["pricing", "counterPricing"])
    def test_the_product_stays_while_pricings_stand_on_it(self, org: Organization, pricing: str) -> None:
        template, other = org.make("planTemplate"), org.make("planTemplate", productId=org.make("product")["id"])
        org.make(pricing, planId=None, planTemplateId=template["id"])
        moved = put(org, "plantemplates", template, productId=other["productId"])
        assert (moved.status, "pricings" in moved.message) == (400, True)
        assert put(org, "plantemplates", template, name="New name").status == 200
        plan = org.make("plan")
        same = org.make("planTemplate", productId=plan["productId"])
        org.make(pricing, planId=plan["id"])
        moved = put(org, "plans", plan, planTemplateId=other["id"])
        assert (moved.status, "pricings" in moved.message) == (400, True)
        assert put(org, "plans", plan, planTemplateId=same["id"]).status == 200

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("currency", "EURO"),
            ("currency", "EU"),
            ("billFrequency", "HOURLY"),
            ("billFrequencyInterval", 0),
            ("billFrequencyInterval", 366),
            ("standingCharge", -1),
            ("standingChargeOffset", 365),
            ("standingChargeOffset", 1),
            ("standingChargeInterval", 0),
            ("minimumSpend", -1),
            ("ordinal", -1),
            ("name", ""),
            ("name", "x" * 201),
            ("code", " x"),
            ("code", "x\ty"),
            ("code", "x" * 81),
            ("standingChargeDescription", "x" * 201),
        ],
    )
    def test_template_fields_have_their_limits(self, org: Organization, field: str, value: Any) -> None:
        refused(org, "planTemplate", field, **{field: value})


class TestPricings:
    def test_it_prices_one_thing_for_one_parent(self, org: Organization) -> None:
        plan, template = org.make("plan")["id"], org.make("planTemplate")["id"]
        refused(org, "pricing", "planId", "planTemplateId", planId=plan, planTemplateId=template)
        refused(org, "pricing", "planId", "planTemplateId", planId=None)
        refused(org, "pricing", "aggregationId", "compoundAggregationId", aggregationId=None)
        both = {
            "aggregationId": org.make("aggregation")["id"],
            "compoundAggregationId": org.make("compoundAggregation")["id"],
        }
        refused(org, "pricing", "aggregationId", **both)

    def test_bands_are_given_lasting_ids(self, org: Organization) -> None:
        bands = [
            {"lowerLimit": 0, "fixedPrice": 0, "unitPrice": Decimal("0.10")},
            {"lowerLimit": 10, "fixedPrice": 1, "unitPrice": Decimal("0.05")},
        ]
        pricing = org.make("pricing", pricingBands=bands)
        assert [{k: v for k, v in band.items() if k != "id"} for band in pricing["pricingBands"]] == bands
        ids = [band["id"] for band in pricing["pricingBands"]]
        assert len(set(ids)) == 2
        new = put(org, "pricings", pricing, pricingBands=[*bands, {**bands[0], "lowerLimit": 20}]).json
        assert [band["id"] for band in new["pricingBands"]][:2] == ids

    @pytest.mark.parametrize("price", ["fixedPrice", "unitPrice"])
    def test_a_debit_is_not_negative(self, org: Organization, price: str) -> None:
        bands = [{"lowerLimit": 0, "fixedPrice": 0, "unitPrice": 0, price: -1}]
        refused(org, "pricing", f"pricingBands[0].{price}", pricingBands=bands)
        refused(org, "pricing", price, overagePricingBands=bands, cumulative=True)
        org.make("pricing", pricingBands=bands, type="GLOBAL_CREDIT")

    def test_bands_begin_at_different_limits(self, org: Organization) -> None:
        bands = [{"lowerLimit": limit, "fixedPrice": 0, "unitPrice": 0} for limit in (0, Decimal("0.0"))]
        refused(org, "pricing", "pricingBands[1].lowerLimit", pricingBands=bands)
        refused(org, "pricing", "pricingBands", pricingBands=[])

    def test_overage_goes_with_cumulative_bands_alone(self, org: Organization) -> None:
        bands = [{"lowerLimit": 0, "fixedPrice": 0, "unitPrice": 2}]
        refused(org, "pricing", "cumulative", overagePricingBands=bands)
        refused(org, "pricing", "tiersSpanPlan", overagePricingBands=bands, cumulative=True, tiersSpanPlan=True)
        assert "id" in org.make("pricing", overagePricingBands=bands, cumulative=True)["overagePricingBands"][0]

    def test_a_segment_is_declared(self, org: Organization) -> None:
        aggregation = org.make("aggregation", segmentedFields=["region"], segments=[{"region": "EU"}])["id"]
        refused(org, "pricing", "segment", aggregationId=aggregation, segment={"region": "US"})
        refused(org, "pricing", "segment", segment={"region": "EU"})
        pricing = org.make("pricing", aggregationId=aggregation, segment={"region": "EU"})
        assert pricing["segmentString"] == "region=EU"
        assert pricing["aggregationType"] == "SIMPLE"

    def test_the_window_is_not_empty(self, org: Organization) -> None:
        refused(org, "pricing", "endDate", startDate="2026-01-01T00:00:00Z", endDate="2026-01-01T01:00:00+01:00")
        refused(org, "pricing", "startDate", startDate="yesterday")

    def test_the_meter_of_a_product_prices_its_plans_alone(self, org: Organization) -> None:
        product = org.make("product")["id"]
        aggregation = org.make("aggregation", meterId=org.make("meter", productId=product)["id"])["id"]
        refused(org, "pricing", "aggregationId", product, aggregationId=aggregation)
        template = org.make("planTemplate", productId=product)["id"]
        org.make("pricing", aggregationId=aggregation, planTemplateId=template)

    def test_dates_keep_their_text(self, org: Organization) -> None:
        for text in ("2026-01-01T00:00:00.678000+00:00", "2026-01-01T00:00:00", "2026-01-01"):
            assert org.make("pricing", startDate=text)["startDate"] == text

    def test_a_list_may_ask_for_a_date(self, org: Organization) -> None:
        old = org.make("pricing", startDate="2025-01-01T00:00:00Z", endDate="2026-01-01T00:00:00Z")
        new = org.make("pricing", startDate="2026-01-01T00:00:00Z")
        assert [item["id"] for item in org.client.get("/pricings", date="2025-12-31").json["data"]] == [old["id"]]
        assert [item["id"] for item in org.client.get("/pricings", date="2026-01-01").json["data"]] == [new["id"]]
        assert org.client.get("/pricings", date="soon").status == 400


class TestAccounts:
    def test_there_are_two_levels(self, org: Organization) -> None:
        parent = org.make("account")
        child = org.make("account", parentAccountId=parent["id"])
        refused(org, "account", "parentAccountId", parentAccountId=child["id"])
        assert put(org, "accounts", parent, parentAccountId=org.make("account")["id"]).status == 400
        assert put(org, "accounts", parent, parentAccountId=parent["id"]).status == 400
        listed = org.client.get(f"/accounts/{parent['id']}/children").json
        assert [item["id"] for item in listed["data"]] == [child["id"]]
        assert org.client.get(f"/accounts/{MISSING}/children").status == 404

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("emailAddress", "nobody"),
            ("emailAddress", "a b@example.com"),
            ("daysBeforeBillDue", 0),
            ("daysBeforeBillDue", "30"),
            ("purchaseOrderNumber", "x" * 101),
            ("creditApplicationOrder", ["BALANCE", "BALANCE"]),
            ("creditApplicationOrder", ["CASH"]),
            ("autoGenerateStatementMode", "PDF"),
            ("billEpoch", "2026-02-30"),
            ("billEpoch", "0001-01-01"),
            ("customFields", {"a": True}),
            ("customFields", {"a": []}),
            ("customFields", {f"f{n}": 1 for n in range(101)}),
            ("customFields", "none"),
            ("address", "a street"),
        ],
    )
    def test_fields_have_their_limits(self, org: Organization, field: str, value: Any) -> None:
        refused(org, "account", field, **{field: value})

    def test_a_parent_has_a_limit_of_children(self) -> None:
        parent, siblings = {"id": "p"}, [{"id": str(n)} for n in range(accounts.CHILDREN_MAX)]
        related = {"parent": [parent], "siblings": siblings}
        with pytest.raises(InvalidInputError, match="999"):
            accounts.check_parent(Proposal({"id": "new", "parentAccountId": "p"}, None, related))
        assert accounts.check_parent(Proposal({"id": "0", "parentAccountId": "p"}, {"id": "0"}, related)) == {}

    def test_an_epoch_is_a_day(self, org: Organization) -> None:
        assert org.make("account", billEpoch="2026-02-01T00:00:00+00:00")["billEpoch"] == "2026-02-01"

    def test_an_address_keeps_the_names_of_the_api(self, org: Organization) -> None:
        address = {"addressLine1": "1 Main Street", "postCode": "12345", "country": "DE"}
        assert org.make("account", address={**address, "locality": None})["address"] == address

    def test_codes_that_look_alike_are_found_together(self, org: Organization) -> None:
        account = org.make("account", code="Straße 1")
        assert org.store.list_all(org.id, "account", filters={"foldedCode": ["strasse 1"]})[0]["id"] == account["id"]


class TestAccountPlans:
    def test_it_has_a_plan_or_a_plan_group(self, org: Organization) -> None:
        refused(org, "accountPlan", "planId", "planGroupId", planId=None)
        refused(org, "accountPlan", "planGroupId", planGroupId=MISSING)
        refused(org, "accountPlan", "endDate", endDate="2025-01-01T00:00:00Z")

    def test_one_plan_per_product_at_a_time(self, org: Organization) -> None:
        template = org.make("planTemplate")["id"]
        one, two = org.make("plan", planTemplateId=template), org.make("plan", planTemplateId=template)
        account = org.make("account")["id"]
        first = org.make(
            "accountPlan",
            accountId=account,
            planId=one["id"],
            startDate="2026-01-01T00:00:00Z",
            endDate="2026-02-01T00:00:00Z",
        )
        assert first["productId"] == one["productId"]
        overlap = {"accountId": account, "planId": two["id"], "startDate": "2026-01-31T23:59:59Z"}
        refused(org, "accountPlan", first["id"], **overlap)
        second = org.make("accountPlan", **{**overlap, "startDate": "2026-02-01T00:00:00"})
        earlier = {**overlap, "startDate": "2025-01-01T00:00:00Z"}
        refused(org, "accountPlan", "startDate", **earlier)
        org.make("accountPlan", **earlier, endDate="2026-01-01T00:00:00Z")
        org.make("accountPlan", accountId=account)
        assert put(org, "accountplans", second, startDate="2026-01-15T00:00:00Z").status == 400
        assert put(org, "accountplans", second, startDate="2026-03-01T00:00:00Z").status == 200
        config = org.client.get("/organizationconfig").json
        org.client.put("/organizationconfig", {**config, "allowOverlappingPlans": True})
        org.make("accountPlan", **overlap)

    def test_lists_show_the_active_ones_unless_asked_for_all(self, org: Organization) -> None:
        account = org.make("account")["id"]
        past = org.make("accountPlan", accountId=account, startDate="2025-01-01", endDate="2025-02-01")
        now = org.make("accountPlan", accountId=account, startDate="2026-01-01")
        future = org.make("accountPlan", accountId=account, startDate="2027-01-01")

        def listed(**query: Any) -> list[str]:
            return [item["id"] for item in org.client.get("/accountplans", **query).json["data"]]

        assert listed() == [now["id"]]
        assert listed(account=account, includeall="true") == [future["id"], now["id"], past["id"]]
        assert listed(account=account, date="2025-01-15") == [past["id"]]
        assert listed(plan=now["planId"]) == [now["id"]]
        assert listed(account=account, product=now["productId"]) == [now["id"]]
        assert listed(contract=MISSING) == []
        assert org.client.get("/accountplans", includeall="maybe").status == 400
        assert listed(includeall="false") == [now["id"]]
        assert "account" in org.client.get("/accountplans", includeall="true").message
        assert "account" in org.client.get("/accountplans", product=now["productId"]).message

    def test_a_page_of_the_active_ones_is_full(self, org: Organization) -> None:
        account = org.make("account")["id"]
        wanted = []
        for n in range(6):
            start, end = ("2026-01-01", None) if n % 2 else ("2025-01-01", "2025-02-01")
            made = org.make("accountPlan", accountId=account, startDate=start, endDate=end)
            wanted += [made["id"]] if n % 2 else []
        first = org.client.get("/accountplans", account=account, pageSize=2).json
        second = org.client.get("/accountplans", account=account, pageSize=2, nextToken=first["nextToken"]).json
        assert [item["id"] for item in [*first["data"], *second["data"]]] == wanted[::-1]
        assert len(first["data"]) == 2


class TestSettings:
    def test_a_new_organization_has_its_defaults(self, org: Organization) -> None:
        config = org.client.get("/organizationconfig").json
        assert config["timezone"] == "UTC"
        assert config["currency"] == "USD"
        assert config["weekEpoch"] == "2022-01-04"
        assert config["externalInvoiceDate"] == "FIRST_DAY_OF_NEXT_PERIOD"
        assert org.client.get("/picklists/currency").json["data"][0]["code"] == "USD"
        assert org.client.get("/customfields").json["account"] == {}

    @pytest.mark.parametrize(
        ("field", "more"),
        [
            ("timezone", {"timezone": "Mars/Olympus"}),
            ("timezone", {"timezone": "../../etc/passwd"}),
            ("currency", {"currency": "XXX"}),
            ("yearEpoch", {"yearEpoch": "01/01/2026"}),
            ("daysBeforeBillDue", {"daysBeforeBillDue": 0}),
            ("scheduledBillInterval", {"scheduledBillInterval": 5}),
            ("scheduledBillOffset", {"scheduledBillOffset": 3}),
            ("scheduledBillOffset", {"scheduledBillInterval": 24, "scheduledBillOffset": 24}),
            ("autoApproveBillsGracePeriod", {"autoApproveBillsGracePeriod": 3}),
            ("autoApproveBillsGracePeriodUnit", {"autoApproveBillsGracePeriodUnit": "YEARS"}),
            ("multiplier", {"currencyConversions": [{"from": "EUR", "to": "USD", "multiplier": 0}]}),
            ("EUR to USD is there twice", {"currencyConversions": [{"from": "EUR", "to": "USD", "multiplier": 1}] * 2}),
            ("from", {"currencyConversions": [{"to": "USD", "multiplier": 1}]}),
            ("defaultStatementDefinitionId", {"defaultStatementDefinitionId": MISSING}),
            ("creditApplicationOrder", {"creditApplicationOrder": ["PREPAYMENT", "PREPAYMENT"]}),
        ],
    )
    def test_the_configuration_has_its_limits(self, org: Organization, field: str, more: dict[str, Any]) -> None:
        answer = org.client.put("/organizationconfig", {**org.body("organizationConfig"), **more, "version": 1})
        assert answer.status == 400
        assert field in answer.message

    def test_settings_that_go_together_are_taken(self, org: Organization) -> None:
        more = {
            "scheduledBillInterval": 24,
            "scheduledBillOffset": 3,
            "autoApproveBillsGracePeriod": 2,
            "autoApproveBillsGracePeriodUnit": "DAYS",
            "currencyConversions": [{"from": "EUR", "to": "USD", "multiplier": Decimal("1.0850")}],
            "billPrefix": "INV-",
            "sequenceStartNumber": 1000,
        }
        answer = org.client.put("/organizationconfig", {**org.body("organizationConfig"), **more, "version": 1})
        assert answer.status == 200, answer.text
        assert answer.json["currencyConversions"] == more["currencyConversions"]

    def test_the_currency_of_the_organization_stays(self, org: Organization) -> None:
        dollar = org.client.get("/picklists/currency").json["data"][0]
        blocked = org.client.delete(f"/picklists/currency/{dollar['id']}")
        assert blocked.status == 400
        assert "organizationConfig" in blocked.message
        assert put(org, "picklists/currency", dollar, archived=True).status == 400
        assert put(org, "picklists/currency", dollar, code="USB").status == 400
        assert put(org, "picklists/currency", dollar, maxDecimalPlaces=3).status == 200
        refused(org, "currency", "maxDecimalPlaces", maxDecimalPlaces=6)

    @pytest.mark.parametrize(
        "type_",
        [
            *("account", "planTemplate", "planGroup", "commitment"),
            *("charge", "balance", "balanceChargeSchedule"),
        ],
    )
    def test_a_currency_that_amounts_are_in_stays_with_its_code(self, org: Organization, type_: str) -> None:
        dinar = org.make("currency", code="KWD", maxDecimalPlaces=3)
        one = org.make(type_, currency="KWD")
        for refusal in (
            org.client.delete(f"/picklists/currency/{dinar['id']}"),
            put(org, "picklists/currency", dinar, code="KWX"),
        ):
            assert refusal.status == 400
            assert type_ in refusal.message
            assert one.get("code", one["id"]) in refusal.message
        renamed = put(org, "picklists/currency", dinar, name="Kuwaiti dinar", archived=True)
        assert renamed.status == 200
        assert org.client.delete(f"/{org.path(BY_TYPE[type_])}/{one['id']}").status == 200
        moved = put(org, "picklists/currency", renamed.json, code="KWX")
        assert moved.status == 200
        assert org.client.delete(f"/picklists/currency/{dinar['id']}").status == 200

    def test_archived_currencies_are_listed_apart(self, org: Organization) -> None:
        old = org.make("currency", archived=True)
        assert [item["id"] for item in org.client.get("/picklists/currency", archived="true").json["data"]] == [
            old["id"]
        ]
        assert len(org.client.get("/picklists/currency", archived="false").json["data"]) == 1

    def test_custom_fields_are_replaced_kind_by_kind(self, org: Organization) -> None:
        org.client.put("/customfields", {"account": {"tier": "gold", "rate": 2}, "version": 1})
        org.client.put("/customfields", {"product": {"factor": 1}, "version": 2})
        changed = org.client.put("/customfields", {"account": {"tier": "silver"}, "meter": None, "version": 3}).json
        assert (changed["account"], changed["product"], changed["meter"]) == ({"tier": "silver"}, {"factor": 1}, {})
        assert org.client.put("/customfields", {"account": {}, "version": 4}).json["account"] == {}

    def test_custom_fields_have_their_limits(self, org: Organization) -> None:
        many = {f"f{n}": n for n in range(26)}
        answer = org.client.put("/customfields", {"meter": many, "version": 1})
        assert answer.status == 400
        assert "meter" in answer.message


class TestNotifications:
    def test_defaults(self, org: Organization) -> None:
        rule = org.make("notificationConfiguration")
        assert (rule["active"], rule["alwaysFireEvent"]) == (True, False)

    def test_the_event_exists(self, org: Organization) -> None:
        refused(org, "notificationConfiguration", "eventName", eventName="billing.bill.exploded")

    def test_a_rule_can_fire(self, org: Organization) -> None:
        refused(org, "notificationConfiguration", "calculation is required", calculation=None)
        org.make("notificationConfiguration", calculation=None, alwaysFireEvent=True)
        for calculation in ("new.billTotal >", "new.nothing > 1", "billTotal > 1", "new.billTotal + 1"):
            refused(org, "notificationConfiguration", "calculation", calculation=calculation)

    @pytest.mark.parametrize("name", ["billing.job.failure", "integration.perform.error"])
    def test_a_failure_has_no_fields_to_calculate_with(self, org: Organization, name: str) -> None:
        words = ("calculation", "the event has no field new.message")
        refused(org, "notificationConfiguration", *words, eventName=name, calculation='new.message == "x"')
        org.make("notificationConfiguration", eventName=name, calculation=None, alwaysFireEvent=True)

    def test_they_are_found_by_event_and_state(self, org: Organization) -> None:
        on = org.make("notificationConfiguration")
        off = org.make("notificationConfiguration", active=False, eventName="billing.bill.created")
        path = "/notifications/configurations"
        assert [item["id"] for item in org.client.get(path, active="false").json["data"]] == [off["id"]]
        assert [item["id"] for item in org.client.get(path, eventName=on["eventName"]).json["data"]] == [on["id"]]
        assert org.client.get(path, active="perhaps").status == 400


class TestWebhooks:
    def test_credentials_are_sealed_and_echoed_to_those_who_may_change_them(self, org: Organization) -> None:
        webhook = org.make("webhook")
        assert webhook["credentials"]["secret"] == "hush"
        assert webhook["credentials"]["apiKey"] == "key"
        assert webhook["credentials"]["destinationId"] == webhook["id"]
        stored = org.store.get(org.id, "webhook", webhook["id"])
        assert stored is not None
        assert "hush" not in str(stored)
        assert "secret" not in stored["credentials"]
        reader = org.as_caller({"effect": "allow", "action": ["config:retrieve"], "resource": ["*"]})
        path = f"/integrationdestinations/webhooks/{webhook['id']}"
        assert "secret" not in reader.get(path).json["credentials"]
        assert "hush" not in reader.get("/integrationdestinations/webhooks").text
        assert org.client.get("/integrationdestinations/webhooks").json["data"] == [webhook]

    @pytest.mark.parametrize("api_key", ["ключ", "a\nb", " key", "key\t"])
    def test_its_key_can_be_a_header(self, org: Organization, api_key: str) -> None:
        credentials = {"type": "M3TER_SIGNED_REQUEST", "apiKey": api_key, "secret": "hush"}
        refused(org, "webhook", "credentials.apiKey: must be printable ASCII", credentials=credentials)
        org.make("webhook", credentials={**credentials, "apiKey": "k 1", "secret": "тихо"})

    def test_it_is_switched_without_a_version_or_a_body(self, org: Organization) -> None:
        webhook = org.make("webhook")
        path = f"/integrationdestinations/webhooks/{webhook['id']}/active"
        off = org.client.call("PUT", path, "", query={"active": "false"})
        assert off.json == {**webhook, "active": False, "version": 2, "credentials": off.json["credentials"]}
        assert off.json["credentials"]["secret"] == "hush"
        assert org.client.call("PUT", path, query={"active": "no"}).status == 400
        assert org.client.call("PUT", path).status == 400
        missing = f"/integrationdestinations/webhooks/{MISSING}/active"
        assert org.client.call("PUT", missing, query={"active": "true"}).status == 404

    def test_its_address_is_checked(self, org: Organization) -> None:
        refused(org, "webhook", "url", url=f"https://{PRIVATE_HOST}/")
        refused(org, "webhook", "url", url="file:///etc/passwd")
        webhook = org.make("webhook")
        assert put(org, "integrationdestinations/webhooks", webhook, url="http://x").status == 400

    def test_only_signed_requests(self, org: Organization) -> None:
        refused(org, "webhook", "credentials.type", credentials={"type": "HTTP_BASIC", "apiKey": "a", "secret": "b"})
        refused(org, "webhook", "credentials.secret", credentials={"type": "M3TER_SIGNED_REQUEST", "apiKey": "a"})


def test_a_page_of_one_configuration_is_not_taken_for_the_only_one(org: Organization) -> None:
    two = {org.make("integrationConfiguration")["id"] for _ in range(2)}
    path = "/integrationconfigs/entity/Notification"
    first = org.client.get(path, pageSize=1).json
    second = org.client.get(path, pageSize=1, nextToken=first["nextToken"]).json
    assert {page["data"][0]["id"] for page in (first, second)} == two
    for page in (first, second):
        assert page.keys() == {"data", "nextToken"}


class TestIntegrations:
    def test_what_it_links_exists(self, org: Organization) -> None:
        refused(org, "integrationConfiguration", "entityId", MISSING, entityId=MISSING)
        refused(org, "integrationConfiguration", "destinationId", MISSING, destinationId=MISSING)
        refused(org, "integrationConfiguration", "destinationId is required", destinationId=None)

    def test_it_is_authorized_when_this_deployment_can_run_it(self, org: Organization) -> None:
        ours = org.make("integrationConfiguration")
        assert (ours["authorized"], ours["enabled"], ours["triggerType"]) == (True, True, "EVENT")
        others = {"entityType": "Bill", "entityId": None, "destination": "Stripe", "destinationId": None}
        assert org.make("integrationConfiguration", **others)["authorized"] is False

    def test_they_are_found_by_entity(self, org: Organization) -> None:
        one, two = org.make("integrationConfiguration"), org.make("integrationConfiguration")
        path = "/integrationconfigs/entity/Notification"
        both = org.client.get(path).json
        assert [item["id"] for item in both["data"]] == [two["id"], one["id"]]
        assert "id" not in both
        single = org.client.get(path, entityId=one["entityId"]).json
        assert single["data"] == [one]
        assert single["id"] == one["id"]
        assert org.client.get("/integrationconfigs/entity/Bill").json["data"] == []
        for destination in ("Webhook", "WEBHOOK"):
            kinds = org.client.get(path, destination=destination).json["data"]
            assert [item["id"] for item in kinds] == [two["id"], one["id"]]
        assert org.client.get(path, destination="Stripe").json["data"] == []
        assert org.client.get("/integrationconfigs", destinationId=one["destinationId"]).json["data"] == [one]

    def test_enabling_takes_no_body(self, org: Organization) -> None:
        made = org.make("integrationConfiguration")
        enabled = org.client.call("POST", f"/integrationconfigs/{made['id']}/enable", "")
        assert enabled.status == 200
        assert enabled.json["enabled"] is True
        assert enabled.json["version"] == 2


BASIC = {"type": "HTTP_BASIC", "destination": "STRIPE", "username": "ann", "password": "hush-hush"}


class TestCredentialsOfIntegrations:
    @staticmethod
    def kept(org: Organization, id_: str) -> Any:
        private = org.store.get_private(org.id, "integrationConfiguration", [id_])[id_]
        return wire.loads(org.ports.secrets.open(private["sealed"], context=id_)) if "sealed" in private else None

    def made(self, org: Organization, **more: Any) -> dict[str, Any]:
        to_stripe = {"entityType": "Bill", "entityId": None, "destination": "Stripe", "destinationId": None}
        return org.make("integrationConfiguration", **to_stripe, **more)

    def test_they_are_kept_and_never_answered(self, org: Organization) -> None:
        one = self.made(org, credentials=BASIC)
        assert self.kept(org, one["id"]) == BASIC
        assert len(one["integrationCredentialsId"]) == 36
        listed = org.client.get("/integrationconfigs").text
        read = org.client.get(f"/integrationconfigs/{one['id']}").text
        for text in (str(one), listed, read, str(org.store.rows[org.id, "integrationConfiguration", one["id"]].body)):
            assert "hush-hush" not in text
            assert "credentials" not in text
        assert self.made(org).keys().isdisjoint({"credentials", "integrationCredentialsId"})

    def test_an_update_keeps_replaces_or_forgets_them(self, org: Organization) -> None:
        one = self.made(org, credentials=BASIC)
        id_, own = one["id"], one["integrationCredentialsId"]
        assert put(org, "integrationconfigs", one, name="Other").json["integrationCredentialsId"] == own
        assert self.kept(org, id_) == BASIC
        key = {"type": "STATIC_API_KEY", "apiKey": "k"}
        assert put(org, "integrationconfigs", one, version=2, credentials=key).json["integrationCredentialsId"] == own
        assert self.kept(org, id_) == key
        assert org.client.post(f"/integrationconfigs/{id_}/enable").json["integrationCredentialsId"] == own
        assert self.kept(org, id_) == key
        cleared = put(org, "integrationconfigs", one, version=4, integrationCredentialsId=None)
        assert "integrationCredentialsId" not in cleared.json
        assert self.kept(org, id_) is None
        again = put(org, "integrationconfigs", one, version=5)
        assert (again.status, "send them again" in again.message) == (400, True)
        elsewhere = put(org, "integrationconfigs", one, version=5, integrationCredentialsId="theirs").json
        assert elsewhere["integrationCredentialsId"] == "theirs"

    @pytest.mark.parametrize(
        ("more", "named"),
        [
            ({"credentials": {"apiKey": "k"}}, "credentials.type is required"),
            ({"credentials": {"type": "PASSWORD"}}, "credentials.type"),
            ({"credentials": {**BASIC, "destination": "Stripe"}}, "credentials.destination"),
            ({"credentials": {**BASIC, "port": 1}}, "credentials.port"),
            ({"credentials": {**BASIC, "password": ""}}, "credentials.password"),
            ({"credentials": {"type": "HTTP_BASIC", **{f"p{n}": "x" for n in range(21)}}}, "credentials"),
            ({"credentials": BASIC, "integrationCredentialsId": "theirs"}, "integrationCredentialsId"),
        ],
    )
    def test_what_they_may_be(self, org: Organization, more: dict[str, Any], named: str) -> None:
        refused(org, "integrationConfiguration", named, destination="Stripe", destinationId=None, **more)

"""Searches over accounts and commitments, and ending what an account has, by what a client sees."""

from typing import Any

import pytest

from tests.fakes.organization import Organization
from usance.application.search import search_entities, searching
from usance.domain.catalog.searches import matches, parse_search
from usance.domain.kernel.errors import InvalidInputError

FIELDS = {
    "name",
    "code",
    "codes",
    "amount",
    "dtCreated",
    "startDate",
    "endDate",
    "purchaseOrderNumber",
    "productId",
    "locked",
}


@pytest.fixture
def org() -> Organization:
    return Organization()


def found(org: Organization, query: str, path: str = "/accounts/search", **more: Any) -> list[str]:
    answer = org.client.get(path, searchQuery=query, **more)
    assert answer.status == 200, answer.text
    return [item["id"] for item in answer.json["data"]]


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ("name:Acme Works", True),
        ("name:acme works", False),
        ("name~acme", True),
        ("name~WORKS", True),
        ("name~orks", False),
        ("amount>9", True),
        ("amount>=10", True),
        ("amount>10", False),
        ("amount<=1e1", True),
        ("dtCreated>2026-01-01", True),
        ("dtCreated<2026-01-15T13:00:00+01:00", False),
        ("dtCreated<=2026-01-15T13:00:00+01:00", True),
        ("dtCreated:2026-01-15T13:00:00+01:00", True),
        ("dtCreated:2026-01-15T12:00:00", True),
        ("startDate:2026-01-31T00:00:00Z", True),
        ("startDate:2026-01-31", True),
        ("endDate:2026-02-28", True),
        ("endDate:2026-02-28T01:00:00Z", False),
        ("purchaseOrderNumber:2026-01-31", True),
        ("purchaseOrderNumber:2026-01-31T00:00:00Z", False),
        ("codes:one,two", True),
        ("code:one,two", False),
        ("productId:p2", True),
        ("productId:p3", False),
        ("name~acme$amount:10", True),
        ("name~acme$amount:11", False),
        (" name ~ acme ", True),
        ("", True),
    ],
)
def test_terms_compare_as_their_values_do(query: str, fits: bool) -> None:
    entity = {
        "name": "Acme Works",
        "code": "two",
        "amount": 10,
        "dtCreated": "2026-01-15T12:00:00Z",
        "startDate": "2026-01-31",
        "endDate": "2026-02-28T00:00:00Z",
        "purchaseOrderNumber": "2026-01-31",
        "productIds": ["p1", "p2"],
    }
    assert matches(entity, parse_search(query, FIELDS), any_term=False) is fits


@pytest.mark.parametrize(
    "query",
    ["name", "name:", "name=x", ":x", "secret:1", "codes>x", "locked:maybe", "locked~t", "$".join(["name:x"] * 21)],
)
def test_a_query_that_is_none_is_refused(query: str) -> None:
    with pytest.raises(InvalidInputError, match="searchQuery"):
        parse_search(query, FIELDS)


class TestAccounts:
    def test_they_are_found_sorted_and_paged(self, org: Organization) -> None:
        made = [org.make("account", name=f"Acme {n}", currency="USD" if n % 2 else "EUR")["id"] for n in range(5)]
        org.make("account", name="Bolt")
        assert found(org, "name~Acme") == made[::-1]
        assert found(org, "name~Acme$currency:USD") == [made[3], made[1]]
        assert found(org, "name:Acme 0$name:Acme 1", operator="OR") == [made[1], made[0]]
        assert found(org, "name~Acme", sortBy="name", sortOrder="ASC") == made
        first = org.client.get("/accounts/search", searchQuery="name~Acme", pageSize=2).json
        assert first["nextToken"] == "2"
        last = org.client.get("/accounts/search", searchQuery="name~Acme", pageSize=3, fromDocument=2).json
        assert [item["id"] for item in [*first["data"], *last["data"]]] == made[::-1]
        assert last["nextToken"] is None

    def test_a_search_is_paged_as_far_as_it_reads(self, org: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
        made = [org.make("account", name=f"Acme {n}")["id"] for n in range(2)]
        far = [{"id": "0"}] * 10_050
        monkeypatch.setattr(search_entities, "candidates", lambda *_: iter([*far, *({"id": id_} for id_ in made)]))
        page = org.client.get("/accounts/search", fromDocument=10_050).json
        assert ([item["id"] for item in page["data"]], page["nextToken"]) == (made, None)

    def test_a_sorted_search_says_how_to_go_on_where_it_does_not(self, org: Organization) -> None:
        assert org.client.get("/accounts/search", sortBy="name", fromDocument=10_000).status == 200
        refused = org.client.get("/accounts/search", sortBy="name", fromDocument=10_010)
        assert refused.status == 400
        assert "leave sortBy out" in refused.message

    def test_a_page_has_ten_unless_asked_otherwise(self, org: Organization) -> None:
        for _ in range(11):
            org.make("account")
        assert len(found(org, "")) == 10

    def test_equalities_use_their_index(self, org: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
        parent = org.make("account")
        child = org.make("account", parentAccountId=parent["id"])
        for _ in range(3):
            org.make("account")
        monkeypatch.setattr(searching, "READ_MAX", 2)
        monkeypatch.setattr(search_entities, "READ_AT_ONCE", 2)
        assert found(org, f"parentAccountId:{parent['id']}") == [child["id"]]
        assert found(org, f"codes:{child['code']},{parent['code']}") == [child["id"], parent["id"]]
        assert found(org, f"ids:{parent['id']}$name~Acme") == [parent["id"]]
        refused = org.client.get("/accounts/search", searchQuery="name~Acme")
        assert refused.status == 400
        assert "parentAccountId:" in refused.message

    @pytest.mark.parametrize(
        "query",
        [
            {"searchQuery": "emailAddress:x"},
            {"sortBy": "nothing"},
            {"sortOrder": "UP"},
            {"operator": "XOR"},
            {"pageSize": 101},
            {"fromDocument": -1},
        ],
    )
    def test_a_parameter_that_is_wrong_is_named(self, org: Organization, query: dict[str, Any]) -> None:
        answer = org.client.get("/accounts/search", **query)
        assert answer.status == 400
        assert next(iter(query)) in answer.message

    def test_what_a_policy_denies_is_not_found(self, org: Organization) -> None:
        account = org.make("account")
        allow = {"effect": "allow", "action": ["config:retrieve"], "resource": ["config:account/*"]}
        deny = {"effect": "deny", "action": ["all"], "resource": [f"config:account/item/{account['id']}"]}
        assert org.as_caller(allow, deny).get("/accounts/search").json["data"] == []
        other = {"effect": "allow", "action": ["config:retrieve"], "resource": ["config:plan/*"]}
        assert org.as_caller(other).get("/accounts/search").status == 403


class TestCommitments:
    def test_they_are_found_by_account_product_and_date(self, org: Organization) -> None:
        product = org.make("product")["id"]
        one, two = org.make("commitment", productIds=[product]), org.make("commitment", endDate="2028-01-01")
        path = "/commitments/search"
        assert found(org, f"accountId:{one['accountId']}", path) == [one["id"]]
        assert found(org, f"productId:{product}", path) == [one["id"]]
        assert found(org, "endDate>2027-01-01", path) == [two["id"]]


class TestEndDating:
    def test_what_an_account_has_ends(self, org: Organization) -> None:
        account = org.make("account")
        whose = {"accountId": account["id"]}
        plan = org.make("plan", bespoke=True, **whose)["id"]
        contract, commitment = org.make("contract", **whose), org.make("commitment", **whose)
        attached = org.make("accountPlan", planId=plan, **whose)
        pricing, counted = org.make("pricing", planId=plan), org.make("counterPricing", planId=plan)
        past = org.make("contract", endDate="2026-02-01", **whose)
        late = org.make("commitment", startDate="2026-07-01", **whose)
        other = org.make("contract")
        kinds = ["CONTRACT", "ACCOUNTPLAN", "PREPAYMENT", "PRICINGS", "COUNTER_PRICINGS"]
        body = {"endDate": "2026-06-01T00:00:00Z", "billingEntities": kinds}
        answer = org.client.put(f"/accounts/{account['id']}/enddatebillingentities", body).json
        assert {kind: one["ids"] for kind, one in answer["updatedEntities"].items()} == {
            "CONTRACT": [contract["id"]],
            "ACCOUNTPLAN": [attached["id"]],
            "PREPAYMENT": [commitment["id"]],
            "PRICINGS": [pricing["id"]],
            "COUNTER_PRICINGS": [counted["id"]],
        }
        assert answer["failedEntities"]["PREPAYMENT"] == {"empty": False, "ids": [late["id"]]}
        assert answer["failedEntities"]["CONTRACT"]["empty"] is True
        ended = org.client.get(f"/contracts/{contract['id']}").json
        assert (ended["endDate"], ended["version"]) == ("2026-06-01", 2)
        assert org.client.get(f"/accountplans/{attached['id']}").json["endDate"] == "2026-06-01T00:00:00Z"
        for untouched in (past, other):
            assert org.client.get(f"/contracts/{untouched['id']}").json == untouched

    def test_children_end_when_asked(self, org: Organization) -> None:
        parent = org.make("account")["id"]
        child = org.make("account", parentAccountId=parent)["id"]
        contract = org.make("contract", accountId=child)["id"]
        path = f"/accounts/{parent}/enddatebillingentities"
        body = {"endDate": "2026-06-01T00:00:00Z", "billingEntities": ["CONTRACT"]}
        assert org.client.put(path, body).json["updatedEntities"]["CONTRACT"]["ids"] == []
        answer = org.client.put(path, {**body, "applyToChildren": True}).json
        assert answer["updatedEntities"]["CONTRACT"]["ids"] == [contract]

    def test_of_a_contract_it_is_what_is_linked(self, org: Organization) -> None:
        contract = org.make("contract")
        whose = {"accountId": contract["accountId"]}
        linked = org.make("accountPlan", contractId=contract["id"], **whose)["id"]
        org.make("accountPlan", **whose)
        path = f"/contracts/{contract['id']}/enddatebillingentities"
        body = {"endDate": "2026-06-01T00:00:00Z", "billingEntities": ["ACCOUNTPLAN"]}
        assert org.client.put(path, body).json["updatedEntities"] == {"ACCOUNTPLAN": {"empty": False, "ids": [linked]}}
        assert org.client.get(f"/contracts/{contract['id']}").json == contract
        ended = org.client.put(path, {**body, "billingEntities": ["CONTRACT"]}).json
        assert ended["updatedEntities"]["CONTRACT"]["ids"] == [contract["id"]]

    def test_what_may_not_be_changed_is_not(self, org: Organization) -> None:
        contract = org.make("contract")
        allow = {"effect": "allow", "action": ["config:update"], "resource": ["config:account/*"]}
        body = {"endDate": "2026-06-01T00:00:00Z", "billingEntities": ["CONTRACT"]}
        path = f"/accounts/{contract['accountId']}/enddatebillingentities"
        answer = org.as_caller(allow).put(path, body).json
        assert answer["failedEntities"]["CONTRACT"]["ids"] == [contract["id"]]
        assert org.client.get(f"/contracts/{contract['id']}").json == contract

    @pytest.mark.parametrize(
        ("field", "value"),
        [("billingEntities", []), ("billingEntities", ["BILL"]), ("endDate", "soon"), ("endDate", None)],
    )
    def test_a_wrong_field_is_named(self, org: Organization, field: str, value: Any) -> None:
        account = org.make("account")["id"]
        body = {"endDate": "2026-06-01T00:00:00Z", "billingEntities": ["CONTRACT"], field: value}
        answer = org.client.put(f"/accounts/{account}/enddatebillingentities", body)
        assert answer.status == 400
        assert field in answer.message
        missing = f"/accounts/{account[:-1]}f/enddatebillingentities"
        assert org.client.put(missing, {**body, field: value}).status in {400, 404}

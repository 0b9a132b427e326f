"""What a careless or hostile client sends, through the running stack: its status, the field it names, nothing written."""

import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

Body = dict[str, Any]
Made = dict[str, str]

UNKNOWN = "0190a5d0-ac96-774b-bcce-b302099a8057"
LISTS = [
    "products",
    "meters",
    "aggregations",
    "plantemplates",
    "plans",
    "pricings",
    "accounts",
    "picklists/currency",
    "billjobs",
    "bills",
    "notifications/configurations",
    "integrationdestinations/webhooks",
    "integrationconfigs",
    "statementdefinitions",
    "statementjobs",
]
FAR = "1e99999999999999999999"  # beyond what any decimal holds


@pytest.fixture(scope="module")
def api(organize: Callable[[str], httpx.Client]) -> httpx.Client:
    return organize("Bad input")


@pytest.fixture(scope="module")
def made(api: httpx.Client) -> Made:
    """Ids of what the requests refer to, by the name that stands for them in braces."""
    meter = {"name": "Meter", "code": "meter", "productId": "{product}", "dataFields": [TOKENS], "derivedFields": []}
    ids: Made = {}
    for name, path, body in (
        ("product", "/products", {**PRODUCT, "code": "taken"}),
        ("gone", "/products", {**PRODUCT, "code": "gone"}),
        ("meter", "/meters", meter),
        ("aggregation", "/aggregations", AGGREGATION),
        ("template", "/plantemplates", TEMPLATE),
        ("plan", "/plans", {"name": "Plan", "code": "plan", "planTemplateId": "{template}"}),
        ("account", "/accounts", {**ACCOUNT, "code": "taken"}),
    ):
        answer = api.post(path, content=fill(json.dumps(body), ids))
        assert answer.status_code == 200, answer.text
        ids[name] = answer.json()["id"]
    assert api.delete(f"/products/{ids['gone']}").status_code == 200
    return ids


def fill(text: str, ids: Made) -> str:
    for name, id_ in ids.items():
        text = text.replace(f"{{{name}}}", id_)
    return text


def state(api: httpx.Client) -> dict[str, Any]:
    return {path: [(item["id"], item["version"]) for item in listed(api, path)] for path in LISTS}


def listed(api: httpx.Client, path: str) -> list[Any]:
    return list(api.get(f"/{path}").json()["data"])


def refused(answer: httpx.Response, status: int, named: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/json")
    message = answer.json()["message"]
    assert named in message
    assert len(message) <= 1_000


TOKENS: Body = {"category": "MEASURE", "code": "tokens", "name": "Tokens", "unit": "tokens"}
PRODUCT: Body = {"name": "Product", "code": "new"}
AGGREGATION: Body = {
    "name": "Aggregation",
    "code": "aggregation",
    "meterId": "{meter}",
    "targetField": "tokens",
    "aggregation": "SUM",
    "quantityPerUnit": 1,
    "rounding": "NONE",
    "unit": "tokens",
}
TEMPLATE: Body = {
    "name": "Template",
    "productId": "{product}",
    "currency": "USD",
    "billFrequency": "MONTHLY",
    "standingCharge": 20,
}
PRICING: Body = {
    "planId": "{plan}",
    "aggregationId": "{aggregation}",
    "startDate": "2026-01-01T00:00:00Z",
    "pricingBands": [{"lowerLimit": 0, "fixedPrice": 0, "unitPrice": 1}],
}
ACCOUNT: Body = {"name": "Account", "code": "account", "emailAddress": "billing@example.com"}
ACCOUNT_PLAN: Body = {"accountId": "{account}", "planId": "{plan}", "startDate": "2026-01-01T00:00:00Z"}
RULE: Body = {"name": "Rule", "code": "rule", "description": "Rule", "eventName": "billing.bill.updated"}
LINK: Body = {"entityType": "Other", "destination": "Elsewhere"}
CONFIG: Body = {
    "timezone": "UTC",
    "currency": "USD",
    "daysBeforeBillDue": 30,
    "version": 1,
    **dict.fromkeys(("yearEpoch", "monthEpoch", "weekEpoch", "dayEpoch"), "2026-01-01"),
}


MALFORMED = [
    b"{",
    b"{'name': 1}",
    b'{"name": NaN}',
    b'{"name": Infinity}',
    b'{"name": "x"} x',
    b'{"name": "x",}',
    b'{"name": "\xff"}',
    b'{"name": "\xed\xa0\x80"}',
    b'{"name": "\\ud800"}',
    "\ufeff{}".encode(),
    b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
]
WRITES = [
    ("POST", "/products"),
    ("PUT", "/organizationconfig"),
    ("PUT", "/billconfig"),
    ("POST", "/billjobs"),
    ("POST", "/bills/approve"),
    ("POST", "/statementjobs"),
    ("POST", "/notifications/evaluate"),
]


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_what_is_not_json_is_said_to_be_none(api: httpx.Client, made: Made, method: str, path: str) -> None:
    before = state(api)
    for content in MALFORMED:
        refused(api.request(method, path, content=content), 400, "the body is not valid JSON")
    for content in (b"[]", b'"text"', b"5", b"null"):
        refused(api.request(method, path, content=content), 400, "the body")
    refused(api.request(method, path, content=b" " * 512_001), 403, "512000")
    assert state(api) == before


# path, the body that would be accepted, what is wrong with it, the field that is named
VALUES: list[tuple[str, Body, Body, str]] = [
    ("/products", PRODUCT, {"name": None}, "name is required"),
    ("/products", PRODUCT, {"name": ["x"]}, "name: must be a string"),
    ("/products", PRODUCT, {"name": "x" * 201}, "name: must have at most 200"),
    ("/products", PRODUCT, {"code": ""}, "code: must have at least 1"),
    ("/products", PRODUCT, {"code": "x" * 81}, "code: must have at most 80"),
    ("/products", PRODUCT, {"code": "a\x00b"}, "code: must not hold control characters"),
    ("/products", PRODUCT, {"code": "a\u2028b"}, "code: must not hold control characters"),
    ("/products", PRODUCT, {"code": " new"}, "code: must not begin or end with a space"),
    ("/products", PRODUCT, {"customFields": {"a": True}}, "customFields.a: must be a number"),
    ("/products", PRODUCT, {"customFields": {str(n): n for n in range(101)}}, "customFields: must have at most 100"),
    ("/meters", {"name": "M", "code": "m2", "derivedFields": []}, {"dataFields": "x"}, "dataFields: must be an array"),
    ("/aggregations", AGGREGATION, {"aggregation": "MEDIAN"}, "aggregation: must be one of"),
    ("/aggregations", AGGREGATION, {"meterId": UNKNOWN}, "meterId: there is no meter"),
    ("/aggregations", AGGREGATION, {"meterId": "{product}"}, "meterId: there is no meter"),
    ("/aggregations", AGGREGATION, {"quantityPerUnit": "1"}, "quantityPerUnit: must be a number"),
    ("/plantemplates", TEMPLATE, {"productId": "{gone}"}, "productId: there is no product"),
    ("/plantemplates", TEMPLATE, {"currency": "EURO"}, "currency: must have at most 3"),
    ("/plantemplates", TEMPLATE, {"standingCharge": -1}, "standingCharge: must be 0 or more"),
    ("/pricings", PRICING, {"startDate": "2024-02-30T00:00:00Z"}, "startDate: must be an ISO 8601 date-time"),
    ("/pricings", PRICING, {"startDate": "0001-01-01T00:00:00+05:00"}, "startDate: must lie between"),
    ("/pricings", PRICING, {"pricingBands": [5]}, "pricingBands[0]: must be an object"),
    ("/pricings", PRICING, {"pricingBands": []}, "pricingBands: must have at least 1"),
    ("/accounts", ACCOUNT, {"emailAddress": "nobody"}, "emailAddress: must be an e-mail address"),
    ("/accounts", ACCOUNT, {"billEpoch": "2024-02-30"}, "billEpoch: must be a date"),
    ("/accounts", ACCOUNT, {"daysBeforeBillDue": 10**40}, "daysBeforeBillDue: must be 2147483647 or less"),
    ("/accountplans", ACCOUNT_PLAN, {"accountId": "short"}, "accountId: must have at least 36"),
    ("/notifications/configurations", RULE, {"calculation": "new.billTotal >"}, "calculation"),
    ("/notifications/configurations", RULE, {"calculation": f"new.billTotal > {FAR}"}, "calculation at character 17"),
    ("/notifications/configurations", RULE, {"eventName": "x" * 1_000}, "eventName: there is no event"),
    ("/integrationconfigs", LINK, {"configData": json.loads("[" * 30 + "]" * 30)}, "configData: must be an object"),
    ("/integrationconfigs", LINK, {"configData": {"a": json.loads("[" * 30 + "]" * 30)}}, "configData: must nest"),
    ("/integrationconfigs", LINK, {"configData": {"a": "x" * 400_000}}, "the limit is"),
    ("/billjobs", {}, {"billingFrequency": "HOURLY"}, "billingFrequency: must be one of"),
    ("/billjobs", {}, {"billDate": "2024-02-30"}, "billDate: must be a date"),
    ("/billjobs", {}, {"accountIds": [UNKNOWN]}, "accountIds: there is no account"),
    ("/billjobs", {}, {"accountIds": ["{account}"] * 2}, "accountIds: must not name anything twice"),
    ("/billjobs/recalculate", {}, {"billIds": [UNKNOWN]}, "billIds: there is no bill"),
    ("/bills/approve", {}, {"billIds": [UNKNOWN]}, "billIds: there is no bill"),
    ("/statementjobs", {}, {"billId": UNKNOWN}, "billId: there is no bill"),
    ("/statementjobs/batch", {}, {"billIds": ["{account}"] * 11}, "billIds: must have at most 10"),
]


@pytest.mark.parametrize(("path", "body", "wrong", "named"), VALUES, ids=[f"{row[0]} {row[3][:30]}" for row in VALUES])
def test_a_wrong_value_is_refused_by_the_name_of_its_field(
    api: httpx.Client, made: Made, path: str, body: Body, wrong: Body, named: str
) -> None:
    before = state(api)
    content = fill(json.dumps({**body, **wrong}), made)
    refused(api.post(path, content=content), 400, named)
    assert state(api) == before


NUMBERS: list[tuple[str, str, Body, str]] = [
    ("POST", "/products", {**PRODUCT, "customFields": {"a": "@"}}, "customFields.a"),
    ("POST", "/pricings", {**PRICING, "minimumSpend": "@"}, "minimumSpend"),
    ("POST", "/integrationconfigs", {**LINK, "configData": {"a": "@"}}, "configData"),
    ("POST", "/billjobs", {"currencyConversions": [{"from": "A B", "to": "C D", "multiplier": "@"}]}, "multiplier"),
    ("PUT", "/organizationconfig", {**CONFIG, "scheduledBillInterval": "@"}, "scheduledBillInterval"),
]


@pytest.mark.parametrize("number", ["1e400", FAR, f"-{FAR}", "9" * 40, "9" * 5_000, "0." + "9" * 40])
@pytest.mark.parametrize(("method", "path", "body", "named"), NUMBERS)
def test_a_number_that_no_store_holds_is_refused_by_its_field(
    api: httpx.Client, made: Made, method: str, path: str, body: Body, named: str, number: str
) -> None:
    before = state(api)
    content = fill(json.dumps(body), made).replace('"@"', number)
    refused(api.request(method, path, content=content), 400, named)
    assert state(api) == before


def test_minus_zero_is_zero(api: httpx.Client, made: Made) -> None:
    for number in ("-0", "-0.0"):
        content = fill(json.dumps({**PRICING, "minimumSpend": "@"}), made).replace('"@"', number)
        answer = api.post("/pricings", content=content)
        assert answer.json()["minimumSpend"] == 0
        assert api.delete(f"/pricings/{answer.json()['id']}").status_code == 200


MEASUREMENT: Body = {"uid": "1", "meter": "meter", "account": "newcomer", "measure": {"tokens": 1}}
MEASUREMENTS: list[tuple[Body, str]] = [
    ({"ts": None}, "measurements[1].ts is required"),
    ({"ts": "2099-01-01T00:00:00Z"}, "measurements[1].ts is more than 60 seconds in the future"),
    ({"ts": "2024-02-30T00:00:00Z"}, "measurements[1].ts"),
    ({"uid": "x" * 51}, "measurements[1].uid"),
    ({"account": 5}, "measurements[1].account"),
    ({"measure": {"tokens": "1"}}, "measurements[1].measure.tokens must be a number"),
    ({"measure": {"tokens": 10**40}}, "measurements[1].measure.tokens must be a number"),
]


@pytest.mark.parametrize(("wrong", "named"), MEASUREMENTS, ids=[row[1] for row in MEASUREMENTS])
def test_one_bad_measurement_keeps_all_out(api: httpx.Client, made: Made, wrong: Body, named: str) -> None:
    before = state(api)
    good = {**MEASUREMENT, "ts": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    bad = {name: value for name, value in {**good, **wrong}.items() if value is not None}
    refused(api.post("/measurements", json={"measurements": [good, bad]}), 400, named)
    assert state(api) == before  # not even the account of the good one


def test_no_measurement_and_1001_are_refused(api: httpx.Client, made: Made) -> None:
    good = {**MEASUREMENT, "ts": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    for count in (0, 1_001):
        answer = api.post("/measurements", json={"measurements": [good] * count})
        refused(answer, 400, "measurements: must have 1 to 1000 items")
    cut = json.dumps({"measurements": [{**good, "uid": 5}]})[:-2]
    refused(api.post("/measurements", content=cut), 400, "not valid JSON")


@pytest.mark.parametrize("path", [*LISTS, "accountplans", "events", "integrationruns/destinations/x"])
def test_pages_have_sizes_and_tokens_of_ours(api: httpx.Client, path: str) -> None:
    for size in ("0", "-1", "201", "x", "1.5", "9" * 40, "1,2"):
        refused(api.get(f"/{path}?pageSize={size}"), 400, "pageSize")
    for token in ("garbage", "%00", "%ff", "a,b", "A" * 3_000):
        refused(api.get(f"/{path}?nextToken={token}"), 400, "nextToken")


QUERIES: list[tuple[str, str]] = [
    ("/events?eventType=Odd", "eventType must be one of"),
    ("/products?ids=" + ",".join(["x"] * 201), "ids takes at most 200"),
    ("/pricings?date=2024-02-30", "date must be"),
    ("/accountplans?date=soon", "date must be"),
    ("/accountplans?includeall=maybe", "includeall must be true or false"),
    ("/bills?billDate=2024-02-30", "billDate must be a date"),
    ("/bills?billDateStart=2024-01-01x", "billDateStart must be a date"),
    ("/bills?status=ODD", "status must be one of"),
    ("/bills?locked=maybe", "locked must be true or false"),
    ("/billjobs?status=ODD", "status must be one of"),
    ("/statementjobs?status=ODD", "status must be one of"),
    ("/integrationruns/destinations/x?startDate=2024-02-30", "startDate must be"),
]


@pytest.mark.parametrize(("path", "named"), QUERIES, ids=[row[0][:60] for row in QUERIES])
def test_a_query_that_breaks_a_rule_is_refused_by_the_name_of_its_parameter(
    api: httpx.Client, path: str, named: str
) -> None:
    refused(api.get(path), 400, named)


NOBODY = [UNKNOWN, "x", "é", "%00", "%ff", "%23", "%2e%2e", "a%2Fb", "x" * 3_000, "unique"]


@pytest.mark.parametrize("path", [*LISTS, "accountplans", "events", "bills/latest"])
def test_an_id_that_names_nothing_is_not_found(api: httpx.Client, path: str) -> None:
    for id_ in NOBODY:
        refused(api.get(f"/{path}/{id_}"), 404, "there is no")


def test_what_was_deleted_is_not_found(api: httpx.Client, made: Made) -> None:
    path = f"/products/{made['gone']}"
    refused(api.get(path), 404, "there is no product")
    refused(api.delete(path), 404, "there is no product")
    refused(api.put(path, json={**PRODUCT, "version": 1}), 404, "there is no product")


def test_a_taken_code_and_a_stale_version_conflict(api: httpx.Client, made: Made) -> None:
    before = state(api)
    path = f"/products/{made['product']}"
    refused(api.post("/products", json={**PRODUCT, "code": "taken"}), 409, "code")
    refused(api.put(path, json={**PRODUCT, "version": 7}), 409, "version 7")
    for version in (None, "1", 1.5, True):
        refused(api.put(path, json={**PRODUCT, "version": version}), 400, "version")
    refused(api.put("/billconfig", json={"billLockDate": "2026-01-01", "version": 7}), 409, "version 7")
    assert state(api) == before


def test_no_organization_reaches_into_another(
    api: httpx.Client, made: Made, organize: Callable[[str], httpx.Client]
) -> None:
    stranger = organize("Stranger")
    before = state(api)
    for path in (
        "products",
        "bills",
        "billjobs",
        "statementjobs",
        "events",
        "measurements/failedIngest/getDownloadUrl",
    ):
        refused(stranger.get(f"{api.base_url}{path}"), 403, "organization")
    refused(stranger.post(f"{api.base_url}measurements", json={"measurements": []}), 403, "organization")
    for name, path in (("product", "products"), ("plan", "plans"), ("account", "accounts"), ("meter", "meters")):
        own = f"/{path}/{made[name]}"
        refused(stranger.get(own), 404, "there is no")
        refused(stranger.delete(own), 404, "there is no")
    foreign = fill(json.dumps(TEMPLATE), made)
    refused(stranger.post("/plantemplates", content=foreign), 400, "productId: there is no product")
    refused(stranger.post("/billjobs", json={"accountIds": [made["account"]]}), 400, "accountIds: there is no account")
    assert not any(listed(stranger, path) for path in LISTS if path != "picklists/currency")
    assert state(api) == before


TOKEN_BODIES: list[tuple[bytes, str]] = [
    (b"", "grant_type"),
    (b"{", "not valid JSON"),
    (b"[]", "JSON object"),
    (b"\xff", "not valid JSON"),
    (b'{"grant_type": "password"}', "grant_type"),
    (b'{"grant_type": ["client_credentials"]}', "grant_type"),
    (f'{{"grant_type": {FAR}}}'.encode(), "grant_type"),
]


@pytest.mark.parametrize(("content", "named"), TOKEN_BODIES)
def test_the_token_endpoint_says_what_is_wrong(stack: Any, content: bytes, named: str) -> None:
    keys = (stack.credentials["api_key"], stack.credentials["api_secret"])
    url, kind = f"{stack.base_url}/oauth/token", {"Content-Type": "application/json"}
    refused(httpx.post(url, content=content, headers=kind, auth=keys), 400, named)
    refused(httpx.post(url, content=content, headers=kind), 401, "Authorization")


def test_keys_that_are_none_give_no_token(stack: Any) -> None:
    for keys in (("é\x00#", "x" * 9_000), (stack.credentials["api_key"], "wrong"), ("", "")):
        body = {"grant_type": "client_credentials"}
        refused(httpx.post(f"{stack.base_url}/oauth/token", json=body, auth=keys), 401, "API key")

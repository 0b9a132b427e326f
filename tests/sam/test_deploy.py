"""The deployed template wires routes, authorizer, layers, queues, stream and schedules."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from local.aws import client
from local.template import read_template
from tests.sam.deployment import Answer, Deployment, wait_for
from tools.sam_local import PROJECT

Call = Callable[..., Answer]
SECONDS = 60  # a cold start, a poll and some work


@pytest.fixture(scope="module")
def organization(deployment: Deployment) -> str:
    function = deployment.outputs["AdminFunctionName"]
    return str(deployment.invoke(function, {"action": "createOrganization", "name": "Example Ltd"})["orgId"])


@pytest.fixture(scope="module")
def token(deployment: Deployment, organization: str) -> str:
    function = deployment.outputs["AdminFunctionName"]
    who = {"orgId": organization, "name": "robot", "policies": ["Administrator"]}
    user = deployment.invoke(function, {"action": "createServiceUser", **who})
    whose = {"orgId": organization, "serviceUserId": user["serviceUserId"]}
    key = deployment.invoke(function, {"action": "createAccessKey", **whose})
    basic = base64.b64encode(f"{key['apiKey']}:{key['apiSecret']}".encode()).decode()
    answer = deployment.call(
        "POST", "/oauth/token", body={"grant_type": "client_credentials"}, headers={"Authorization": f"Basic {basic}"}
    )
    assert answer.status == 200, answer.body
    return str(answer.body["access_token"])


@pytest.fixture(scope="module")
def call(deployment: Deployment, organization: str, token: str) -> Call:
    """A request of the organization's service user, below the organization's path."""

    def send(method: str, path: str, body: Any = None) -> Answer:
        headers = {"Authorization": f"Bearer {token}"}
        return deployment.call(method, f"/organizations/{organization}{path}", body=body, headers=headers)

    return send


def test_the_gateway_asks_for_a_token(deployment: Deployment, organization: str) -> None:
    path = f"/organizations/{organization}/products"
    assert deployment.call("GET", path).status == 401
    assert deployment.call("GET", path, headers={"Authorization": "Bearer nonsense"}).status == 403


def test_a_token_opens_its_own_organization_alone(deployment: Deployment, call: Call, token: str) -> None:
    assert call("GET", "/products").status == 200
    other = "/organizations/0190a5d0-ac96-774b-bcce-b302099a8057/products"
    assert deployment.call("GET", other, headers={"Authorization": f"Bearer {token}"}).status == 403


def test_every_route_reaches_its_function(call: Call) -> None:
    unknown = "0190a5d0-c001-7000-8000-000000000001"
    for path in ("/bills", "/billjobs", "/statementjobs", "/products"):
        assert call("GET", path).status == 200, path
    for path in (
        f"/bills/{unknown}",
        f"/billjobs/{unknown}",
        f"/statementjobs/{unknown}",
        f"/bills/{unknown}/statement/json",
    ):
        assert call("GET", path).status == 404, path
    assert call("GET", "/billconfig").status == 200
    assert call("POST", "/measurements", {"measurements": []}).status == 400


def test_a_change_goes_down_the_stream_and_becomes_an_event(call: Call) -> None:
    product = call("POST", "/products", {"name": "Streamed", "code": "streamed"})
    assert product.status == 200, product.body

    def events() -> Any:
        return call("GET", f"/events?resourceId={product.body['id']}").body["data"]

    (event,) = wait_for(events, SECONDS)
    assert event["eventName"] == "configuration.product.created"


def test_usage_is_billed_by_the_worker_behind_the_queue(call: Call) -> None:
    def made(path: str, **fields: Any) -> str:
        answer = call("POST", path, fields)
        assert answer.status == 200, answer.body
        return str(answer.body["id"])

    product = made("/products", name="API", code="api")
    meter = made(
        "/meters",
        name="Requests",
        code="requests",
        productId=product,
        dataFields=[{"category": "MEASURE", "code": "tokens", "name": "Tokens", "unit": "1"}],
        derivedFields=[],
    )
    aggregation = made(
        "/aggregations",
        name="Tokens",
        meterId=meter,
        targetField="tokens",
        aggregation="SUM",
        rounding="NONE",
        quantityPerUnit=1,
        unit="1",
    )
    template = made(
        "/plantemplates",
        name="Monthly",
        code="monthly",
        productId=product,
        currency="USD",
        billFrequency="MONTHLY",
        standingCharge=20,
    )
    plan = made("/plans", name="Plan", code="plan", planTemplateId=template)
    made(
        "/pricings",
        planId=plan,
        aggregationId=aggregation,
        pricingBands=[{"lowerLimit": 0, "fixedPrice": 0, "unitPrice": 0.5}],
        cumulative=False,
        startDate="2025-01-01T00:00:00Z",
    )
    account = made("/accounts", name="Acme", code="acme", emailAddress="billing@example.com")
    made("/accountplans", accountId=account, planId=plan, startDate="2025-01-01T00:00:00Z")
    measurement = {
        "uid": "1",
        "meter": "requests",
        "account": "acme",
        "ts": "2025-06-10T12:00:00Z",
        "measure": {"tokens": 3},
    }
    assert call("POST", "/measurements", {"measurements": [measurement]}).status == 200
    window = {"billDate": "2025-07-01", "lastDateInBillingPeriod": "2025-06-30", "billingFrequency": "MONTHLY"}
    job = made("/billjobs", **window, accountIds=[account], targetCurrency="USD")
    wait_for(lambda: call("GET", f"/billjobs/{job}").body["status"] == "COMPLETE", SECONDS)
    (bill,) = call("GET", f"/bills?accountId={account}&includeBillTotal=true").body["data"]
    assert bill["billTotal"] == 21.5


def test_schedules_run_the_scheduler(deployment: Deployment) -> None:
    schedules = client("scheduler", deployment.endpoint)
    found = [
        schedules.get_schedule(Name=row["Name"], GroupName=row["GroupName"])
        for row in schedules.list_schedules()["Schedules"]
    ]
    assert {row["ScheduleExpression"] for row in found} == {"rate(15 minutes)", "rate(5 minutes)"}
    for row in found:
        assert "SchedulerFunction" in row["Target"]["Arn"]
        assert "<aws.scheduler.scheduled-time>" in row["Target"]["Input"]


def test_failing_messages_end_in_the_dead_letter_queues(deployment: Deployment) -> None:
    sqs = client("sqs", deployment.endpoint)
    urls = sqs.list_queues()["QueueUrls"]
    redriven = [
        url
        for url in urls
        if "RedrivePolicy" in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    ]
    resources = read_template(PROJECT / "template.yaml")["Resources"].values()
    queues = [row["Properties"] for row in resources if row["Type"] == "AWS::SQS::Queue"]
    assert len(urls) == len(queues)
    assert len(redriven) == sum("RedrivePolicy" in queue for queue in queues) > 0

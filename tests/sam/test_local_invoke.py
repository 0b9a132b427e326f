"""Every function runs in its container, from its event files, on the embedded stack's stores."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.sam.conftest import Invoke
from tools.sam_local import PROJECT

ORGANIZATION = "0190a5d0-ac96-774b-bcce-b302099a8057"
SERVICE_USER = "0190a5d0-b1c2-7def-8a01-23456789abcd"
"""The ids of the event files; the tests put those of a real organization in their place."""

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def ids() -> dict[str, str]:
    """What takes the place of the ids in event files."""
    return {}


@pytest.fixture(scope="module")
def run(invoke: Invoke, ids: dict[str, str]) -> Run:
    """Invokes a function with an event file."""

    def call(function: str, event: str, **fields: Any) -> Any:
        text = (PROJECT / "events" / f"{event}.json").read_text()
        for old, new in ids.items():
            text = text.replace(old, new)
        return invoke(function, json.loads(text) | fields)

    return call


@pytest.fixture(scope="module", autouse=True)
def key(run: Run, ids: dict[str, str]) -> dict[str, str]:
    """An access key, made by the admin function in its container as an installation begins."""
    ids[ORGANIZATION] = run("AdminFunction", "admin_create_organization")["orgId"]
    ids[SERVICE_USER] = run("AdminFunction", "admin_create_service_user")["serviceUserId"]
    access_key: dict[str, str] = run("AdminFunction", "admin_create_access_key")
    return access_key


def body(answer: Any) -> Any:
    return json.loads(answer["body"])


def test_a_wrong_key_gets_no_token(run: Run) -> None:
    assert run("TokensFunction", "tokens_json")["statusCode"] == 401
    assert run("TokensFunction", "tokens_form")["statusCode"] == 401


def test_the_right_key_gets_a_token_that_the_authorizer_takes(
    run: Run, key: dict[str, str], ids: dict[str, str]
) -> None:
    basic = base64.b64encode(f"{key['apiKey']}:{key['apiSecret']}".encode()).decode()
    event = json.loads((PROJECT / "events" / "tokens_json.json").read_text())
    answer = run("TokensFunction", "tokens_json", headers=event["headers"] | {"authorization": f"Basic {basic}"})
    assert answer["statusCode"] == 200
    token = body(answer)["access_token"]
    caller = run("AuthorizerFunction", "authorizer_request", headers={"authorization": f"Bearer {token}"})
    assert caller["isAuthorized"] is True
    assert caller["context"]["orgId"] == ids[ORGANIZATION]
    assert run("AuthorizerFunction", "authorizer_request") == {"isAuthorized": False}


def test_entities_are_made_listed_and_read(run: Run) -> None:
    made = run("EntitiesFunction", "entities_create_product")
    assert made["statusCode"] == 200, made
    listed = body(run("EntitiesFunction", "entities_list_products"))
    assert [product["id"] for product in listed["data"]] == [body(made)["id"]]
    assert run("EntitiesFunction", "entities_get_product")["statusCode"] == 404
    assert run("EntitiesFunction", "entities_list_events")["statusCode"] == 200


def test_measurements_of_an_unknown_meter_are_taken_and_kept_out(run: Run) -> None:
    assert run("IngestFunction", "ingest_measurements")["statusCode"] == 200
    assert run("IngestFunction", "ingest_failed_file")["statusCode"] in {400, 404}


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ("billing_list_bills", 200),
        ("billing_get_bill", 404),
        ("billing_get_bill_job", 404),
        ("billing_get_bill_config", 200),
        ("billing_create_bill_job", 200),
    ],
)
def test_billing_answers(run: Run, event: str, status: int) -> None:
    assert run("BillingFunction", event)["statusCode"] == status


@pytest.mark.parametrize("event", ["statements_create_job", "statements_get_job", "statements_bill_statement_json"])
def test_statements_of_an_unknown_bill_are_not_found(run: Run, event: str) -> None:
    assert run("StatementsFunction", event)["statusCode"] in {400, 404}


@pytest.mark.parametrize(
    ("function", "event"),
    [
        ("BillWorkerFunction", "bill_worker_messages"),
        ("StatementWorkerFunction", "statement_worker_job"),
        ("WebhooksFunction", "webhooks_delivery"),
        ("NotificationsFunction", "notifications_changes"),
    ],
)
def test_batches_are_worked_off(run: Run, function: str, event: str) -> None:
    assert run(function, event) == {"batchItemFailures": []}


@pytest.mark.parametrize("event", ["scheduler_billing", "scheduler_approval"])
def test_schedules_find_nothing_due_in_an_empty_organization(run: Run, event: str) -> None:
    run("SchedulerFunction", event)

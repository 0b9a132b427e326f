"""What each function answers to its event files, in an organization that has nothing yet."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EVENTS = Path(__file__).resolve().parents[2] / "events"
ORGANIZATION = "0190a5d0-ac96-774b-bcce-b302099a8057"
SERVICE_USER = "0190a5d0-b1c2-7def-8a01-23456789abcd"
"""The ids in the event files; those of a real organization take their place."""

Invoke = Callable[[str, dict[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class Case:
    """An event file of a function (by logical id) and its answer: an HTTP status, or the whole value."""

    function: str
    event: str
    status: int | None = None
    answer: Any = None

    def check(self, answer: Any) -> None:
        if self.status is None:
            assert answer == self.answer
        else:
            assert answer["statusCode"] == self.status, answer
            assert self.status < 400 or json.loads(answer["body"])["errorCode"]


CASES = [
    Case("TokensFunction", "tokens_json", status=401),
    Case("TokensFunction", "tokens_form", status=401),
    Case("AuthorizerFunction", "authorizer_request", answer={"isAuthorized": False}),
    Case("EntitiesFunction", "entities_create_product", status=200),
    Case("EntitiesFunction", "entities_list_products", status=200),
    Case("EntitiesFunction", "entities_get_product", status=404),
    Case("EntitiesFunction", "entities_list_events", status=200),
    Case("IngestFunction", "ingest_measurements", status=200),
    Case("IngestFunction", "ingest_failed_file", status=404),
    Case("UsageFunction", "usage_query", status=200),
    Case("UploadWorkerFunction", "upload_worker_file", answer={"batchItemFailures": []}),
    Case("IngestWorkerFunction", "ingest_worker_message", answer={"batchItemFailures": []}),
    Case("MergeWorkerFunction", "merge_worker_month", answer={"batchItemFailures": []}),
    Case("ExportWorkerFunction", "export_worker_job", answer={"batchItemFailures": []}),
    Case("BillingFunction", "billing_list_bills", status=200),
    Case("BillingFunction", "billing_get_bill", status=404),
    Case("BillingFunction", "billing_create_bill_job", status=200),
    Case("BillingFunction", "billing_get_bill_job", status=404),
    Case("BillingFunction", "billing_get_bill_config", status=200),
    Case("BillWorkerFunction", "bill_worker_messages", answer={"batchItemFailures": []}),
    Case("SchedulerFunction", "scheduler_billing", answer={"schedule": "BillingSchedule", "count": 0}),
    Case("SchedulerFunction", "scheduler_approval", answer={"schedule": "ApprovalSchedule", "count": 0}),
    Case("SchedulerFunction", "scheduler_exports", answer={"schedule": "ExportSchedule", "count": 0}),
    Case("SchedulerFunction", "scheduler_events", answer={"schedule": "EventSchedule", "count": 0}),
    Case("StatementsFunction", "statements_create_job", status=400),
    Case("StatementsFunction", "statements_download_bills", status=200),
    Case("StatementsFunction", "statements_get_job", status=404),
    Case("StatementsFunction", "statements_bill_statement_json", status=404),
    Case("StatementWorkerFunction", "statement_worker_job", answer={"batchItemFailures": []}),
    Case("NotificationsFunction", "notifications_changes", answer={"batchItemFailures": []}),
    Case("WebhooksFunction", "webhooks_delivery", answer={"batchItemFailures": []}),
    Case("IntegrationsFunction", "integrations_delivery", answer={"batchItemFailures": []}),
    Case("GivenUpFunction", "given_up_delivery", answer={"batchItemFailures": []}),
    Case("AdminFunction", "admin_verify_audit", answer={"valid": False}),
    Case("AdminFunction", "admin_resume_deliveries", answer={"resumed": 0, "next": None}),
]


def event_of(name: str, ids: Mapping[str, str]) -> dict[str, Any]:
    """The event of a file, with other ids in the place of its own."""
    text = (EVENTS / f"{name}.json").read_text()
    for old, new in ids.items():
        text = text.replace(old, new)
    event: dict[str, Any] = json.loads(text)
    return event


def new_organization(invoke: Invoke) -> tuple[dict[str, str], dict[str, str]]:
    """Its ids for `event_of`, and an access key, made by the events of the admin function."""
    ids: dict[str, str] = {}
    ids[ORGANIZATION] = invoke("AdminFunction", event_of("admin_create_organization", ids))["orgId"]
    ids[SERVICE_USER] = invoke("AdminFunction", event_of("admin_create_service_user", ids))["serviceUserId"]
    return ids, invoke("AdminFunction", event_of("admin_create_access_key", ids))

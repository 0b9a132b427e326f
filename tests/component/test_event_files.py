"""Every function answers its event files, in a worker process of the embedded stack."""

import json
from collections.abc import Iterator

import pytest

from local.testing import RunningStack, running_stack
from tests.component.event_cases import CASES, ORGANIZATION, Case, event_of, new_organization
from usance.adapters.admin_function import download


@pytest.fixture(scope="module")
def stack() -> Iterator[RunningStack]:
    with running_stack() as running:
        yield running


@pytest.fixture
def ids(stack: RunningStack) -> dict[str, str]:
    return new_organization(stack.invoke)[0]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.event)
def test_a_function_answers_its_event(stack: RunningStack, ids: dict[str, str], case: Case) -> None:
    case.check(stack.invoke(case.function, event_of(case.event, ids)))


def test_the_notifications_function_records_the_changes_of_its_event(stack: RunningStack, ids: dict[str, str]) -> None:
    stack.invoke("NotificationsFunction", event_of("notifications_changes", ids))
    answer = stack.invoke("EntitiesFunction", event_of("entities_list_events", ids))
    names = {event["eventName"].rpartition(".")[2] for event in json.loads(answer["body"])["data"]}
    assert names >= {"created", "updated", "deleted"}


def test_an_access_key_of_the_admin_function_opens_its_organization(stack: RunningStack) -> None:
    ids, key = new_organization(stack.invoke)
    assert set(key) == {"apiKey", "apiSecret"}
    made = stack.invoke("EntitiesFunction", event_of("entities_create_product", ids))
    assert json.loads(made["body"])["code"] == "llm_api"
    assert ids[ORGANIZATION] != ORGANIZATION


def test_an_audit_leaves_a_signed_report_in_the_documents(stack: RunningStack, ids: dict[str, str]) -> None:
    answer = stack.invoke("AdminFunction", event_of("admin_audit", ids))
    assert (answer["verdict"], answer["complete"]) == ("CLEAN", True)
    envelope = json.loads(download(answer["downloadUrl"]))
    assert envelope["report"]["requestedBy"] == "auditor"
    signed = {name: envelope[name] for name in ("digest", "signedAt", "signature")}
    assert stack.invoke("AdminFunction", {"action": "verifyAudit", **signed}) == {"valid": True}

"""A store that refuses for a while, behind the official SDK: the client is told, tries again, and everything is there once."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import httpx
from m3ter import M3ter

from tests.crash.conftest import Crashing
from tests.crash.proxy import Call, Fault
from tests.crash.test_ingest import measurements
from usance.adapters.aws import ATTEMPTS_MAX


@contextmanager
def sdk(crashing: Crashing) -> Iterator[tuple[M3ter, list[httpx.Response]]]:
    """A client, and what it was answered, sign-ins left out."""
    answers: list[httpx.Response] = []

    def note(answer: httpx.Response) -> None:
        if answer.request.url.path != "/oauth/token":
            answer.read()
            answers.append(answer)

    http = httpx.Client(trust_env=False, timeout=60, event_hooks={"response": [note]})
    with http, M3ter(**crashing.stack.credentials, http_client=http) as client:
        yield client, answers


def refuse(crashing: Crashing, table: str, fault: Fault) -> list[Call]:
    """Let all attempts of the first write of `table` fare as `fault` says; gives the calls that did."""
    refused: list[Call] = []

    def disturb(call: Call) -> Fault | None:
        if len(refused) == ATTEMPTS_MAX or not call.writes(table):
            return None
        refused.append(call)
        return fault

    crashing.disturb(disturb)
    return refused


def assert_refused_once(answers: list[httpx.Response]) -> None:
    assert [answer.status_code for answer in answers] == [503, 200]
    assert answers[0].headers["retry-after"] == "1"
    assert answers[0].json()["errorCode"] == "UNAVAILABLE"


def test_the_sdk_gets_through(crashing: Crashing, catalogue: Any) -> None:
    with sdk(crashing) as (client, answers):
        refused = refuse(crashing, "usance-EntitiesTable", Fault.THROTTLED)
        made = client.products.create(code="slow", name="Slow")
        assert len(refused) == ATTEMPTS_MAX
        assert_refused_once(answers)
        assert [product.id for product in client.products.list(ids=[made.id])] == [made.id]
        client.accounts.create(code="acme", name="Acme", email_address="a@example.com")
        for first, fault in enumerate((Fault.THROTTLED, Fault.LOST)):
            answers.clear()
            refused = refuse(crashing, "usance-UsageTable", fault)
            assert client.usage.submit(**measurements("acme", first * 100, 100)).result == "accepted"
            assert len(refused) == ATTEMPTS_MAX
            assert_refused_once(answers)
    query = {"meterId": catalogue["meter"], "fieldCode": "count", "fieldType": "MEASURE", "function": "SUM"}
    span = {"startDate": "2026-01-01T00:00:00Z", "endDate": "2026-02-01T00:00:00Z"}
    [row] = crashing.call("POST", "/usage/query", {**span, "aggregations": [query]})["data"]
    assert Decimal(str(row["count.SUM"])) == 200

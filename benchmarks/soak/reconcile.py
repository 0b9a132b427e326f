"""What the API says was used, beside what was sent."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from benchmarks.patient import Patient
from benchmarks.soak.merger import END, START
from benchmarks.soak.truth import FIELD, Truth
from usance.application.uploads.process_upload import GIVEN_UP

ACCOUNTS_PER_QUERY = 25  # an answer comes within the 30 seconds of an HTTP API, on a busy machine too


def differences(api: Patient, meter_id: str, truth: Truth) -> list[str]:
    """The accounts whose count or sum is not what was sent, and those that nobody named."""
    found = dict(_counted(api, meter_id))
    return [
        f"{account}: {found.get(account)} instead of {truth.of(account)}"
        for account in sorted({*found, *truth.counts})
        if found.get(account) != truth.of(account)
    ]


def failures(api: Patient) -> list[str]:
    """Events of what was kept out, but for copies that a request or a batch of messages holds, and for files given up."""
    found = [event["m3terEvent"] for event in _listed(api, "/events?eventType=IngestValidationFailure&pageSize=100")]
    return [json.dumps(event, default=str) for event in found if not _expected(event)]


def _counted(api: Patient, meter_id: str) -> Iterator[tuple[str, tuple[int, Decimal]]]:
    codes = _codes(api)
    ids = sorted(codes)
    target = {"meterId": meter_id, "fieldCode": FIELD, "fieldType": "MEASURE"}
    question = {
        "startDate": START.isoformat(),
        "endDate": END.isoformat(),
        "aggregations": [{**target, "function": function} for function in ("COUNT", "SUM")],
        "groups": [{"groupType": "ACCOUNT"}],
    }
    for at in range(0, len(ids), ACCOUNTS_PER_QUERY):
        answer = api.call("POST", "/usage/query", {**question, "accountIds": ids[at : at + ACCOUNTS_PER_QUERY]})
        for row in answer["data"]:
            yield codes[row["accountId"]], (row[f"{FIELD}.COUNT"], row[f"{FIELD}.SUM"])


def _codes(api: Patient) -> dict[str, str]:
    """The code of each account, by its id."""
    codes = {account["id"]: account["code"] for account in _listed(api, "/accounts?pageSize=100")}
    if len(set(codes.values())) < len(codes):
        raise AssertionError("two accounts have one code")
    return codes


def _expected(event: dict[str, Any]) -> bool:
    return event["type"] == "DuplicateUid" or GIVEN_UP in event["message"]


def _listed(api: Patient, path: str) -> Iterator[dict[str, Any]]:
    """Every page of a list."""
    page = api.call("GET", path)
    yield from page["data"]
    while token := page.get("nextToken"):
        page = api.call("GET", f"{path}&nextToken={token}")
        yield from page["data"]

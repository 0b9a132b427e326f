"""A small soak: measurements by every way in, while the store disturbs and processes are killed, are all there once."""

from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from benchmarks.patient import Patient
from benchmarks.soak.reconcile import differences, failures
from benchmarks.soak.run import soak
from benchmarks.soak.truth import FIELD, Plan, Truth, Way
from usance.application.uploads.process_upload import GIVEN_UP


def test_what_was_accepted_is_there_once_whatever_happened_meanwhile(tmp_path: Path) -> None:
    plan = Plan(2_400, 2, chunk_events=40, kills=2, faults_percent=2, senders=2, visibility_seconds=5)
    outcome = soak(plan, tmp_path)
    assert outcome.wrong == []
    assert sum(outcome.sent[way.value] for way in Way) == plan.events
    assert sum(outcome.faults.values()) > 0
    assert sum(outcome.kills.values()) > 0
    assert outcome.merged > 0


class Answers:
    """An API with two accounts and a log of events."""

    def call(self, _method: str, path: str, _body: Any = None) -> Any:
        match path.partition("?")[0]:
            case "/accounts" if "nextToken" not in path:
                return {"data": [{"id": "1", "code": "customer-1"}], "nextToken": "more"}
            case "/accounts":
                return {"data": [{"id": "2", "code": "customer-2"}]}
            case "/usage/query":
                counted = {f"{FIELD}.COUNT": 2, f"{FIELD}.SUM": Decimal("0.300")}
                return {"data": [{"accountId": number, **counted} for number in ("1", "2")]}
        reasons = [
            ("DuplicateUid", "twice"),
            ("InvalidMeasurement", GIVEN_UP),
            ("MissingField", ""),
        ]
        return {"data": [{"m3terEvent": {"type": kind, "message": message}} for kind, message in reasons]}


def test_what_differs_is_named() -> None:
    api, truth = cast(Patient, Answers()), Truth()
    truth.counts.update({"customer-1": 2, "customer-2": 2, "customer-3": 1})
    truth.sums.update({"customer-1": 300, "customer-2": 299, "customer-3": 5})
    assert [line.partition(":")[0] for line in differences(api, "meter", truth)] == ["customer-2", "customer-3"]
    [failure] = failures(api)
    assert "MissingField" in failure

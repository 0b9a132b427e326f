"""The command that calculates a bill again."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from usance.bootstrap.command import Reach
from usance.domain.kernel.errors import NotFoundError
from usance.entrypoints.command import main

FOUND = {"billId": "b", "recordId": "r", "bytes": 1_234, "storedDigest": "aa", "recalculatedDigest": "aa"}


def run(answer: Any, *words: str, own: str | None = "own") -> tuple[int, list[Any]]:
    """Exit status and events of `usance replay b`."""
    events: list[Any] = []

    def invoke(event: Mapping[str, Any]) -> Any:
        events.append(event)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def connect(_: str | None, __: Path) -> Reach:
        return Reach(invoke, lambda _: b"", own)

    return main(["replay", "b", *words], connect), events


def test_a_bill_that_is_the_same_ends_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    status, events = run({**FOUND, "equal": True, "differences": "[]"})
    text = capsys.readouterr().out
    assert (status, events) == (0, [{"action": "replayBill", "orgId": "own", "billId": "b"}])
    assert text.splitlines()[0] == "bill      b, 1,234 bytes"
    assert text.endswith("the same, byte for byte\n")


def test_a_bill_that_is_not_ends_with_1_and_names_each_difference(capsys: pytest.CaptureFixture[str]) -> None:
    differences = '[{"lineItemId":"l","field":"units","stored":61.50,"recalculated":60},{"field":"billTotal","stored":1,"recalculated":2}]'
    status, events = run({**FOUND, "equal": False, "differences": differences}, "--org", "other")
    assert (status, events[0]["orgId"]) == (1, "other")
    text = capsys.readouterr().out
    assert "  line item l: units is 61.50, and comes to 60\n  bill: billTotal is 1, and comes to 2\n" in text


def test_what_cannot_be_replayed_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(NotFoundError("there is no bill b"))[0] == 2
    assert capsys.readouterr().err == "usance replay: there is no bill b\n"
    assert run({}, own=None)[0] == 2
    assert capsys.readouterr().err == "usance replay: --org is required\n"

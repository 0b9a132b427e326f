"""The command that calculates a bill again."""

import json
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from console import cli
from console.admin import AdminError

FOUND = {"billId": "b", "recordId": "r", "bytes": 1_234, "storedDigest": "aa", "recalculatedDigest": "aa"}


def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer: Any, *words: str) -> tuple[int, str, list[Any]]:
    """Exit status, text and events of `usance replay b`."""
    events: list[Any] = []

    def admin(event: Mapping[str, Any]) -> Any:
        events.append(event)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(cli, "of_embedded_stack", lambda _: admin)
    monkeypatch.setattr(cli, "of_aws", lambda _: admin)
    (tmp_path / "credentials.json").write_text(json.dumps({"org_id": "own"}))
    out = StringIO()
    return cli.main(["replay", "b", "--data-dir", str(tmp_path), *words], out), out.getvalue(), events


def test_a_bill_that_is_the_same_ends_with_0(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    status, text, events = run(monkeypatch, tmp_path, {**FOUND, "equal": True, "differences": "[]"})
    assert (status, events) == (0, [{"action": "replayBill", "orgId": "own", "billId": "b"}])
    assert text.splitlines()[0] == "bill      b, 1,234 bytes"
    assert text.endswith("the same, byte for byte\n")


def test_a_bill_that_is_not_ends_with_1_and_names_each_difference(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    differences = '[{"lineItemId":"l","field":"units","stored":61.50,"recalculated":60},{"field":"billTotal","stored":1,"recalculated":2}]'
    words = ("--organization", "other", "--function", "admin")
    status, text, events = run(monkeypatch, tmp_path, {**FOUND, "equal": False, "differences": differences}, *words)
    assert (status, events[0]["orgId"]) == (1, "other")
    assert "  line item l: units is 61.50, and comes to 60\n  bill: billTotal is 1, and comes to 2\n" in text


def test_what_cannot_be_replayed_ends_with_2(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, _ = run(monkeypatch, tmp_path, AdminError("there is no bill b"))
    assert (status, capsys.readouterr().err) == (2, "replay: there is no bill b\n")

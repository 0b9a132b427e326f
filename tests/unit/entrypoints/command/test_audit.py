"""The command that audits usage: what it is told, and what it says of nothing."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from usance.bootstrap.command import Reach
from usance.entrypoints.command import main

PERIOD = ["--first", "2026-01-01", "--last", "2026-01-31"]
REPORT = {
    "id": "a",
    "part": 1,
    "firstDay": "2026-01-01",
    "lastDay": "2026-01-31",
    "receivedUntil": "2026-02-01T00:00:00Z",
    "verdict": "CLEAN",
    "usage": [],
    "differences": [],
    "notCompared": [],
}


@pytest.mark.parametrize("of_command", [["--data-dir", "theirs", "--function", "admin"], []])
@pytest.mark.parametrize("of_verify", [["--data-dir", "theirs", "--function", "admin"], []])
def test_a_deployment_is_named_before_or_after_verify(
    of_command: list[str], of_verify: list[str], tmp_path: Path
) -> None:
    reached: list[tuple[str | None, Path]] = []

    def connect(function: str | None, data_dir: Path) -> Reach:
        reached.append((function, data_dir))
        return Reach(lambda _: {"valid": True}, lambda _: b"")

    report = tmp_path / "report.json"
    report.write_text(json.dumps({"report": REPORT}))
    assert main(["audit", *of_command, "verify", *of_verify, str(report)], connect) == 0
    assert reached == [("admin", Path("theirs")) if of_command or of_verify else (None, Path(".usance"))]


def test_an_audit_of_nothing_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def invoke(_: Mapping[str, Any]) -> Any:
        return {"id": "a", "downloadUrl": "url", "next": None}

    def connect(_: str | None, __: Path) -> Reach:
        return Reach(invoke, lambda _: json.dumps({"report": REPORT}).encode(), "own")

    assert main(["audit", *PERIOD, "--out", str(tmp_path)], connect) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[1] == "of what was received until 2026-02-01T00:00:00Z; the next audit has the rest"
    assert "no usage was received by then" in shown

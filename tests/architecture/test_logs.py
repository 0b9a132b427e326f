"""The logs say what happened to what, by ids, and nothing that a customer sent."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "layers/shared/src/usance"
METHODS = {"debug", "info", "warning", "error", "exception", "critical"}
# What may be logged: ids, kinds, counts, states, places, and reasons that this code wrote itself.
ALLOWED = {
    *(
        "org_id",
        "run_id",
        "job_id",
        "invitation_id",
        "user_id",
        "record",
        "folder",
        "attempt",
        "messages",
        "again",
        "count",
        "made",
    ),
    *("status", "reason", "schedule", "time", "month", "method", "path"),
}
SAFE_VALUES = {"code", "message"}  # of our own refusals
NAMED = {"kind", "orgId", "jobId", "accountId"}  # of messages of the billing queue


def logged() -> Iterator[tuple[str, ast.Call]]:
    """Every call that logs, with its place."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
                holder = ast.unparse(node.func.value)
                if holder.lstrip("_") == "logger" or "getLogger" in holder:
                    yield f"{path.relative_to(PACKAGE)}:{node.lineno}", node


CALLS = list(logged())


def test_there_are_calls_to_look_at() -> None:
    assert len(CALLS) >= 12


@pytest.mark.parametrize(("place", "call"), CALLS, ids=[place for place, _ in CALLS])
def test_a_log_has_a_fixed_sentence_and_fields_that_tell_nothing_private(place: str, call: ast.Call) -> None:
    sentence, *values = call.args
    assert isinstance(sentence, ast.Constant), place
    for value in values:
        name = value.attr if isinstance(value, ast.Attribute) else ast.unparse(value)
        assert name in ALLOWED | SAFE_VALUES, f"{place}: {name}"
    for keyword in call.keywords:
        if keyword.arg is None:
            assert ast.unparse(keyword.value) == "named", place
        else:
            assert keyword.arg in ALLOWED, f"{place}: {keyword.arg}"


def test_what_the_billing_worker_names_are_ids() -> None:
    source = (PACKAGE / "entrypoints/queue/bill_worker.py").read_text()
    [names] = [node.generators[0].iter for node in ast.walk(ast.parse(source)) if isinstance(node, ast.DictComp)]
    assert set(ast.literal_eval(names)) == NAMED

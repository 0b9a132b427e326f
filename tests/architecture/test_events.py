"""Event files: named after their function, shaped as their source makes them, and used."""

import json
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[2]
FILES = sorted((PROJECT / "events").glob("*.json"))
Functions = dict[str, dict[str, Any]]


def function_of(path: Path, functions: Functions) -> str:
    """The longest name of a function that the file's name starts with."""
    names = [name for name in functions if path.stem == name or path.stem.startswith(f"{name}_")]
    assert names, f"{path.name} is named after no function"
    return max(names, key=len)


def sources(function: dict[str, Any]) -> set[str]:
    return {event["Type"] for event in function.get("Events", {}).values()}


def test_every_function_has_an_event(functions: Functions) -> None:
    assert {function_of(path, functions) for path in FILES} == set(functions)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_event_is_of_a_source_of_its_function(path: Path, functions: Functions) -> None:
    event = json.loads(path.read_text())
    function = functions[function_of(path, functions)]
    if "routeKey" in event and event.get("type") != "REQUEST":
        routes = {
            f"{row['Properties']['Method']} {row['Properties']['Path']}"
            for row in function["Events"].values()
            if row["Type"] == "HttpApi"
        }
        assert event["routeKey"] in routes
        assert event["version"] == "2.0"
    elif "Records" in event:
        kind = {"aws:sqs": "SQS", "aws:dynamodb": "DynamoDB"}[event["Records"][0]["eventSource"]]
        assert kind in sources(function)
    elif "schedule" in event:
        assert event["schedule"] in function["Events"]
    else:
        assert not sources(function)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_event_file_is_used_by_a_test_of_its_function(path: Path) -> None:
    own = Path(__file__).parent
    tests = [file for file in (PROJECT / "tests").rglob("*.py") if own not in file.parents]
    assert any(path.name in file.read_text() or f'"{path.stem}"' in file.read_text() for file in tests)

"""The API describes itself, to anybody."""

import json
from pathlib import Path

import httpx

from local.testing import RunningStack

COMMITTED = Path(__file__).parents[2] / "docs" / "openapi.json"


def test_the_description_is_served_as_it_is_committed(stack: RunningStack) -> None:
    answer = httpx.get(f"{stack.base_url}/openapi.json")
    assert answer.status_code == 200
    assert answer.json() == json.loads(COMMITTED.read_text(encoding="utf-8"))
    assert len(answer.content) < 6_000_000  # what a function may answer

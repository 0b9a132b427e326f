"""Refusals are in the words of the API, whichever library found the mistake."""

import json
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import partial
from typing import Any, get_args

import msgspec
import pytest

from usance.domain.kernel.errors import InvalidInputError
from usance.resources import wire
from usance.resources.measurements import Measurement, decode
from usance.resources.registry import REGISTRY
from usance.resources.resource import Resource
from usance.resources.validation import validated

FOREIGN = re.compile(
    r"Input|Expected|expected `|`|\bstr\b|\bint\b|dict\b|null|datetime|codec|pydantic|msgspec|RFC|recursion"
)
WRONG: tuple[Any, ...] = (
    *(3, -1, 10**30, True, Decimal("1.5"), Decimal("1e40"), "", "x", "y" * 5_000, "\ud800"),
    *([], [3], ["x"], [{}], [[]], ["x"] * 2_000),
    *({}, {"a": 3}, {"a": {}}, {"a": []}, {"": ""}, {"a" * 300: "x"}),
)


def refusals(check: Callable[[Any], object], values: Iterable[Any]) -> list[str]:
    """What is said of those of the values that are refused."""
    told: list[str] = []
    for value in values:
        try:
            check(value)
        except InvalidInputError as refusal:
            told.append(refusal.message)
    return told


@pytest.mark.parametrize("row", REGISTRY, ids=lambda row: row.type)
def test_what_is_wrong_with_a_noun_is_told_in_the_words_of_the_api(row: Resource) -> None:
    for model in get_args(row.model) or (row.model,):
        bodies = [{field.alias or name: value} for name, field in model.model_fields.items() for value in WRONG]
        told = refusals(partial(validated, model), bodies)
        assert [message for message in told if FOREIGN.search(message)] == []


@pytest.mark.parametrize("name", [field.name for field in msgspec.structs.fields(Measurement)])
def test_what_is_wrong_with_a_measurement_is_told_in_the_words_of_the_api(name: str) -> None:
    right = {"meter": "m", "account": "a", "ts": "2026-01-31T00:00:00Z"}
    values = [*(one for one in WRONG if not isinstance(one, Decimal) and one != "\ud800"), 1.5, None]
    told = refusals(decode, [json.dumps({"measurements": [{**right, name: value}]}).encode() for value in values])
    assert told
    for message in told:
        assert re.match(rf"measurements\[0\]\.{name}.*: (must|the number)", message), message
        assert not FOREIGN.search(message), message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "it ends too early"),
        (b'{"a": ', "it ends too early"),
        (b'{"a": "\xff"}', "it must be encoded in UTF-8"),
        (b"[" * 200_000, "it is nested too deeply"),  # beyond any limit that other tests set
        (b"{'a': 1}", "object keys must be strings (byte 1)"),
    ],
)
def test_why_a_text_is_no_json_is_told_in_plain_words(text: bytes, message: str) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        wire.loads(text)
    assert refusal.value.message == f"the body is not valid JSON: {message}"

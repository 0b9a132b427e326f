"""Decoding measurements: exact numbers, named mistakes (metering.md 1.1)."""

import json
from decimal import Decimal
from typing import Any

import pytest

from usance.domain.kernel.errors import BodyTooLargeError, InvalidInputError
from usance.resources.measurements import decode, originals


def body(**more: Any) -> bytes:
    return json.dumps({"measurements": [{"meter": "m", "account": "a", "ts": "2026-01-01T00:00:00Z", **more}]}).encode()


def test_numbers_keep_their_digits() -> None:
    text = body(measure={"x": 0}).replace(b"0}", b"0.10000000000000000000000000000000000001}")
    assert decode(text)[0].measure == {"x": Decimal("0.10000000000000000000000000000000000001")}


def test_an_original_is_the_text_that_was_sent() -> None:
    text = b'{"measurements": [ {"meter":"m","account":"a","ts":"2026-01-01T00:00:00Z","x":1.50} ]}'
    assert decode(text)
    assert originals(text) == [b'{"meter":"m","account":"a","ts":"2026-01-01T00:00:00Z","x":1.50}']


def test_a_body_over_the_limit_is_refused() -> None:
    with pytest.raises(BodyTooLargeError, match="512000"):
        decode(body(who={"x": "y" * 520_000}))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"who": {"fine": "x", "wrong": None}}, "measurements[0].who.wrong: must be a string"),
        ({"what": [1]}, "measurements[0].what: must be an object"),
        (
            {"metadata": {"fine": "é" * 256, "long": "é" * 257}},
            "measurements[0].metadata.long: must have at most 256 characters",
        ),
        (
            {"measure": {"fine": 1, "k" * 81: 1}},
            f"measurements[0].measure.{'k' * 80} (a name): must have at most 80 characters",
        ),
        ({"ets": "2026"}, "measurements[0].ets: must be a date-time such as 2026-01-31T12:00:00Z"),
        ({"uid": {}}, "measurements[0].uid: must be a string"),
    ],
)
def test_a_mistake_is_named_by_its_path(more: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        decode(body(**more))
    assert refusal.value.message.startswith(message)


def test_an_integer_beyond_any_store_is_named_by_its_field() -> None:
    with pytest.raises(
        InvalidInputError, match=r"^measurements\[0\]\.measure\.far: the number is beyond what can be stored"
    ):
        decode(body(measure={"fine": 1, "far": 5}).replace(b"5", b"9" * 5_000))


@pytest.mark.parametrize("text", [b"\xff", b"{", b'{"measurements": "\\ud800"}', b"nul"])
def test_what_is_not_json_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidInputError):
        decode(text)


WRONG = body(who={"a": 5}).removesuffix(b"}]}")
FAR = body(measure={"b": 5}).removesuffix(b"}}]}").replace(b"5", b"1e99999999999999999999")


@pytest.mark.parametrize(
    "text",
    [
        WRONG,
        WRONG + b"}, {]}",
        WRONG + b', "more": ' + b"[" * 5_000,
        FAR,
        FAR + b'}, "who": {"a": 5}',
        FAR + b', "c": "\xff"}}]}',
    ],
)
def test_what_is_malformed_behind_a_mistake_is_refused_too(text: bytes) -> None:
    with pytest.raises(InvalidInputError, match="not valid JSON"):
        decode(text)


def test_a_mistake_behind_a_number_beyond_any_store_is_named() -> None:
    with pytest.raises(InvalidInputError, match=r"^measurements\[0\]\.who\.a: must be a string"):
        decode(FAR + b'}, "who": {"a": 5}}]}')

"""JSON in and out: digits kept, and what is not JSON or beyond any number refused by its place."""

from decimal import Decimal

import pytest

from usance.domain.kernel.errors import InvalidInputError
from usance.resources import wire

FAR = "1e99999999999999999999"  # an exponent that no Decimal takes
LONG = "9" * 5_000  # digits that no int takes


def test_numbers_keep_their_digits() -> None:
    text = b'{"a":0.10,"b":-0,"c":1E+3,"d":12345678901234567890123456789012345678}'
    value = wire.loads(text)
    assert value == {"a": Decimal("0.10"), "b": 0, "c": Decimal(1000), "d": 12345678901234567890123456789012345678}
    assert wire.dumps(value) == text.replace(b"-0", b"0")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (f'{{"a": {FAR}}}', "a"),
        (f'{{"a": 1, "b": {{"c": -{FAR}}}}}', "b.c"),
        (f'{{"a": [{{"b": 1}}, {{"b": {LONG}}}]}}', r"a\[1\].b"),
        (f"[{FAR}]", r"\[0\]"),
        (LONG, "the body"),
        ("[" * 500 + FAR + "]" * 500, r"(\[0\])+"),
    ],
)
def test_a_number_beyond_any_store_is_named_by_its_path(text: str, place: str) -> None:
    for sent in (text, text.encode()):
        with pytest.raises(InvalidInputError, match=f"^{place}: the number is beyond"):
            wire.loads(sent)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"{'a': 1}",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 01}',
        b"\xff",
        b'"\xed\xa0\x80"',
        b'"\\ud800"',
        b"[" * 100_000,
        f'{{"a": {FAR}'.encode(),
        f"[{FAR}, {'[' * 5_000}".encode(),
    ],
)
def test_what_is_not_json_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidInputError, match="not valid JSON"):
        wire.loads(text)

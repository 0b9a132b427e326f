"""JSON as the API speaks it: numbers are exact decimals both ways, and keep the digits they came with."""

from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from usance.domain.kernel.errors import InvalidInputError
from usance.resources.refusals import BEYOND, not_json

Document = dict[str, Any]
"""A JSON object in memory: str, int, Decimal, bool, None, list and dict; never a float."""

ANSWER_MAX_BYTES: Final = 6_000_000
"""Of what a Lambda function answers, which has 6 MiB at most with headers."""

_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)
_SKIPPER: Final = msgspec.json.Decoder(msgspec.Raw)
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
_PATH_STEPS_MAX: Final = 16  # more than any noun nests; looking for a number reads what holds it once per step


def loads(text: bytes | str) -> Any:
    """Parse JSON. Raises `InvalidInputError` that says where the text is malformed; NaN and Infinity are malformed.

    A number that neither a decimal nor an integer can hold, such as 1e99999999999999999999, is refused by its path.
    """
    try:
        return _decoded(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as malformed:
        raise InvalidInputError(not_json(malformed)) from malformed


def is_json(text: bytes) -> bool:
    """Whether the text is JSON, also where `loads` cannot hold a number of it."""
    try:
        text.decode()
        _SKIPPER.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def dumps(value: Any) -> bytes:
    """Serialise; a Decimal becomes a JSON number with its own digits."""
    return _ENCODER.encode(value)


def answer_bytes(text: bytes) -> int:
    """How many bytes `text` takes in what a Lambda function answers: there it is a string within JSON."""
    return len(dumps(text.decode()))


def _decoded(text: bytes | str) -> Any:
    try:
        return _DECODER.decode(text)
    except (InvalidOperation, msgspec.ValidationError) as beyond:
        raise InvalidInputError(f"{_place_of_number(text)}: {BEYOND}") from beyond


def _place_of_number(text: bytes | str) -> str:
    """The path of the first number that cannot be read, by descending into the member that does not decode."""
    path = ""
    rest = msgspec.Raw(text if isinstance(text, bytes) else text.encode())
    for _ in range(_PATH_STEPS_MAX):
        step = next((step for step in _members(rest) if not _readable(step[1])), None)
        if step is None:
            break
        name, rest = step
        path += name
    return path.removeprefix(".") or "the body"


def _members(text: msgspec.Raw) -> list[tuple[str, msgspec.Raw]]:
    match bytes(text).lstrip()[:1]:
        case b"{":
            members = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
            return [(f".{name}", member) for name, member in members.items()]
        case b"[":
            items = msgspec.json.decode(text, type=list[msgspec.Raw])
            return [(f"[{position}]", item) for position, item in enumerate(items)]
        case _:
            return []


def _readable(text: msgspec.Raw) -> bool:
    try:
        _DECODER.decode(text)
    except (InvalidOperation, msgspec.ValidationError):
        return False
    return True

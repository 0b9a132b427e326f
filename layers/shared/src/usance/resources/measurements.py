"""Measurements on the wire (metering.md 1.1), decoded straight into typed rows: this is the hottest path of all."""

import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from usance.domain.kernel.errors import BodyTooLargeError, InvalidInputError
from usance.domain.metering.submission import (
    CODE_MAX_CHARS,
    MEASUREMENTS_MAX,
    METADATA_MAX_CHARS,
    OF_REQUEST,
    TEXT_MAX_CHARS,
    UID_MAX_CHARS,
    Bounds,
)
from usance.resources.refusals import REQUIRED, not_json, of_msgspec

EntityCode = Annotated[str, Meta(min_length=1, max_length=CODE_MAX_CHARS)]
FieldCode = Annotated[str, Meta(max_length=CODE_MAX_CHARS)]
Texts = dict[FieldCode, Annotated[str, Meta(max_length=TEXT_MAX_CHARS)]]
Numbers = dict[FieldCode, Any]  # a number's digits survive only as Any; `submission.check` looks at the types


class Measurement(msgspec.Struct, frozen=True, gc=False):
    """One measurement as it was sent. Unknown members are ignored."""

    meter: EntityCode
    account: EntityCode
    ts: datetime
    uid: Annotated[str, Meta(min_length=1, max_length=UID_MAX_CHARS)] | None = None
    ets: datetime | None = None
    who: Texts | None = None
    what: Texts | None = None
    where: Texts | None = None
    other: Texts | None = None
    metadata: dict[FieldCode, Annotated[str, Meta(max_length=METADATA_MAX_CHARS)]] | None = None
    measure: Numbers | None = None
    cost: Numbers | None = None
    income: Numbers | None = None


class _Body(msgspec.Struct):
    measurements: Annotated[list[Measurement], Meta(min_length=1)]


class _TimeTexts(msgspec.Struct):
    ts: str
    ets: str | None = None


class _TimeTextsBody(msgspec.Struct):
    measurements: list[_TimeTexts]


class _RawBody(msgspec.Struct):
    measurements: list[msgspec.Raw]


def _lenient(text: str) -> Decimal:
    """Infinity for an exponent that no decimal holds, so that the check of numbers can name the field."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal("Infinity")


_DECODER: Final = msgspec.json.Decoder(_Body, float_hook=Decimal)
_LENIENT_DECODER: Final = msgspec.json.Decoder(_Body, float_hook=_lenient)
_RAW_DECODER: Final = msgspec.json.Decoder(_RawBody)
_TIME_TEXTS_DECODER: Final = msgspec.json.Decoder(_TimeTextsBody)
_FINER_TIME: Final = re.compile(rb":[0-9]{2}\.[0-9]{7}")  # wherever it stands: it only tells that a look is worth while
_FINER_DIGITS: Final = re.compile(r"(\.[0-9]{6})[0-9]+")
_TEXTS: Final = frozenset({"who", "what", "where", "other", "metadata"})


def decode(body: bytes, bounds: Bounds = OF_REQUEST) -> list[Measurement]:
    """The measurements of a request, or of a part of a file, their times cut to microseconds.

    Raises `InvalidInputError` naming the first wrong field, or `BodyTooLargeError`.
    """
    if len(body) > bounds.body_bytes:
        raise BodyTooLargeError(
            f"the body has {len(body)} bytes; the limit is {bounds.body_bytes}: send fewer measurements"
        )
    try:
        measurements = _decoded(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as malformed:
        raise InvalidInputError(not_json(malformed)) from malformed
    if len(measurements) > bounds.measurements:
        raise InvalidInputError(f"measurements: must have 1 to {bounds.measurements} items")
    return _with_times_cut(measurements, body) if _FINER_TIME.search(body) else measurements


def _decoded(body: bytes) -> list[Measurement]:
    """Naming a mistake reads on behind it, where the text may be malformed: a `DecodeError` as well."""
    try:
        return _DECODER.decode(body).measurements
    except InvalidOperation:
        pass
    except msgspec.ValidationError as invalid:
        raise InvalidInputError(_named(str(invalid), body)) from invalid
    try:
        return _LENIENT_DECODER.decode(body).measurements
    except msgspec.ValidationError as invalid:
        raise InvalidInputError(_named(str(invalid), body)) from invalid


def _with_times_cut(measurements: Sequence[Measurement], body: bytes) -> list[Measurement]:
    """Decoding rounds finer digits, which would move the last instant of a month into the next; cutting does not."""
    texts = _TIME_TEXTS_DECODER.decode(body).measurements
    return [
        msgspec.structs.replace(measurement, ts=_cut(text.ts), ets=None if text.ets is None else _cut(text.ets))
        for measurement, text in zip(measurements, texts, strict=True)
    ]


def _cut(text: str) -> datetime:
    return msgspec.convert(_FINER_DIGITS.sub(r"\1", text), datetime)


def originals(body: bytes) -> list[bytes]:
    """The measurements of a body that `decode` accepts, each as the JSON text that was sent."""
    return [bytes(raw) for raw in _RAW_DECODER.decode(body).measurements]


def _named(message: str, body: bytes) -> str:
    """`message` with the field in front: `measurements[3].ts: …`."""
    problem, _, place = message.partition(" - at `")
    path = place.removeprefix("key` in `").rstrip("`").removeprefix("$").removeprefix(".") or "the body"
    missing = re.fullmatch(r"Object missing required field `(\w+)`", problem)
    if missing:
        return f"{missing[1] if path == 'the body' else f'{path}.{missing[1]}'} {REQUIRED}"
    if path == "measurements" and "length" in problem:
        return f"{path}: must have 1 to {MEASUREMENTS_MAX} items"
    return f"{_culprit(path, body)}: {of_msgspec(problem)}"


def _culprit(path: str, body: bytes) -> str:
    """A path that ends in a map, completed by the key that is wrong or has the wrong value."""
    found = re.fullmatch(r"measurements\[(\d+)\]\.(\w+)(\[\.\.\.\])?", path)
    if not found:
        return path
    members = msgspec.json.decode(originals(body)[int(found[1])], type=dict[str, msgspec.Raw])[found[2]]
    try:
        values = msgspec.json.decode(members, type=dict[str, msgspec.Raw])
    except msgspec.ValidationError:
        return path
    longest = METADATA_MAX_CHARS if found[2] == "metadata" else TEXT_MAX_CHARS
    for code, value in values.items():
        wrong = not _is_text(value, longest) if found[2] in _TEXTS else not _is_readable(value)
        if len(code) > CODE_MAX_CHARS or wrong:
            a_name = " (a name)" if len(code) > CODE_MAX_CHARS else ""
            return f"measurements[{found[1]}].{found[2]}.{code[:CODE_MAX_CHARS]}{a_name}"
    return path


def _is_text(value: msgspec.Raw, longest: int) -> bool:
    try:
        return len(msgspec.json.decode(value, type=str)) <= longest
    except msgspec.ValidationError:
        return False


def _is_readable(value: msgspec.Raw) -> bool:
    """Whether the number is one that an integer can hold."""
    try:
        msgspec.json.decode(value)
    except msgspec.ValidationError:
        return False
    return True

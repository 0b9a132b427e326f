"""The values of a JSON array of any length, one at a time, in bounded memory (metering.md 2).

The array is cut into the texts of its values, which costs a look at each bracket and string; a text is parsed when it is whole.
"""

import codecs
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import msgspec

from usance.domain.kernel.errors import InvalidInputError
from usance.resources import wire

READ_BYTES: Final = 262_144  # at a time: no more than a row is kept beside it
ROW_MAX_BYTES: Final = 1_048_576  # our choice; a request may hold half of it
DEPTH_MAX: Final = 32  # our choice; a measurement needs two

_STRING: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_WITHIN: Final = re.compile(rb'(?:[^"\[\]{}]++|' + _STRING + rb")*+", re.DOTALL)  # up to the next bracket
_BETWEEN: Final = re.compile(rb'(?:[^"\[\]{},]++|' + _STRING + rb")*+", re.DOTALL)  # the same, or the next comma
_OPENING: Final = frozenset({b"[", b"{"})
_COMMA: Final = b","
_CLOSE: Final = b"]"
_ENDING: Final = frozenset({_COMMA, _CLOSE, b"}"})
_INNER: Final = b""  # a bracket that closed within a value


def json_values(stream: BinaryIO, malformed: list[InvalidInputError], start: int = 0) -> Iterator[Any]:
    """The values of the array, from number `start` on; where it ends to be one, `malformed` says why.

    A value that is JSON, but has a number that nothing here can hold, is handed out as its text: it spoils its row alone.
    """
    try:
        for number, text in enumerate(_texts(stream)):
            if number >= start:
                yield _value(text, number)
    except InvalidInputError as found:
        malformed.append(found)


def _value(text: bytes, number: int) -> Any:
    try:
        return wire.loads(text)
    except InvalidInputError as refused:
        if wire.is_json(text):
            return msgspec.Raw(text)
        raise InvalidInputError(f"the file is not valid JSON: row {number}: {refused.message}") from refused


def _texts(stream: BinaryIO) -> Iterator[bytes]:
    """The text of each value, once it is whole. Brackets are counted, not matched: parsing the text does that."""
    count, start, text = 0, 0, _Text(_behind_the_bracket(stream))
    while True:
        if (mark := text.next_mark()) is None:
            if len(text.buffer) - start > ROW_MAX_BYTES:
                raise InvalidInputError(f"the file: row {count} is larger than {ROW_MAX_BYTES} bytes")
            text.go_on(start, _more(stream, count))
            start = 0
            continue
        if text.depth > DEPTH_MAX:
            raise InvalidInputError(f"the file: row {count} nests deeper than {DEPTH_MAX} levels")
        if mark not in _ENDING:
            continue
        value, start = text.buffer[start : text.at - 1], text.at
        if count or value.strip() or mark != _CLOSE:
            yield value
            count += 1
        if mark != _COMMA:
            _check_end(mark, text.buffer[start:], stream)
            return


class _Text:
    """What was read and not yet handed out; `at` is where to look on, `depth` how many brackets are open there."""

    def __init__(self, buffer: bytes) -> None:
        self.buffer = buffer
        self.at = 0
        self.depth = 0

    def next_mark(self) -> bytes | None:
        """A bracket, or a comma between values; None when more must be read. What ends a value is left at depth 0."""
        run = (_WITHIN if self.depth else _BETWEEN).match(self.buffer, self.at)
        self.at = run.end() if run else self.at
        mark = self.buffer[self.at : self.at + 1]
        if mark in {b"", b'"'}:  # at the end, or before a string that ends in what follows
            return None
        self.at += 1
        if mark in _OPENING:
            self.depth += 1
        elif self.depth:
            self.depth -= 1
            return _INNER
        return mark

    def go_on(self, start: int, more: bytes) -> None:
        """Forget what lies before `start`."""
        self.buffer = self.buffer[start:] + more
        self.at -= start


def _behind_the_bracket(stream: BinaryIO) -> bytes:
    """What follows it, of what was read. In front of it may be a byte order mark, as editors write it, and space."""
    text, marked = b"", False
    while more := stream.read(READ_BYTES):
        text = (text + more).lstrip()
        if not marked and text.startswith(codecs.BOM_UTF8):
            text, marked = text.removeprefix(codecs.BOM_UTF8).lstrip(), True
        if text.startswith(b"["):
            return text[1:]
        if text and (marked or not codecs.BOM_UTF8.startswith(text)):
            break
    raise InvalidInputError("the file must be a JSON array of measurements")


def _more(stream: BinaryIO, count: int) -> bytes:
    if more := stream.read(READ_BYTES):
        return more
    raise InvalidInputError(f"the file is not valid JSON: it ends within row {count}")


def _check_end(mark: bytes, rest: bytes, stream: BinaryIO) -> None:
    while mark == _CLOSE and not rest.strip():
        if not (rest := stream.read(READ_BYTES)):
            return
    raise InvalidInputError("the file is not valid JSON: it must end with the bracket of the array")

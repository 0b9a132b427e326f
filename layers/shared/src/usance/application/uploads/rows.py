"""The rows of a file, a batch at a time, in bounded memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, BinaryIO, Final

import ijson

from usance.application.uploads.csv_rows import csv_values
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.metering.submission import BODY_MAX_BYTES, MEASUREMENTS_MAX
from usance.resources import wire

READ_BYTES: Final = 262_144  # at a time: the parser keeps no more than a row beside it
CSV: Final = "text/csv"
ENVELOPE: Final = b'{"measurements":['


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows in the order of the file, as JSON texts; `first` is the number of the first one, from 0."""

    first: int
    rows: Sequence[bytes]

    def body(self) -> bytes:
        """The rows as a request carries them."""
        return ENVELOPE + b",".join(self.rows) + b"]}"


def batches(stream: BinaryIO, job_id: str, start: int, content_type: str = "") -> Iterator[Batch]:
    """The rows from number `start` on, cut at the same rows whenever the file is read from the start of a batch.

    A row without a `uid` gets one from the job and its number. Raises `InvalidInputError` where the file is no JSON
    array, or table; what was read before has been handed out.
    """
    rows: list[bytes] = []
    first, size = start, len(ENVELOPE)
    malformed: list[InvalidInputError] = []
    values = csv_values if content_type == CSV else _values
    for number, value in enumerate(values(stream, malformed)):
        if number < start:
            continue
        row = _row(value, job_id, number)
        if rows and (len(rows) == MEASUREMENTS_MAX or size + len(row) + len(rows) + 2 > BODY_MAX_BYTES):
            yield Batch(first, rows)
            rows, first, size = [], number, len(ENVELOPE)
        rows.append(row)
        size += len(row)
    if rows:
        yield Batch(first, rows)
    if malformed:
        raise malformed[0]


def _row(value: Any, job_id: str, number: int) -> bytes:
    if isinstance(value, dict) and value.get("uid") is None:
        value = {**value, "uid": f"{job_id}-{number}"}
    return wire.dumps(value)


def _values(stream: BinaryIO, malformed: list[InvalidInputError]) -> Iterator[Any]:
    """The values of the array; where it ends to be one, `malformed` says why."""
    head = _first_byte(stream)
    if head != b"[":
        malformed.append(InvalidInputError("the file must be a JSON array of measurements"))
        return
    try:
        yield from ijson.items(_Rest(head, stream), "item", buf_size=READ_BYTES)
    except (ijson.JSONError, UnicodeDecodeError, ArithmeticError) as found:
        malformed.append(InvalidInputError(f"the file is not valid JSON: {found}"))


def _first_byte(stream: BinaryIO) -> bytes:
    """The first byte that is no white space; empty at the end of the file."""
    while (byte := stream.read(1)) and byte.isspace():
        pass
    return byte


class _Rest:
    """A stream whose first byte was looked at."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self._heads = chain([head])
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most `size`."""
        if size == 0:
            return b""
        return next(self._heads, None) or self._stream.read(size)

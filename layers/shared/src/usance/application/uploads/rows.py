"""The rows of a file, a batch at a time, in bounded memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from usance.application.uploads.csv_rows import csv_values
from usance.application.uploads.json_rows import json_values
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.metering.submission import Bounds
from usance.resources import wire

CSV: Final = "text/csv"
PART: Final = Bounds(10_000, 5_120_000)  # ten requests: the more measurements of an account meet, the fewer items
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
    values = csv_values if content_type == CSV else json_values
    for number, value in enumerate(values(stream, malformed, start), start):
        row = _row(value, job_id, number)
        if rows and (len(rows) == PART.measurements or size + len(row) + len(rows) + 2 > PART.body_bytes):
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

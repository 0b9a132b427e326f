"""A trace of requests to a language model, read from CSV."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

COLUMNS: Final = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
REQUESTS_MAX: Final = 2_000_000  # a trace is held in memory
MONTHS_MAX: Final = 36  # each is billed by a job of its own
MICROSECOND_DIGITS: Final = 6


class TraceError(Exception):
    """The file is not a trace; the message names the file, the line and the fix."""


@dataclass(frozen=True, slots=True)
class LlmRequest:
    """One request: when (UTC), and how many tokens went in and came out. `number` counts the lines of the trace."""

    number: int
    time: datetime
    context_tokens: Decimal
    generated_tokens: Decimal


def read(path: Path) -> Sequence[LlmRequest]:
    """The requests of a CSV file with the columns TIMESTAMP, ContextTokens and GeneratedTokens; times are in UTC."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            requests = list(_requests(path, csv.DictReader(file, strict=True)))
    except OSError as missing:
        raise TraceError(f"{path}: {missing.strerror or missing}") from missing
    except UnicodeDecodeError as binary:
        raise TraceError(f"{path}: the file is not UTF-8 text") from binary
    except csv.Error as malformed:
        raise TraceError(f"{path}: not CSV: {malformed}") from malformed
    if not requests:
        raise TraceError(f"{path}: there is no request after the header")
    return requests


def _requests(path: Path, reader: "csv.DictReader[str]") -> Iterator[LlmRequest]:
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        found = ", ".join(reader.fieldnames or ()) or "nothing"
        raise TraceError(f"{path}, line 1: the header lacks {', '.join(missing)}; it has {found}")
    for number, row in enumerate(reader, start=1):
        place = f"{path}, line {reader.line_num}"
        if number > REQUESTS_MAX:
            raise TraceError(f"{place}: a trace may have at most {REQUESTS_MAX:,} requests")
        yield LlmRequest(
            number=number,
            time=_time(place, row["TIMESTAMP"]),
            context_tokens=_tokens(place, "ContextTokens", row["ContextTokens"]),
            generated_tokens=_tokens(place, "GeneratedTokens", row["GeneratedTokens"]),
        )


def _time(place: str, text: str | None) -> datetime:
    """Finer digits than microseconds are cut; a time that names no zone is in UTC."""
    whole, point, rest = (text or "").strip().partition(".")
    digits = len(rest) - len(rest.lstrip("0123456789"))
    fraction = rest[: min(digits, MICROSECOND_DIGITS)].ljust(MICROSECOND_DIGITS, "0")
    try:
        time = datetime.fromisoformat(f"{whole}.{fraction}{rest[digits:]}" if point else whole)
    except ValueError:
        raise TraceError(f"{place}: TIMESTAMP {text!r} is not a time such as 2023-11-16 18:17:03.979960") from None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _tokens(place: str, column: str, text: str | None) -> Decimal:
    try:
        tokens = Decimal((text or "").strip())
    except InvalidOperation:
        raise TraceError(f"{place}: {column} {text!r} is not a number") from None
    if not tokens.is_finite() or tokens < 0 or tokens != tokens.to_integral_value():
        raise TraceError(f"{place}: {column} {text!r} is not a whole number from 0 up")
    return tokens


def months(requests: Sequence[LlmRequest]) -> Sequence[tuple[int, int]]:
    """The (year, month) from the first request to the last, without a gap; `TraceError` when there are too many."""
    first, last = min(item.time for item in requests), max(item.time for item in requests)
    start, end = first.year * 12 + first.month - 1, last.year * 12 + last.month - 1
    if end - start >= MONTHS_MAX:
        raise TraceError(f"the trace spans {end - start + 1} months; at most {MONTHS_MAX} are billed")
    return [(month // 12, month % 12 + 1) for month in range(start, end + 1)]

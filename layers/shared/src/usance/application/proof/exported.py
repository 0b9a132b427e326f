"""What an export holds, read back from its files: of a job that was made, or of an export that the audit makes itself."""

import csv
import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from io import TextIOWrapper
from itertools import islice
from typing import Any, BinaryIO, Final, Protocol

from usance.application.exports.files import BESIDE, CSV, JSONL, PARQUET
from usance.application.exports.jobs import SUCCEEDED, USAGE, Job, read_job
from usance.application.exports.json_lines_file import JsonLinesFile
from usance.application.exports.usage_rows import usage_table
from usance.application.ports.usage_log import UsageScope
from usance.application.proof.period import AuditPeriod
from usance.application.proof.ports import ProofPorts
from usance.application.usage.measurement_rows import OWN_COLUMNS
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.metering.columns import Columns
from usance.domain.metering.instants import microseconds
from usance.domain.metering.meter import NUMERIC
from usance.domain.metering.tally import Tally, sum_of, tally_of
from usance.resources import instants, wire
from usance.resources.wire import Document

ROWS_AT_ONCE: Final = 20_000

_DAMAGE: Final = (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError, InvalidOperation)
_FAULTS: Final = (*_DAMAGE, InvalidInputError)
_NUMERIC: Final = tuple(f"{category.value}." for category in NUMERIC)
_PREFIX: Final = "field."


@dataclass(frozen=True, slots=True)
class Extent:
    """What an audit looks at: measurements of a period that were received up to an instant."""

    period: AuditPeriod
    until: datetime


class UnreadableExportError(Exception):
    """A file of an export is not what was written; the message says which."""


class Export(Protocol):
    """An export of usage."""

    source: Document  # as the report names it
    started_at: datetime | None  # what was received later may be missing; None when the audit makes it itself

    def scopes(self) -> Iterable[UsageScope]:
        """The meters and accounts in it that are known beforehand."""
        ...

    def tally(self, scope: UsageScope) -> Tally:
        """What it holds of a scope. `InvalidInputError` says why it holds none; `UnreadableExportError`."""
        ...


@dataclass(slots=True)
class OwnExport:
    """An export of each scope, as a job of JSON lines would write it."""

    ports: ProofPorts
    extent: Extent
    source: Document = field(default_factory=lambda: {"kind": "MADE_BY_AUDIT", "exportFileFormat": JSONL})
    started_at: datetime | None = None

    def scopes(self) -> Iterable[UsageScope]:
        return ()

    def tally(self, scope: UsageScope) -> Tally:
        asked: Document = {
            "sourceType": USAGE,
            "meterIds": [scope.meter_id],
            "accountIds": [scope.account_id],
            "startDate": instants.to_text(self.extent.period.start),
            "endDate": instants.to_text(self.extent.period.end),
        }
        try:
            return self._made(scope, asked)
        except _DAMAGE as fault:
            where = f"the meter {scope.meter_id} of the account {scope.account_id}"
            raise UnreadableExportError(f"no export can be made of {where}: {fault}") from fault

    def _made(self, scope: UsageScope, asked: Document) -> Tally:
        table = usage_table(self.ports.exporting(), scope.org_id, asked)
        with JsonLinesFile() as file:
            for chunk in table.chunks({}):
                file.write(chunk.rows)
            return _tallies(_json_lines(file.finish()), scope.org_id, self.extent).get(scope, Tally())


@dataclass(slots=True)
class JobExport:
    """The files of a job, read once."""

    source: Document
    started_at: datetime | None
    asked: Document
    tallies: Mapping[UsageScope, Tally] | None
    problem: str = ""

    def scopes(self) -> Iterable[UsageScope]:
        return self.tallies or ()

    def tally(self, scope: UsageScope) -> Tally:
        if self.tallies is None:
            raise UnreadableExportError(self.problem)
        for name, id_ in (("meterIds", scope.meter_id), ("accountIds", scope.account_id)):
            if self.asked.get(name) and id_ not in self.asked[name]:
                raise InvalidInputError(f"the export job was asked for other {name}")
        return self.tallies.get(scope, Tally())


def export_of(ports: ProofPorts, org_id: str, extent: Extent, job_id: str | None) -> Export:
    """The export of a job, or one of the audit's own. `InvalidInputError` when the job is not one of the whole period."""
    if job_id is None:
        return OwnExport(ports, extent)
    job = read_job(ports.entities, org_id, job_id)
    if job is None:
        raise InvalidInputError(f"exportJobId: there is no export job {job_id}")
    _check(job, extent.period)
    format_ = job.asked["exportFileFormat"]
    source = {"kind": "JOB", "jobId": job_id, "exportFileFormat": format_}
    started = instants.from_text(job.document["startedAt"])
    try:
        tallies = _tallies(_rows(ports, job, format_), org_id, extent)
    except (UnreadableExportError, *_FAULTS) as unreadable:
        return JobExport(source, started, job.asked, None, str(unreadable))
    return JobExport(source, started, job.asked, tallies)


def _check(job: Job, period: AuditPeriod) -> None:
    asked = job.asked
    if job.document["status"] != SUCCEEDED or asked["sourceType"] != USAGE:
        raise InvalidInputError("exportJobId must be that of a job of usage that SUCCEEDED")
    if asked.get("aggregations") or asked.get("dimensionFilters"):
        raise InvalidInputError("exportJobId must be that of a job of whole measurements: no aggregations, no filters")
    start, end = (instants.from_text(asked[name]) for name in ("startDate", "endDate"))
    if start > period.start or end < period.end:
        raise InvalidInputError("exportJobId must be that of a job whose startDate and endDate hold the whole period")


def _rows(ports: ProofPorts, job: Job, format_: str) -> Iterator[Document]:
    readers: Mapping[str, Callable[[BinaryIO], Iterator[Document]]] = {PARQUET: ports.parquet_rows, CSV: _csv_lines}
    for file in job.made["files"]:
        try:
            with ports.blobs.open(file["key"]) as stream:
                yield from readers.get(format_, _json_lines)(stream)
        except _FAULTS as fault:
            raise UnreadableExportError(f"the file {file['name']} of the export cannot be read: {fault}") from fault


def _json_lines(stream: BinaryIO) -> Iterator[Document]:
    with gzip.open(stream) as lines:
        for line in lines:
            yield wire.loads(line)


def _csv_lines(stream: BinaryIO) -> Iterator[Document]:
    """Rows as JSON lines have them: the heads of the columns say which hold numbers."""
    with TextIOWrapper(gzip.GzipFile(fileobj=stream), "utf-8", newline="") as text:
        lines = csv.reader(text)
        heads = next(lines)
        wide = heads[-1] == BESIDE
        names = [head if head in OWN_COLUMNS else _PREFIX + head.partition(".")[2] for head in heads]
        numeric = [head.startswith(_NUMERIC) for head in heads]
        for line in lines:
            beside = wire.loads(line.pop()) if wide and line[-1] else {}
            cells = zip(names, numeric, line, strict=False)
            row = {name: Decimal(cell) if number else cell for name, number, cell in cells if cell}
            yield {**row, **beside}


def _tallies(rows: Iterator[Document], org_id: str, extent: Extent) -> dict[UsageScope, Tally]:
    """By meter and account, of the rows in the extent."""
    low, high = microseconds(extent.period.start), microseconds(extent.period.end)
    until = microseconds(extent.until)
    found: dict[UsageScope, Tally] = {}
    while some := list(islice(rows, ROWS_AT_ONCE)):
        by_scope: dict[UsageScope, list[tuple[int, Document]]] = {}
        for row in some:
            ts = _instant(row["ts"])
            if low <= ts < high and _instant(row["receivedAt"]) <= until:
                by_scope.setdefault(UsageScope(org_id, row["meterId"], row["accountId"]), []).append((ts, row))
        for scope, own in by_scope.items():
            found[scope] = sum_of([found.get(scope, Tally()), tally_of(_columns(own))])
    return found


def _columns(rows: Sequence[tuple[int, Document]]) -> Columns:
    fields = [
        {name.removeprefix(_PREFIX): value for name, value in row.items() if name not in OWN_COLUMNS} for _, row in rows
    ]
    codes = {code for one in fields for code in one}
    return Columns(
        [row["uid"] for _, row in rows],
        [ts for ts, _ in rows],
        [_instant(row["ets"]) if row.get("ets") else None for _, row in rows],
        {code: [_number(one.get(code)) for one in fields] for code in codes},
        {code: [_text(one.get(code)) for one in fields] for code in codes},
    )


def _instant(text: str) -> int:
    return microseconds(instants.from_text(text))


def _number(value: Any) -> Decimal | int | None:
    return value if isinstance(value, Decimal | int) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None

"""Make the files of an export job, from where it was left (metering.md 8)."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Final

from usance.application.busy import FAULTS_MAX, delay_seconds
from usance.application.exports import files
from usance.application.exports.archive import archived
from usance.application.exports.chunks import Cursor, Table
from usance.application.exports.csv_file import CsvFile
from usance.application.exports.jobs import (
    FAILED,
    OVER,
    PENDING,
    RUNNING,
    SUCCEEDED,
    USAGE,
    Job,
    change_job,
    message,
    read_job,
)
from usance.application.exports.json_lines_file import JsonLinesFile
from usance.application.exports.operational_rows import operational_table
from usance.application.exports.ports import ExportWorkbench, RowFile
from usance.application.exports.usage_rows import usage_table
from usance.application.ports.events import Event
from usance.domain.exports.object_keys import TYPE_FIRST, object_key
from usance.domain.kernel.errors import InvalidInputError, NotFoundError, UnavailableError, VersionConflictError
from usance.domain.kernel.ids import derived_id
from usance.resources import instants
from usance.resources.wire import Document

FILE_ROWS_MAX: Final = 1_000_000  # then another file begins: what a worker that dies has to make again
EVENT_NAME: Final = "dataexport.job.failure"
EVENT_TYPE: Final = "DataExportJobFailure"

_logger = logging.getLogger(__name__)

_TOLD: Final = frozenset({"scheduleId", "sourceType", "dateCreated"})


def run_export_job(
    bench: ExportWorkbench,
    org_id: str,
    job_id: str,
    *,
    time_is_up: Callable[[], bool],
    faults: int = 0,
    last_try: bool = False,
) -> str | None:
    """The status of the job afterwards; None when there is no such job. A job that is over stays as it is.

    When `time_is_up` between two files, a message goes onto the queue that goes on from there. So it does when a store or
    a destination is busy, later each time, unless that happened `FAULTS_MAX` times without a file made, or at the
    `last_try`; `faults` is how often it did before. What cannot be exported leaves the job FAILED, and an event says
    why, and so does any other fault, which would come again with the message.
    """
    job = _begun(bench, org_id, job_id)
    if job is None or job.document["status"] in OVER:
        return _told(bench, org_id, job)
    work, made_before = _Work(bench, org_id, job), job.made
    try:
        done = work.go_on(time_is_up)
    except (InvalidInputError, NotFoundError) as refused:
        return _fail(bench, org_id, job_id, refused.message)
    except VersionConflictError:
        return RUNNING  # another worker has it, and goes on
    except UnavailableError:
        again = 1 if work.job.made != made_before else faults + 1
        if last_try or again == FAULTS_MAX:
            return _fail(bench, org_id, job_id, "the stores or destinations of the export did not answer")
        bench.ports.queue.send([message(org_id, job_id) | {"faults": again}], delay_seconds=delay_seconds(again))
        return RUNNING
    except Exception as fault:
        _logger.exception("the export %s of %s cannot be made", job_id, org_id)
        reason = f"a fault of this deployment, {type(fault).__name__}; its log of the export worker says more"
        return _fail(bench, org_id, job_id, reason)
    if not done:
        bench.ports.queue.send([message(org_id, job_id)])
        return RUNNING
    return SUCCEEDED


def _begun(bench: ExportWorkbench, org_id: str, job_id: str) -> Job | None:
    job = read_job(bench.ports.entities, org_id, job_id)
    if job is None or job.document["status"] != PENDING:
        return job
    now = bench.ports.clock.now()
    fields = {"status": RUNNING, "startedAt": instants.to_text(now)}
    begun = change_job(bench.ports.entities, org_id, job, now, fields, job.made)
    return begun or read_job(bench.ports.entities, org_id, job_id)


@dataclass(slots=True)
class _Work:
    """A job being worked at. `job.made` holds `files`, the number of the `table` that is next, and its `cursor`."""

    bench: ExportWorkbench
    org_id: str
    job: Job

    def go_on(self, time_is_up: Callable[[], bool]) -> bool:
        """Whether every file is made; False when time was up before."""
        tables = self._tables()
        while (at := self.job.made.get("table", 0)) < len(tables):
            self._make_file(tables[at](), time_is_up)
            if time_is_up():
                return False
        download = self._download()
        self._record({**self.job.made, "download": download}, SUCCEEDED)
        return True

    def _tables(self) -> Sequence[Callable[[], Table]]:
        asked = self.job.asked
        if asked["sourceType"] == USAGE:
            return [lambda: usage_table(self.bench.questions(), self.org_id, asked)]
        since = asked.get("startDate")
        return [
            lambda name=name: operational_table(self.bench, self.org_id, name, since)  # type: ignore[misc]
            for name in asked["operationalDataTypes"]
        ]

    def _make_file(self, table: Table, time_is_up: Callable[[], bool]) -> None:
        made = self.job.made
        cursor: Cursor = made.get("cursor", {})
        with self._new_file(table) as file:
            whole = True
            for chunk in table.chunks(cursor):
                file.write(chunk.rows)
                cursor = chunk.following
                if cursor and (file.rows >= FILE_ROWS_MAX or time_is_up()):
                    whole = False
                    break
            stored = self._store(table, file.finish(), len(made.get("files", ())))
        done = {"files": [*made.get("files", ()), stored]}
        at = int(made.get("table", 0))
        self._record({**done, "table": at + 1} if whole else {**done, "table": at, "cursor": cursor})

    def _new_file(self, table: Table) -> RowFile:
        match self.job.asked["exportFileFormat"]:
            case files.PARQUET:
                return self.bench.parquet(table)
            case files.CSV:
                return CsvFile(table)
            case _:
                return JsonLinesFile()

    def _store(self, table: Table, stream: BinaryIO, number: int) -> Document:
        """Put a file into the documents bucket, and into each destination; doing it again replaces it."""
        at = instants.from_text(self.job.document["dateCreated"])
        ending, type_ = (known[self.job.asked["exportFileFormat"]] for known in (files.ENDINGS, files.TYPES))
        file_id = derived_id(self.job.document["id"], str(number))
        key = object_key(f"{self.org_id}/exports", self.org_id, table.type, at, file_id, ending)
        self.bench.blobs.put_stream(key, stream, type_)
        for destination in self._destinations():
            first = destination["partitionOrder"] == TYPE_FIRST
            prefix = destination.get("prefix") or ""
            theirs = object_key(prefix, self.org_id, table.type, at, file_id, ending, type_first=first)
            with self.bench.blobs.open(key) as copy:
                self.bench.targets.put(self.org_id, destination, theirs, copy, {"ContentType": type_})
        return {"key": key, "name": f"{file_id}_{table.type}.{ending}"}

    def _destinations(self) -> Sequence[Document]:
        ids = self.job.asked.get("destinationIds") or []
        found = self.bench.ports.entities.get_many(self.org_id, "dataExportDestination", ids) if ids else []
        if len(found) < len(ids):
            missing = sorted(set(ids) - {one["id"] for one in found})
            raise NotFoundError(f"there is no data export destination {missing[0]}")
        return found

    def _download(self) -> Document:
        """The job's only file, or an archive of all."""
        stored = self.job.made["files"]
        return stored[0] if len(stored) == 1 else archived(self.bench.blobs, self.org_id, self.job, stored)

    def _record(self, made: Document, status: str = RUNNING) -> None:
        after = change_job(self.bench.ports.entities, self.org_id, self.job, self._now(), {"status": status}, made)
        if after is None:
            raise VersionConflictError("another worker has the job")
        self.job = after

    def _now(self) -> datetime:
        return self.bench.ports.clock.now()


def _fail(bench: ExportWorkbench, org_id: str, job_id: str, reason: str) -> str | None:
    """The status of the job; RUNNING when another worker changed it meanwhile, which goes on with it."""
    job = read_job(bench.ports.entities, org_id, job_id)
    if job is None or job.document["status"] in OVER:
        return _told(bench, org_id, job)
    made = {**job.made, "reason": reason}
    failed = change_job(bench.ports.entities, org_id, job, bench.ports.clock.now(), {"status": FAILED}, made)
    return _told(bench, org_id, failed) if failed else RUNNING


def _told(bench: ExportWorkbench, org_id: str, job: Job | None) -> str | None:
    """The status of the job. One that failed has its event: who failed it may have died before it was raised.

    The event follows from what the job says, so that raising it again changes nothing, and no other job has one.
    """
    if job is None:
        return None
    if job.document["status"] == FAILED and "reason" in job.made:
        detail: Document = {"jobId": job.document["id"], "message": job.made["reason"]}
        detail |= {name: value for name, value in job.document.items() if name in _TOLD}
        event_id = derived_id(org_id, EVENT_NAME, job.document["id"])
        at = instants.from_text(job.document["dtLastModified"])
        bench.events.append(
            Event(event_id, org_id, EVENT_NAME, at, detail, type=EVENT_TYPE, resource_id=job.document["id"])
        )
    status: str = job.document["status"]
    return status

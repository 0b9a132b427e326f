"""The jobs of files: where a file lies, and how a job moves on."""

from collections.abc import Callable
from typing import Final

from usance.application import uploaded_files
from usance.application.audit import updated
from usance.application.ports.clock import Clock
from usance.application.ports.entities import EntityRepository, Put
from usance.domain.kernel.errors import UnavailableError, VersionConflictError
from usance.resources.file_upload import FILE_UPLOAD_JOB
from usance.resources.wire import Document

FOLDER: Final = "uploads/measurements"
NOT_UPLOADED: Final = "notUploaded"
RUNNING: Final = "running"
SUCCEEDED: Final = "succeeded"
FAILED: Final = "failed"
ATTEMPTS_MAX: Final = 5  # two workers may have one file for a moment, when a message comes twice


def file_key(org_id: str, job_id: str) -> str:
    """Where the file of a job lies."""
    return uploaded_files.file_key(org_id, FOLDER, job_id)


def change_job(
    entities: EntityRepository, clock: Clock, org_id: str, job_id: str, change: Callable[[Document], Document | None]
) -> Document | None:
    """The job after `change`, which answers the fields that change, or None to leave it; None without such a job."""
    for _ in range(ATTEMPTS_MAX):
        old = entities.get(org_id, FILE_UPLOAD_JOB.type, job_id)
        if old is None:
            return None
        fields = change(old)
        if fields is None:
            return old
        body = {name: value for name, value in old.items() if name not in {"id", "version"}}
        new = updated({**body, **fields}, old, old["lastModifiedBy"], clock.now())
        try:
            entities.commit(org_id, [Put(FILE_UPLOAD_JOB.type, new, int(old["version"]))])
        except VersionConflictError:
            continue
        return new
    raise UnavailableError(f"the job {job_id} keeps changing; it goes on when its message comes again")

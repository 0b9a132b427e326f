"""Hand out the file of a failure (metering.md 1.8)."""

from datetime import timedelta
from typing import Final

from usance.application.access.authorize import require
from usance.application.ingest.report_failures import failed_ingest_prefix
from usance.application.ports.blobs import BlobStore
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import InvalidInputError, NotFoundError
from usance.resources.wire import Document

VALID_FOR: Final = timedelta(minutes=5)
FILE_MAX_CHARS: Final = 1_024  # the length of an S3 key


def get_failed_ingest_url(blobs: BlobStore, caller: Caller, file: str | None) -> Document:
    """A URL that is valid for five minutes. `NotFoundError` unless `file` is one of the caller's organization."""
    require(caller, Action.MEASUREMENTS_RETRIEVE, "measurement")
    if not file:
        raise InvalidInputError("the query parameter file is required: it stands in the event's getDownloadUrl")
    own = file.startswith(failed_ingest_prefix(caller.org_id)) and ".." not in file and len(file) <= FILE_MAX_CHARS
    if not own or not blobs.exists(file):
        raise NotFoundError(f"there is no file {file[:FILE_MAX_CHARS]!r} of failed ingest")
    return {"url": blobs.download_url(file, valid_for=VALID_FOR)}

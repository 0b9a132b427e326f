"""Hand out the file of a failure (metering.md 1.8)."""

import re
from datetime import timedelta
from typing import Final

from usance.application.access.authorize import require
from usance.application.ingest.failure_events import failed_ingest_prefix
from usance.application.ports.blobs import BlobStore
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import InvalidInputError, NotFoundError
from usance.resources.wire import Document

VALID_FOR: Final = timedelta(minutes=5)
SHOWN_MAX_CHARS: Final = 200  # of a name that is not ours

_NAME: Final = re.compile(r"[0-9a-f-]{36}\.json")


def get_failed_ingest_url(blobs: BlobStore, caller: Caller, file: str | None) -> Document:
    """A URL that is valid for five minutes. `NotFoundError` unless `file` is one of the caller's organization."""
    require(caller, Action.MEASUREMENTS_RETRIEVE, "measurement")
    if not file:
        raise InvalidInputError("the query parameter file is required: it stands in the event's getDownloadUrl")
    prefix = failed_ingest_prefix(caller.org_id)
    own = file.startswith(prefix) and _NAME.fullmatch(file.removeprefix(prefix))
    if not own or not blobs.exists(file):
        raise NotFoundError(f"there is no file {file[:SHOWN_MAX_CHARS]!r} of failed ingest")
    return {"url": blobs.download_url(file, valid_for=VALID_FOR)}

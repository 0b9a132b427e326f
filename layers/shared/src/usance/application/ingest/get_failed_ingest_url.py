"""Hand out the file of a failure (metering.md 1.8)."""

import re
from datetime import timedelta
from typing import Final

from usance.application.access.authorize import require
from usance.application.ingest.failure_events import FailureLog, file_of
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import InvalidInputError, NotFoundError
from usance.resources.wire import Document

VALID_FOR: Final = timedelta(minutes=5)
SHOWN_MAX_CHARS: Final = 200  # of a name that is not ours

_EVENT_ID: Final = re.compile(r"[0-9a-f-]{36}")


def get_failed_ingest_url(failures: FailureLog, caller: Caller, file: str | None) -> Document:
    """A URL that is valid for five minutes. `NotFoundError` unless `file` is one of the caller's organization."""
    require(caller, Action.MEASUREMENTS_RETRIEVE, "measurement")
    if not file:
        raise InvalidInputError("the query parameter file is required: it stands in the event's getDownloadUrl")
    event_id = file.rpartition("/")[2].removesuffix(".json")
    own = _EVENT_ID.fullmatch(event_id) and file == file_of(caller.org_id, event_id)
    if not own or not failures.has_file(caller.org_id, event_id):
        raise NotFoundError(f"there is no file {file[:SHOWN_MAX_CHARS]!r} of failed ingest")
    return {"url": failures.blobs.download_url(file, valid_for=VALID_FOR)}

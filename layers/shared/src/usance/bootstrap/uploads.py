"""What reading files of measurements runs on."""

from functools import cache

from usance.application.uploads.ports import UploadWorkbench
from usance.bootstrap import stores
from usance.bootstrap.ingest import build_ingest


@cache
def upload_workbench() -> UploadWorkbench:
    """That of this deployment."""
    ingest = build_ingest()
    return UploadWorkbench(ingest.ports, ingest.directory, stores.upload_queue())

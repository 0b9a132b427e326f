"""What reading uploaded files runs on."""

from dataclasses import dataclass
from functools import cache

from usance.application.lookups.ports import LookupPorts
from usance.application.uploads.ports import UploadWorkbench
from usance.bootstrap import stores
from usance.bootstrap.ingest import build_ingest


@dataclass(frozen=True, slots=True)
class UploadWorker:
    """For files of measurements, and for files of lookup tables."""

    measurements: UploadWorkbench
    lookups: LookupPorts


@cache
def upload_worker() -> UploadWorker:
    """That of this deployment."""
    ingest = build_ingest()
    return UploadWorker(
        UploadWorkbench(ingest.ports, ingest.directory, stores.upload_queue()),
        LookupPorts(stores.entities(), stores.clock(), stores.ids(), stores.blobs()),
    )

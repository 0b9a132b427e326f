"""What reading uploaded files runs on."""

from dataclasses import dataclass
from functools import cache

from usance.application.lookups.ports import LookupPorts, LookupWorkbench
from usance.application.uploads.ports import UploadWorkbench
from usance.bootstrap import stores
from usance.bootstrap.ingest import build_ingest


@dataclass(frozen=True, slots=True)
class UploadWorker:
    """For files of measurements, and for files of lookup tables."""

    measurements: UploadWorkbench
    lookups: LookupWorkbench


@cache
def upload_worker() -> UploadWorker:
    """That of this deployment."""
    ingest = build_ingest()
    lookups = LookupPorts(stores.entities(), stores.clock(), stores.ids(), stores.blobs())
    return UploadWorker(
        UploadWorkbench(ingest.ports, ingest.directory, stores.upload_queue()),
        LookupWorkbench(lookups, stores.upload_queue()),
    )

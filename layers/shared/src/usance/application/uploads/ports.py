"""What files of measurements need."""

from dataclasses import dataclass

from usance.application.ingest.directory import Directory
from usance.application.ingest.ports import IngestPorts
from usance.application.ports.queue import Queue


@dataclass(frozen=True, slots=True)
class UploadWorkbench:
    """What reading a file needs: all of ingest, and the queue that goes on with it."""

    ingest: IngestPorts
    directory: Directory
    queue: Queue

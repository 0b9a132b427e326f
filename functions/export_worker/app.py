"""Makes the files of exports."""

from usance.entrypoints.queue import export_worker

handler = export_worker.handler()

"""Makes few items of many small ones."""

from usance.entrypoints.queue import merge_worker

handler = merge_worker.handler()

"""Makes statements."""

from usance.entrypoints.queue import statement_worker

handler = statement_worker.handler()

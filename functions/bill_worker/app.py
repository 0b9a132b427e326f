"""Expands bill jobs and bills accounts."""

from usance.entrypoints.queue import bill_worker

handler = bill_worker.handler()

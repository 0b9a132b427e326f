"""Stores measurements that were accepted by way of the queue."""

from usance.entrypoints.queue import ingest_worker

handler = ingest_worker.handler()

"""Reads files of measurements."""

from usance.entrypoints.queue import upload_worker

handler = upload_worker.handler()

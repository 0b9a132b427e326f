"""Takes measurements."""

from usance.entrypoints.http import ingest

handler = ingest.handler()

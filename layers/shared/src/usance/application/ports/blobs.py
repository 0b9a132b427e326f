"""Documents kept as objects: statements, exports, failed ingest."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol


class BlobStore(Protocol):
    """Objects by key `org/kind/…`."""

    def put(self, key: str, body: bytes, content_type: str) -> None:
        """Store or replace an object; durable on return."""
        ...

    def get(self, key: str) -> bytes:
        """The object's bytes. `NotFoundError` when there is none."""
        ...

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; those that are not there are no fault."""
        ...

    def exists(self, key: str) -> bool:
        """Whether there is an object."""
        ...

    def download_url(self, key: str, *, valid_for: timedelta, file_name: str | None = None) -> str:
        """A presigned GET."""
        ...

"""Documents kept as objects: statements, exports, failed ingest."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import BinaryIO, Protocol


class BlobStore(Protocol):
    """Objects by key `org/kind/…`."""

    def put(self, key: str, body: bytes, content_type: str) -> None:
        """Store or replace an object; durable on return."""
        ...

    def put_stream(self, key: str, stream: BinaryIO, content_type: str) -> None:
        """Store or replace an object, read piece by piece; durable on return. The stream may be closed afterwards."""
        ...

    def get(self, key: str) -> bytes:
        """The object's bytes. `NotFoundError` when there is none."""
        ...

    def copy(self, source: str, target: str) -> None:
        """Make `target` the object that `source` is. `NotFoundError` when there is none."""
        ...

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; those that are not there are no fault."""
        ...

    def exists(self, key: str) -> bool:
        """Whether there is an object."""
        ...

    def list_keys(self, prefix: str, *, after: str | None, limit: int) -> Sequence[str]:
        """The first keys that begin with `prefix` and come after `after`, in order; fewer than `limit` only at the end."""
        ...

    def content_type(self, key: str) -> str:
        """The type that the object was stored with. `NotFoundError` when there is none."""
        ...

    def open(self, key: str) -> BinaryIO:
        """The object's bytes to read piece by piece. `NotFoundError` when there is none."""
        ...

    def upload_url(
        self, key: str, *, content_type: str, content_length: int, valid_for: timedelta
    ) -> tuple[str, Mapping[str, str]]:
        """A presigned PUT of exactly so many bytes, and the headers that it must carry."""
        ...

    def download_url(self, key: str, *, valid_for: timedelta, file_name: str | None = None) -> str:
        """A presigned GET."""
        ...

"""Documents in memory."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from io import BytesIO
from typing import BinaryIO
from urllib.parse import parse_qs, quote, unquote, urlsplit

from usance.domain.kernel.errors import NotFoundError

KEY_MAX_BYTES = 1_024  # S3 refuses longer keys, which is a fault of ours


class FakeBlobStore:
    """`BlobStore` for tests. `objects` maps a key to its bytes, `content_types` to its type."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.content_types: dict[str, str] = {}

    def put(self, key: str, body: bytes, content_type: str) -> None:
        """Keep the object."""
        self.objects[key] = body
        self.content_types[key] = content_type

    def put_stream(self, key: str, stream: BinaryIO, content_type: str) -> None:
        """Keep what the stream holds."""
        self.put(key, stream.read(), content_type)

    def get(self, key: str) -> bytes:
        """The object's bytes."""
        if key not in self.objects:
            raise NotFoundError(f"there is no document {key}")
        return self.objects[key]

    def copy(self, source: str, target: str) -> None:
        """Keep the object under another key too."""
        self.put(target, self.get(source), self.content_types[source])

    def delete(self, keys: Sequence[str]) -> None:
        """Forget objects."""
        for key in keys:
            self.objects.pop(key, None)

    def exists(self, key: str) -> bool:
        """Whether there is an object."""
        if len(key.encode()) > KEY_MAX_BYTES:
            raise ValueError(f"a key of more than {KEY_MAX_BYTES} bytes")
        return key in self.objects

    def list_keys(self, prefix: str, *, after: str | None, limit: int) -> Sequence[str]:
        """Keys in order."""
        return sorted(key for key in self.objects if key.startswith(prefix) and key > (after or ""))[:limit]

    def content_type(self, key: str) -> str:
        """The type that the object was put with."""
        self.get(key)
        return self.content_types[key]

    def open(self, key: str) -> BinaryIO:
        """The object's bytes, piece by piece."""
        return BytesIO(self.get(key))

    def upload_url(
        self, key: str, *, content_type: str, content_length: int, valid_for: timedelta
    ) -> tuple[str, Mapping[str, str]]:
        """A URL that `upload` understands."""
        seconds = int(valid_for.total_seconds())
        return f"memory://documents/{quote(key)}?expires={seconds}&bytes={content_length}", {
            "Content-Type": content_type
        }

    def upload(self, url: str, body: bytes, headers: Mapping[str, str]) -> str:
        """What a PUT to an upload URL does; answers the key."""
        parts = urlsplit(url)
        assert parse_qs(parts.query)["bytes"] == [str(len(body))]
        key = unquote(parts.path.removeprefix("/"))
        self.put(key, body, headers["Content-Type"])
        return key

    def download_url(self, key: str, *, valid_for: timedelta, file_name: str | None = None) -> str:
        """A URL that `fetch` understands."""
        safe = re.sub(r"[^A-Za-z0-9._-]", "_", file_name) if file_name else None
        name = f"&filename={quote(safe)}" if safe else ""
        return f"memory://documents/{quote(key)}?expires={int(valid_for.total_seconds())}{name}"

    def fetch(self, url: str) -> tuple[bytes, str | None]:
        """What a GET of a download URL answers: the bytes and the file name."""
        parts = urlsplit(url)
        names = parse_qs(parts.query).get("filename", [None])
        return self.get(unquote(parts.path.removeprefix("/"))), names[0]

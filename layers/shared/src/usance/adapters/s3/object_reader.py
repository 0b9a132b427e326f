"""An object that is read piece by piece, over as many connections as that takes.

A reader that works on each piece before it asks for the next keeps a connection open for minutes; when that breaks, reading goes on
behind what was read. Botocore's own stream hands out its connection to whoever enters it as a context, whose faults are
those of another library, and which may end early without one.
"""

import io
from collections.abc import Mapping
from typing import Any, BinaryIO, Final

from botocore.exceptions import ClientError

from usance.adapters.faults import passing_faults
from usance.domain.kernel.errors import NotFoundError, UnavailableError

ATTEMPTS_MAX: Final = 4  # for one piece
BUFFER_BYTES: Final = 262_144

_CHANGED: Final = frozenset({"PreconditionFailed", "412", "NoSuchKey", "InvalidRange"})


def object_reader(client: Any, bucket: str, key: str) -> BinaryIO:
    """Raises as `get_object` does. Reading raises `UnavailableError`, or `NotFoundError` when the object is another by then."""
    place = {"Bucket": bucket, "Key": key}
    with passing_faults():
        first = client.get_object(**place)
    return io.BufferedReader(_Reader(client, place, first), BUFFER_BYTES)


class _Reader(io.RawIOBase):
    """`first` is an answer that there is: Python closes a reader whose making fails, and tells of what it misses then."""

    def __init__(self, client: Any, place: Mapping[str, str], first: Mapping[str, Any]) -> None:
        self._client = client
        self._at = 0
        self._body = first["Body"]
        self._size = int(first["ContentLength"])
        self._same = {**place, "IfMatch": first["ETag"]}

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._at == self._size:
            return 0
        piece = self._piece(len(buffer))
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def close(self) -> None:
        self._body.close()
        super().close()

    def _piece(self, size: int) -> bytes:
        """At least a byte, of those that are left."""
        for attempt in range(ATTEMPTS_MAX):
            try:
                if attempt:
                    self._connect_again()
                with passing_faults():
                    if piece := bytes(self._body.read(size)):
                        return piece
            except UnavailableError:
                if attempt + 1 == ATTEMPTS_MAX:
                    raise
        raise UnavailableError("the store ends before the object does; repeat the request")

    def _connect_again(self) -> None:
        self._body.close()
        try:
            with passing_faults():
                self._body = self._client.get_object(**self._same, Range=f"bytes={self._at}-")["Body"]
        except ClientError as refused:
            if refused.response["Error"]["Code"] not in _CHANGED:
                raise
            raise NotFoundError(f"the document {self._same['Key']} was replaced while it was read") from refused

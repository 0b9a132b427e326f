"""Documents in one S3 bucket, handed out by presigned URLs only."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, BinaryIO, Final

from botocore.exceptions import ClientError

from usance.adapters.faults import passing_faults
from usance.adapters.s3.object_reader import object_reader
from usance.domain.kernel.errors import NotFoundError

DOWNLOAD_MAX: Final = timedelta(days=7)  # the longest that a version 4 signature may live

DELETE_MAX: Final = 1_000  # S3 DeleteObjects

_MISSING: Final = frozenset({"NoSuchKey", "404", "NotFound"})
_UNSAFE_IN_FILE_NAME: Final = re.compile(r"[^A-Za-z0-9._-]")  # what a quoted header value carries without escaping


class S3BlobStore:
    """`BlobStore` over a low-level S3 client. Keys are `org/kind/…`; the bucket's own settings encrypt the objects.

    `UnavailableError` when the bucket is busy or does not answer.

    Presigned URLs name the endpoint that the client itself uses, so a local stand-in must be reachable where the URL
    is opened.
    """

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, key: str, body: bytes, content_type: str) -> None:
        """Store or replace an object; durable on return."""
        with passing_faults():
            self._client.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType=content_type)

    def put_stream(self, key: str, stream: BinaryIO, content_type: str) -> None:
        """Store or replace an object of any size, in parts."""
        with passing_faults():
            self._client.upload_fileobj(stream, self._bucket, key, ExtraArgs={"ContentType": content_type})

    def get(self, key: str) -> bytes:
        """The object's bytes. `NotFoundError` when there is none."""
        with self.open(key) as body:
            return body.read()

    def copy(self, source: str, target: str) -> None:
        """Make `target` the object that `source` is. `NotFoundError` when there is none."""
        with _missing(source), passing_faults():
            self._client.copy_object(
                Bucket=self._bucket, Key=target, CopySource={"Bucket": self._bucket, "Key": source}
            )

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; those that are not there are no fault."""
        for at in range(0, len(keys), DELETE_MAX):
            objects = [{"Key": key} for key in keys[at : at + DELETE_MAX]]
            with passing_faults():
                self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True})

    def exists(self, key: str) -> bool:
        """Whether there is an object."""
        try:
            with _missing(key), passing_faults():
                self._client.head_object(Bucket=self._bucket, Key=key)
        except NotFoundError:
            return False
        return True

    def list_keys(self, prefix: str, *, after: str | None, limit: int) -> Sequence[str]:
        """See the port; `limit` up to 1,000, as S3 lists them."""
        start = {"StartAfter": after} if after else {}
        with passing_faults():
            answer = self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, MaxKeys=limit, **start)
        return [entry["Key"] for entry in answer.get("Contents", ())]

    def content_type(self, key: str) -> str:
        """See the port."""
        with _missing(key), passing_faults():
            return str(self._client.head_object(Bucket=self._bucket, Key=key)["ContentType"])

    def open(self, key: str) -> BinaryIO:
        """The object's bytes to read piece by piece. `NotFoundError` when there is none."""
        with _missing(key):
            return object_reader(self._client, self._bucket, key)

    def upload_url(
        self, key: str, *, content_type: str, content_length: int, valid_for: timedelta
    ) -> tuple[str, Mapping[str, str]]:
        """A presigned PUT of exactly so many bytes, and the headers that it must carry."""
        url: str = self._client.generate_presigned_url(
            "put_object",
            Params={
                "Bucket": self._bucket,
                "Key": key,
                "ContentType": content_type,
                "ContentLength": content_length,
            },
            ExpiresIn=int(valid_for.total_seconds()),
        )
        return url, {"Content-Type": content_type}

    def download_url(self, key: str, *, valid_for: timedelta, file_name: str | None = None) -> str:
        """A presigned GET. With `file_name` a browser saves it under that name; unsafe characters become `_`.

        It also ends when the credentials that signed it end: on Lambda, hours after the function started.
        """
        parameters = {"Bucket": self._bucket, "Key": key}
        if file_name is not None:
            safe = _UNSAFE_IN_FILE_NAME.sub("_", file_name)
            parameters["ResponseContentDisposition"] = f'attachment; filename="{safe}"'
        url: str = self._client.generate_presigned_url(
            "get_object", Params=parameters, ExpiresIn=int(min(valid_for, DOWNLOAD_MAX).total_seconds())
        )
        return url


@contextmanager
def _missing(key: str) -> Iterator[None]:
    try:
        yield
    except ClientError as refused:
        if refused.response["Error"]["Code"] in _MISSING:
            raise NotFoundError(f"there is no document {key}") from refused
        raise

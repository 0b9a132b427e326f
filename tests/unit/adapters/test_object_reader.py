"""Objects of S3 that are read over connections which break."""

import gc
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from usance.adapters.s3.object_reader import ATTEMPTS_MAX, object_reader
from usance.domain.kernel.errors import NotFoundError, UnavailableError

CONTENT = bytes(range(256)) * 4_000


class Bucket:
    """A client of a bucket of one object, whose connections break after so many bytes each, or end there when `silent`."""

    def __init__(self, *breaks: int, silent: bool = False) -> None:
        self.breaks: Iterator[int] = iter(breaks)
        self.silent = silent
        self.calls: list[dict[str, Any]] = []
        self.open = 0

    def get_object(self, **call: Any) -> dict[str, Any]:
        self.calls.append(call)
        start = int(call.get("Range", "bytes=0-")[6:-1])
        body = Connection(self, CONTENT[start:], next(self.breaks, len(CONTENT)))
        self.open += 1
        return {"Body": body, "ContentLength": len(CONTENT) - start, "ETag": '"same"'}


class Connection(BytesIO):
    def __init__(self, bucket: Bucket, content: bytes, lasts: int) -> None:
        super().__init__(content[:lasts])
        self._bucket = bucket
        self._cut = lasts < len(content)

    def read(self, size: int | None = -1) -> bytes:
        if not (found := super().read(size)) and self._cut and not self._bucket.silent:
            raise ReadTimeoutError(endpoint_url="x")
        return found

    def close(self) -> None:
        if not self.closed:
            self._bucket.open -= 1
        super().close()


@pytest.mark.parametrize("silent", [False, True])
def test_reading_goes_on_behind_what_was_read(silent: bool) -> None:
    bucket = Bucket(300_000, 0, 0, 500_001, 100_000, silent=silent)
    with object_reader(bucket, "b", "k") as stream:
        found = b"".join(iter(lambda: stream.read(70_001), b""))
    assert found == CONTENT
    assert [call.get("Range") for call in bucket.calls] == [
        None,
        *["bytes=300000-"] * 3,
        "bytes=800001-",
        "bytes=900001-",
    ]
    assert all(call["IfMatch"] == '"same"' for call in bucket.calls[1:])
    assert bucket.open == 0


@pytest.mark.parametrize("silent", [False, True])
def test_a_store_that_never_goes_on_is_unavailable(silent: bool) -> None:
    bucket = Bucket(300_000, *[0] * ATTEMPTS_MAX, silent=silent)
    with pytest.raises(UnavailableError), object_reader(bucket, "b", "k") as stream:
        stream.read()
    assert len(bucket.calls) == ATTEMPTS_MAX


@pytest.mark.parametrize("code", ["PreconditionFailed", "NoSuchKey"])
def test_an_object_that_is_another_by_then_is_not_gone_on_with(code: str) -> None:
    bucket = Bucket(300_000)
    stream = object_reader(bucket, "b", "k")

    def refuse(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": code}}, "GetObject")

    bucket.get_object = refuse  # type: ignore[method-assign]
    with pytest.raises(NotFoundError, match="k was replaced"), stream:
        stream.read()


def test_an_empty_object_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.unit.adapters.test_object_reader.CONTENT", b"")
    with object_reader(Bucket(), "b", "k") as stream:
        assert stream.read() == b""


def test_of_an_object_that_is_not_there_no_reader_is_left_to_be_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[object] = []
    monkeypatch.setattr("usance.adapters.s3.object_reader._Reader.close", closed.append)

    class Nothing:
        def get_object(self, **_: Any) -> Any:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")

    with pytest.raises(ClientError):
        object_reader(Nothing(), "b", "k")
    gc.collect()
    assert closed == []

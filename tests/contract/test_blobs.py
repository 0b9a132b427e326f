"""What every `BlobStore` promises: the fake of the tests and S3."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO

import pytest
import requests
from botocore.exceptions import ReadTimeoutError
from botocore.response import StreamingBody
from moto import mock_aws

from local.aws import CREDENTIALS
from tests.fakes.blobs import FakeBlobStore
from usance.adapters.aws import client as cached_client
from usance.adapters.s3.blobs import S3BlobStore
from usance.application.ports.blobs import BlobStore
from usance.domain.kernel.errors import NotFoundError

fresh_client = cached_client.__wrapped__  # the settings of the product, for each test anew
KEY = "org-1/statements/bill-1/job 1.json"


@dataclass(frozen=True)
class Target:
    """A store, and a plain GET: the bytes and the content-disposition's file name."""

    store: BlobStore
    fetch: Callable[[str], tuple[bytes, str | None]]


def _fetch(url: str) -> tuple[bytes, str | None]:
    answer = requests.get(url, timeout=10)
    answer.raise_for_status()
    disposition = answer.headers.get("content-disposition", "")
    return answer.content, disposition.partition('filename="')[2].rstrip('"') or None


@pytest.fixture(params=["fake", "moto", "ministack"])
def target(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    if request.param == "fake":
        fake = FakeBlobStore()
        yield Target(fake, fake.fetch)
        return
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    if request.param == "ministack":
        store = request.getfixturevalue("ministack")
        monkeypatch.setenv("AWS_ENDPOINT_URL", store.endpoint)
        yield Target(S3BlobStore(fresh_client("s3"), store.bucket()[1]), _fetch)
        return
    with mock_aws():
        client = fresh_client("s3")
        client.create_bucket(Bucket="documents")
        yield Target(S3BlobStore(client, "documents"), _fetch)


def test_an_object_is_read_back_byte_for_byte(target: Target) -> None:
    target.store.put(KEY, b"\x00\xff{}", "application/json")
    assert target.store.get(KEY) == b"\x00\xff{}"


def test_a_second_put_replaces_the_first(target: Target) -> None:
    target.store.put(KEY, b"old", "text/csv")
    target.store.put(KEY, b"new", "text/csv")
    assert target.store.get(KEY) == b"new"


def test_an_unknown_object_is_refused_by_name(target: Target) -> None:
    with pytest.raises(NotFoundError, match="nowhere"):
        target.store.get("org-1/nowhere")


def test_exists_tells_what_was_put(target: Target) -> None:
    assert not target.store.exists(KEY)
    target.store.put(KEY, b"{}", "application/json")
    assert target.store.exists(KEY)


def test_deleted_objects_are_gone_and_others_stay(target: Target) -> None:
    target.store.put(KEY, b"{}", "application/json")
    target.store.put("org-1/other", b"{}", "application/json")
    target.store.delete([KEY, "org-1/nowhere"])
    assert not target.store.exists(KEY)
    assert target.store.exists("org-1/other")
    target.store.delete([])


def test_a_download_url_answers_a_plain_get(target: Target) -> None:
    target.store.put(KEY, b"a,b\r\n", "text/csv")
    url = target.store.download_url(KEY, valid_for=timedelta(minutes=5))
    assert target.fetch(url) == (b"a,b\r\n", None)


def test_a_download_url_carries_the_file_name(target: Target) -> None:
    target.store.put(KEY, b"a,b\r\n", "text/csv")
    url = target.store.download_url(KEY, valid_for=timedelta(minutes=5), file_name="statement-2023-11.csv")
    assert target.fetch(url) == (b"a,b\r\n", "statement-2023-11.csv")


def test_a_file_name_cannot_break_out_of_the_header(target: Target) -> None:
    target.store.put(KEY, b"x", "text/csv")
    url = target.store.download_url(KEY, valid_for=timedelta(minutes=5), file_name='a"\r\nSet-Cookie: b.csv')
    assert target.fetch(url) == (b"x", "a___Set-Cookie__b.csv")


def test_an_object_is_read_piece_by_piece(target: Target) -> None:
    target.store.put(KEY, b"0123456789", "text/plain")
    with target.store.open(KEY) as stream:
        assert [stream.read(4), stream.read(4), stream.read(4), stream.read(4)] == [b"0123", b"4567", b"89", b""]
    with pytest.raises(NotFoundError, match="nowhere"):
        target.store.open("org-1/nowhere")


def test_an_upload_url_takes_a_plain_put(target: Target) -> None:
    url, headers = target.store.upload_url(
        KEY, content_type="application/json", content_length=2, valid_for=timedelta(minutes=1)
    )
    if isinstance(target.store, FakeBlobStore):
        target.store.upload(url, b"[]", headers)
    else:
        requests.put(url, data=b"[]", headers=headers, timeout=10).raise_for_status()
    assert target.store.get(KEY) == b"[]"


def test_an_object_is_copied(target: Target) -> None:
    target.store.put(KEY, b"0123", "text/plain")
    target.store.copy(KEY, "org-1/copy")
    assert target.store.get("org-1/copy") == target.store.get(KEY) == b"0123"
    with pytest.raises(NotFoundError, match="nowhere"):
        target.store.copy("org-1/nowhere", "org-1/copy")


def test_a_stream_is_stored_whole(target: Target) -> None:
    content = bytes(range(256)) * 40_000  # in parts
    target.store.put_stream(KEY, BytesIO(content), "application/gzip")
    assert target.store.get(KEY) == content


def test_a_broken_connection_is_gone_on_with(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytes(range(256)) * 4_000
    target.store.put(KEY, content, "text/plain")
    read, breaks = StreamingBody.read, iter([False, True, False])

    def breaking(body: StreamingBody, amt: int | None = None) -> bytes:
        if next(breaks, False):
            raise ReadTimeoutError(endpoint_url="x")
        return bytes(read(body, amt))

    monkeypatch.setattr(StreamingBody, "read", breaking)
    with target.store.open(KEY) as stream:
        assert b"".join(iter(lambda: stream.read(100_000), b"")) == content


def test_keys_are_listed_in_order_below_a_prefix_from_a_place_on(target: Target) -> None:
    for key in ("a/3", "a/1", "b/1", "a/2"):
        target.store.put(key, b"x", "text/csv")
    assert list(target.store.list_keys("a/", after=None, limit=2)) == ["a/1", "a/2"]
    assert list(target.store.list_keys("a/", after="a/2", limit=2)) == ["a/3"]
    assert list(target.store.list_keys("c/", after=None, limit=2)) == []


def test_an_object_and_its_copy_keep_the_type_they_were_stored_with(target: Target) -> None:
    target.store.put("a", b"x", "text/csv")
    target.store.copy("a", "b")
    assert target.store.content_type("a") == target.store.content_type("b") == "text/csv"
    with pytest.raises(NotFoundError):
        target.store.content_type("c")

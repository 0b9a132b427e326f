"""Lookup tables through the official SDK, which judges the answers' types."""

import time
from typing import Any

import httpx
import m3ter
import pytest
from m3ter import M3ter

WAIT_SECONDS = 30
FIELDS: Any = [{"name": "country", "type": "STRING"}, {"name": "rate", "type": "NUMBER"}]


def test_a_draft_is_filled_and_read(strict: M3ter) -> None:
    data = strict.lookup_tables.lookup_table_revision_data
    table = strict.lookup_tables.create(code="filled", name="Rates")
    draft = strict.lookup_tables.lookup_table_revisions.create(table.id, name="1", fields=FIELDS, keys=["country"])
    assert (draft.status, draft.item_count) == ("DRAFT", 0)
    at: Any = {"lookup_table_id": table.id}
    put = data.update(draft.id, **at, items=[{"country": "UK", "rate": 0.8}, {"country": "DE", "rate": 1}])
    assert put.version == 1
    read = data.retrieve(draft.id, **at, additional=["lookupKey"], limit=10)
    assert [item["lookupKey"] for item in read.items] == ["DE", "UK"]
    of: Any = {**at, "lookup_table_revision_id": draft.id}
    assert data.retrieve_key("UK", **of).items == [{"country": "UK", "rate": 0.8}]
    assert data.update_key("FR", **of, item={"country": "FR", "rate": 2}, version=1).version == 2
    assert data.delete_key("FR", **of, version=2).items == [{"country": "FR", "rate": 2}]
    with pytest.raises(m3ter.NotFoundError):
        data.retrieve_key("FR", **of)
    with pytest.raises(m3ter.ConflictError):
        data.update(draft.id, **at, items=[], version=1)
    with pytest.raises(m3ter.BadRequestError, match=r"items\[0\].rate"):
        data.update(draft.id, **at, items=[{"country": "UK", "rate": "high"}], version=3)


def test_revisions_are_published_and_archived(strict: M3ter) -> None:
    tables, revisions = strict.lookup_tables, strict.lookup_tables.lookup_table_revisions
    data = strict.lookup_tables.lookup_table_revision_data
    table = tables.create(code="rates", name="Rates")
    assert tables.update(table.id, code="rates", name="Exchange rates", version=table.version or 0).version == 2
    draft = revisions.create(table.id, name="First", fields=FIELDS, keys=["country"])
    at: Any = {"lookup_table_id": table.id}
    data.update(draft.id, **at, items=[{"country": "UK", "rate": 0.8}, {"country": "DE", "rate": 1}])
    named = revisions.update(draft.id, **at, name="1", fields=FIELDS, keys=["country"], version=draft.version or 0)
    published = revisions.update_status(draft.id, **at, status="PUBLISHED", version=named.version or 0)
    assert (published.status, published.item_count) == ("PUBLISHED", 2)
    active = tables.retrieve(table.id, additional=["activeRevision"]).active_revision
    assert active is not None
    assert active.id == draft.id
    assert [one.code for one in tables.list(codes=["rates"])] == ["rates"]
    with pytest.raises(m3ter.BadRequestError, match="DRAFT"):
        data.delete(draft.id, **at)

    second = revisions.create(table.id, name="Second", fields=FIELDS, keys=["country"])
    data.update(second.id, **at, items=[{"country": "UK", "rate": 1}])
    assert data.delete(second.id, **at).result == "deleted"
    revisions.update_status(second.id, **at, status="PUBLISHED", version=second.version or 0)
    assert revisions.retrieve(draft.id, **at).status == "ARCHIVED"
    assert [one.status for one in revisions.list(table.id)] == ["PUBLISHED", "ARCHIVED"]
    assert revisions.delete(draft.id, **at).id == draft.id
    with pytest.raises(m3ter.BadRequestError, match="lookupTableRevision"):
        tables.delete(table.id)
    revisions.update_status(second.id, **at, status="ARCHIVED", version=2)
    revisions.delete(second.id, **at)
    assert tables.delete(table.id).id == table.id


def test_items_are_uploaded_copied_and_downloaded_as_files(strict: M3ter) -> None:
    tables, revisions = strict.lookup_tables, strict.lookup_tables.lookup_table_revisions
    data = tables.lookup_table_revision_data
    jobs = data.lookup_table_revision_data_jobs
    table = tables.create(code="files", name="Rates")
    draft = revisions.create(table.id, name="1", fields=FIELDS, keys=["country"])
    at: Any = {"lookup_table_id": table.id}
    of: Any = {**at, "lookup_table_revision_id": draft.id}
    content = b"country,rate\r\nUK,0.8\r\nDE,1\r\n"
    made = data.generate_download_url(
        draft.id, **at, content_type="text/csv", content_length=len(content), file_name="rates.csv"
    )
    assert made.job_id
    assert made.url
    assert made.headers
    assert jobs.retrieve(made.job_id, **of).status == "PENDING"
    httpx.put(made.url, content=content, headers=made.headers).raise_for_status()
    deadline = time.monotonic() + WAIT_SECONDS
    while (job := jobs.retrieve(made.job_id, **of)).status == "PENDING":
        assert time.monotonic() < deadline, job
        time.sleep(0.1)
    assert (job.type, job.status, job.file_name) == ("UPLOAD", "SUCCEEDED", "rates.csv")

    started = jobs.download(draft.id, **at, content_type="text/csv")
    assert started.job_id
    downloaded = jobs.retrieve(started.job_id, **of)
    assert downloaded.download_url
    assert httpx.get(downloaded.download_url).content == b"country,rate\r\nDE,1\r\nUK,0.8\r\n"
    with pytest.raises(m3ter.BadRequestError, match="DRAFT"):
        data.archieve(draft.id, **at, content_type="application/jsonl")

    copied = data.copy(draft.id, **at)
    assert copied.revision_id
    assert data.retrieve(copied.revision_id, **at).items == data.retrieve(draft.id, **at).items
    assert [one.type for one in jobs.list(draft.id, **at)] == ["COPY", "DOWNLOAD", "UPLOAD"]
    assert jobs.delete(started.job_id, **of).id == started.job_id

    revisions.update_status(draft.id, **at, status="PUBLISHED", version=draft.version or 0)
    revisions.update_status(draft.id, **at, status="ARCHIVED", version=2)
    archived = data.archieve(draft.id, **at, content_type="application/jsonl")
    assert archived.url
    assert archived.expiry
    assert httpx.get(archived.url).text == '{"country":"DE","rate":1}\n{"country":"UK","rate":0.8}\n'

"""Lookup tables through the official SDK, which judges the answers' types."""

from collections.abc import Iterator
from typing import Any

import m3ter
import pytest
from m3ter import M3ter

from local.testing import RunningStack
from tests.conformance.conftest import new_organization


@pytest.fixture(scope="module")
def strict(stack: RunningStack) -> Iterator[M3ter]:
    with M3ter(
        **new_organization(stack, __name__), base_url=stack.base_url, _strict_response_validation=True
    ) as client:
        yield client


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

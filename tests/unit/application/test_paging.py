"""Pages of lists from which something is left out."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.clock import FrozenClock
from tests.fakes.entities import FakeEntityRepository
from usance.application import paging
from usance.application.paging import kept_page
from usance.application.ports.entities import Page, Put
from usance.domain.kernel.errors import InvalidInputError

Document = dict[str, Any]


class Listed:
    """A list of entities of which every one is kept or not; `reads` are the sizes of the pages that were read."""

    def __init__(self, kept: Sequence[bool]) -> None:
        self.store = FakeEntityRepository(FrozenClock())
        self.reads: list[int] = []
        for at, keep in enumerate(kept):
            document = {"id": f"{at:08x}-0000-7000-8000-000000000000", "version": 1, "kept": keep}
            self.store.commit("o", [Put("product", document)])

    def page(self, page_size: int, token: str | None) -> Page:
        def read(size: int, token: str | None) -> Page:
            self.reads.append(size)
            return self.store.list_page("o", "product", filters={}, page_size=size, next_token=token)

        return kept_page(
            read, lambda found: [one for one in found if one["kept"]], page_size=page_size, next_token=token
        )


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 5))
def test_pages_hold_everything_that_is_kept_and_none_but_the_last_is_empty(kept: list[bool], page_size: int) -> None:
    listed = Listed(kept)
    found: list[str] = []
    token: str | None = None
    while True:
        page = listed.page(page_size, token)
        assert len(page.data) <= page_size
        assert page.data or page.next_token is None
        found += [one["id"] for one in page.data]
        token = page.next_token
        if token is None:
            break
    newest_first = [at for at in reversed(range(len(kept))) if kept[at]]
    assert [int(id_[:8], 16) for id_ in found] == newest_first


def test_a_page_that_is_not_full_at_once_is_read_in_large_steps() -> None:
    listed = Listed([True] + [False] * 250)
    assert len(listed.page(1, None).data) == 1
    assert listed.reads == [1, 100, 100, 100]


def test_a_request_ends_somewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "READ_MAX", 200)
    short = Listed([False] * 300 + [True]).page(2, None)
    assert len(short.data) == 1
    assert short.next_token
    with pytest.raises(InvalidInputError, match="narrow"):
        Listed([False] * 300).page(2, None)

"""Pages of lists from which something is left out."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.clock import FrozenClock
from tests.fakes.entities import FakeEntityRepository
from usance.application.ordering import ordered_page
from usance.application.paging import kept_page
from usance.application.ports.deadline import of_request
from usance.application.ports.entities import Page, Put
from usance.application.search.searching import candidates
from usance.domain.kernel.errors import InvalidInputError

Document = dict[str, Any]


class Listed:
    """A list of entities of which every one is kept or not; `reads` are the sizes of the pages that were read."""

    def __init__(self, kept: Sequence[bool], read_takes: timedelta = timedelta(0)) -> None:
        self.clock, self.read_takes = FrozenClock(), read_takes
        self.store = FakeEntityRepository(FrozenClock())
        self.reads: list[int] = []
        for at, keep in enumerate(kept):
            document = {"id": f"{at:08x}-0000-7000-8000-000000000000", "version": 1, "kept": keep}
            self.store.commit("o", [Put("product", document)])

    def page(self, page_size: int, token: str | None) -> Page:
        return kept_page(
            self.read,
            lambda found: [one for one in found if one["kept"]],
            page_size=page_size,
            next_token=token,
            deadline=of_request(self.clock),
        )

    def read(self, size: int, token: str | None) -> Page:
        self.reads.append(size)
        self.clock.instant += self.read_takes
        return self.store.list_page("o", "product", filters={}, page_size=size, next_token=token)


SLOW = timedelta(seconds=10)  # two reads are longer than a request may read on


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


def test_at_the_deadline_a_page_ends_with_what_it_has() -> None:
    listed = Listed([False] * 300 + [True], SLOW)
    page = listed.page(2, None)
    assert (len(page.data), len(listed.reads)) == (1, 2)
    assert page.next_token


def test_at_the_deadline_a_page_with_nothing_on_it_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"after 102 entities, none of which matches.* narrow"):
        Listed([False] * 300, SLOW).page(2, None)


def test_a_list_that_was_refused_at_its_deadline_goes_on_by_the_token_that_is_told() -> None:
    listed = Listed([True] + [False] * 300, SLOW)
    token: str | None = None
    for _ in range(2):
        with pytest.raises(InvalidInputError) as refusal:
            listed.page(2, token)
        token = re.findall(r"nextToken=(\S+)", refusal.value.message)[0]
    assert [one["id"][:8] for one in listed.page(2, token).data] == ["00000000"]


def test_a_list_that_ends_at_the_deadline_is_answered() -> None:
    assert Listed([False] * 102, SLOW).page(2, None) == Page([], None)


def test_an_order_that_cannot_be_made_in_time_is_refused() -> None:
    listed = Listed([True] * 1_001, SLOW)

    with pytest.raises(InvalidInputError, match=r"sortOrder: .* 1000 entities"):
        ordered_page(
            listed.read,
            list,
            lambda document: str(document["id"]),
            asked_by="sortOrder",
            descending=False,
            page_size=1,
            next_token=None,
            deadline=of_request(listed.clock),
        )


def test_a_search_that_takes_too_long_is_refused() -> None:
    listed = Listed([True] * 200, SLOW)
    read = candidates(lambda token: listed.read(50, token), list, ["code"], of_request(listed.clock))
    with pytest.raises(InvalidInputError, match=r"more than 100 entities.* code:"):
        list(read)

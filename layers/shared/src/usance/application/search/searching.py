"""What every search does: read candidates through an index where one fits, match, sort, page (platform.md 1.11).

An equality on a field with an index (`code`, `parentAccountId`, `accountId` and the like), joined by AND, is answered
through that index, and so is one on `id`. Every other search reads from the newest on until it has its page, or, when
it is sorted, to the end, and holds no more than it answers. Beyond `READ_MAX`, or its deadline, it is refused, and says
which terms would narrow it.
"""

import heapq
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from usance.application.ports.deadline import Deadline
from usance.application.ports.entities import Page
from usance.domain.catalog.searches import Term, matches, sort_key
from usance.domain.kernel.errors import InvalidInputError
from usance.resources.wire import Document

READ_MAX: Final = 200_000  # more than the time of a request is good for
SORTED_MAX: Final = 10_000  # a sorted search holds the matches before its page, of some kilobytes each
READ_AT_ONCE: Final = 500
VALUES_MAX: Final = 200  # values of one equality: as many as a list takes of a filter


@dataclass(frozen=True, slots=True)
class Search:
    """What is asked. `from_document` is how many matches to pass over."""

    query: str
    any_term: bool = False
    sort_by: str | None = None
    descending: bool = False
    page_size: int = 10
    from_document: int = 0


def check_sort(search: Search, fields: Collection[str], type_: str) -> None:
    """Refuse to sort by what is no field of a `type_`."""
    if search.sort_by is not None and search.sort_by not in fields:
        raise InvalidInputError(f"sortBy: the type {type_} has no field {search.sort_by[:100]}")


def equalities(terms: Sequence[Term], indexes: Mapping[str, str], *, any_term: bool) -> Mapping[str, Sequence[str]]:
    """The values by index (`indexes`: field to index) that every match must have."""
    filters: dict[str, Sequence[str]] = {}
    for term in terms if not any_term or len(terms) == 1 else ():
        index = indexes.get(term.field)
        if index and term.comparator == ":":
            if len(term.values) > VALUES_MAX:
                raise InvalidInputError(f"searchQuery: {term.field} takes at most {VALUES_MAX} values")
            filters.setdefault(index, term.indexed())
    return filters


def candidates(
    read_page: Callable[[str | None], Page],
    may_see: Callable[[Sequence[Document]], Sequence[Document]],
    narrowing: Iterable[str],
    deadline: Deadline,
) -> Iterator[Document]:
    """What the caller may see of the pages that `read_page` answers. `narrowing`: fields whose terms would be fewer."""
    read, token = 0, None
    while True:
        page = read_page(token)
        yield from may_see(page.data)
        read, token = read + len(page.data), page.next_token
        if token is None:
            return
        if read >= READ_MAX or deadline.passed():
            fields = ", ".join(f"{field}:" for field in sorted(narrowing))
            raise InvalidInputError(
                f"searchQuery: the search would read more than {read} entities, which one request cannot; "
                f"narrow it by AND and one of {fields}"
            )


def found_page(
    read: Iterable[Document], terms: Sequence[Term], search: Search
) -> tuple[Sequence[Document], str | None]:
    """The matches that the page holds, and the `fromDocument` of the next page, None at the end.

    `InvalidInputError` when a sorted search passes over more than `SORTED_MAX`.
    """
    if search.sort_by is not None and search.from_document > SORTED_MAX:
        raise InvalidInputError(
            f"fromDocument: a sorted search passes over {SORTED_MAX} matches at most; narrow it, or leave sortBy out"
        )
    found = (one for one in read if matches(one, terms, any_term=search.any_term))
    end = search.from_document + search.page_size
    if (by := search.sort_by) is not None:
        first = heapq.nlargest if search.descending else heapq.nsmallest  # of equal ones, the newest first
        rest = first(end + 1, found, key=lambda entity: sort_key(entity, by))[search.from_document :]
    else:
        rest = list(islice(found, search.from_document, end + 1))
    return rest[: search.page_size], str(end) if len(rest) > search.page_size else None

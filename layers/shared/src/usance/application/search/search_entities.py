"""Search the entities of a resource.

An equality on a field with an index (`code`, `parentAccountId`, `accountId` and the like), joined by AND, is answered
through that index, and so is one on `id`. Every other search reads the resource from its newest entity on, up to
`READ_MAX` of them; when there are more, it is refused and says which terms would narrow it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from usance.application.access.authorize import require_some, visible
from usance.application.entities.ports import EntityPorts
from usance.application.entities.sealing import shown
from usance.domain.access import Action, Caller
from usance.domain.catalog.searches import Term, matches, parse_search, sort_key
from usance.domain.kernel.errors import InvalidInputError
from usance.resources.resource import Resource
from usance.resources.wire import Document

READ_MAX: Final = 10_000  # some 10 MB of entities, read in about a second
READ_AT_ONCE: Final = 500
VALUES_MAX: Final = 200  # values of one equality: as many as a list takes of a filter


@dataclass(frozen=True, slots=True)
class Searchable:
    """How a resource is searched: `fields` may be in terms, `indexes` (field to index) answer equalities."""

    resource: Resource
    fields: frozenset[str]
    indexes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Search:
    """What is asked. `from_document` is how many matches to pass over."""

    query: str
    any_term: bool = False
    sort_by: str | None = None
    descending: bool = False
    page_size: int = 10
    from_document: int = 0


def search_entities(ports: EntityPorts, caller: Caller, searchable: Searchable, search: Search) -> Document:
    """A page of matches, newest first or sorted. `nextToken` is the `fromDocument` of the next page, None at the end."""
    resource = searchable.resource
    require_some(caller, Action.CONFIG_RETRIEVE, resource.type)
    terms = parse_search(search.query, searchable.fields)
    if search.sort_by is not None and search.sort_by not in _sortable(resource):
        raise InvalidInputError(f"sortBy: there is no field {search.sort_by[:100]} of a {resource.type}")
    read = _candidates(ports, caller.org_id, searchable, terms, any_term=search.any_term)
    found = [one for one in visible(caller, resource.type, read) if matches(one, terms, any_term=search.any_term)]
    if search.sort_by is not None:
        by = search.sort_by
        found.sort(key=lambda entity: sort_key(entity, by), reverse=search.descending)
    end = search.from_document + search.page_size
    page = found[search.from_document : end]
    return {
        "data": list(shown(ports, caller, resource, page)),
        "nextToken": str(end) if end < len(found) else None,
    }


def _candidates(
    ports: EntityPorts, org_id: str, searchable: Searchable, terms: Sequence[Term], *, any_term: bool
) -> Sequence[Document]:
    filters: dict[str, Sequence[str]] = {}
    for term in terms if not any_term or len(terms) == 1 else ():
        index = searchable.indexes.get(term.field)
        if index and term.comparator == ":":
            if len(term.values) > VALUES_MAX:
                raise InvalidInputError(f"searchQuery: {term.field} takes at most {VALUES_MAX} values")
            filters.setdefault(index, term.values)
    read: list[Document] = []
    token: str | None = None
    while True:
        page = ports.entities.list_page(
            org_id, searchable.resource.type, filters=filters, page_size=READ_AT_ONCE, next_token=token
        )
        read.extend(page.data)
        token = page.next_token
        if token is None:
            return read
        if len(read) >= READ_MAX:
            narrowing = ", ".join(f"{field}:" for field in sorted(searchable.indexes))
            raise InvalidInputError(
                f"searchQuery: the search would read more than {READ_MAX} entities; narrow it by AND and one of "
                f"{narrowing}"
            )


def _sortable(resource: Resource) -> frozenset[str]:
    names = {field.alias or name for name, field in resource.model.model_fields.items()}
    audit = {"id", "version", "dtCreated", "dtLastModified", "createdBy", "lastModifiedBy"}
    return frozenset(names | audit | resource.answers.keys())

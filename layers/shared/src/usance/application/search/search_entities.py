"""Search the entities of a resource."""

from collections.abc import Mapping
from dataclasses import dataclass

from usance.application.access.authorize import require_some, visible
from usance.application.entities.ports import EntityPorts
from usance.application.entities.sealing import shown
from usance.application.ports.deadline import of_request
from usance.application.search.searching import READ_AT_ONCE, Search, candidates, check_sort, equalities, found_page
from usance.domain.access import Action, Caller
from usance.domain.catalog.searches import parse_search
from usance.resources.resource import Resource
from usance.resources.wire import Document


@dataclass(frozen=True, slots=True)
class Searchable:
    """How a resource is searched: `fields` may be in terms, `indexes` (field to index) answer equalities."""

    resource: Resource
    fields: frozenset[str]
    indexes: Mapping[str, str]


def search_entities(ports: EntityPorts, caller: Caller, searchable: Searchable, search: Search) -> Document:
    """A page of matches, newest first or sorted. `nextToken` is the `fromDocument` of the next page, None at the end."""
    resource = searchable.resource
    require_some(caller, Action.CONFIG_RETRIEVE, resource.type)
    terms = parse_search(search.query, searchable.fields)
    check_sort(search, _sortable(resource), resource.type)
    filters = equalities(terms, searchable.indexes, any_term=search.any_term)
    deadline = of_request(ports.clock)
    read = candidates(
        lambda token: ports.entities.list_page(
            caller.org_id, resource.type, filters=filters, page_size=READ_AT_ONCE, next_token=token, deadline=deadline
        ),
        lambda documents: visible(caller, resource.type, documents),
        searchable.indexes,
        deadline,
    )
    page, token = found_page(read, terms, search)
    return {"data": list(shown(ports, caller, resource, page)), "nextToken": token}


def _sortable(resource: Resource) -> frozenset[str]:
    names = {field.alias or name for name, field in resource.model.model_fields.items()}
    audit = {"id", "version", "dtCreated", "dtLastModified", "createdBy", "lastModifiedBy"}
    return frozenset(names | audit | resource.answers.keys())

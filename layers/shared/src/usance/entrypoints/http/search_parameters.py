"""The query parameters that every search takes (platform.md 1.11)."""

from collections.abc import Collection
from typing import Final

from usance.application.search.searching import READ_MAX, Search
from usance.domain.kernel.errors import InvalidInputError
from usance.entrypoints.http.routes import QueryParameter, Request, whole

PAGE_DEFAULT: Final = 10
PAGE_MAX: Final = 100


def search_of(request: Request) -> Search:
    """What a request asks for. `InvalidInputError` names the parameter that is wrong."""
    return Search(
        query=",".join(request.query.get("searchQuery", ())),  # commas are part of a query
        any_term=_choice(request, "operator", "AND", "OR") == "OR",
        sort_by=request.one("sortBy"),
        descending=_choice(request, "sortOrder", "ASC", "DESC") == "DESC",
        page_size=_whole(request, "pageSize", PAGE_DEFAULT, 1, PAGE_MAX),
        from_document=_whole(request, "fromDocument", 0, 0, READ_MAX),
    )


def search_parameters(fields: Collection[str]) -> tuple[QueryParameter, ...]:
    """The parameters as the description shows them."""
    return (
        QueryParameter(
            "searchQuery",
            "Terms joined by `$`, each a field, one of `>` `>=` `:` `<` `<=` `~` (begins with) and a value, such as "
            f"`name~Acme$currency:USD`. Fields: {', '.join(sorted(fields))}.",
        ),
        QueryParameter("operator", "Whether all terms must hold or any.", {"type": "string", "enum": ["AND", "OR"]}),
        QueryParameter("sortBy", "A field to sort by; without it, newest first."),
        QueryParameter("sortOrder", "The order of `sortBy`.", {"type": "string", "enum": ["ASC", "DESC"]}),
        QueryParameter(
            "pageSize",
            f"How many to answer; {PAGE_DEFAULT} when left out.",
            {"type": "integer", "minimum": 1, "maximum": PAGE_MAX},
        ),
        QueryParameter(
            "fromDocument",
            "How many matches to pass over: the `nextToken` of the page before.",
            {"type": "integer", "minimum": 0, "maximum": READ_MAX},
        ),
    )


def _choice(request: Request, name: str, *choices: str) -> str:
    value = (request.one(name) or choices[0]).upper()
    if value not in choices:
        raise InvalidInputError(f"{name} must be {' or '.join(choices)}")
    return value


def _whole(request: Request, name: str, default: int, least: int, most: int) -> int:
    text = request.one(name)
    return default if text is None else whole(name, text, least, most)

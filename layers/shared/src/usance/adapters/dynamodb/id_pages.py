"""A page of the entities whose ids a stream gives."""

from collections.abc import Callable, Iterable, Sequence

from usance.adapters.dynamodb.id_streams import IdStream, NothingInCommonError
from usance.application.deadline import Deadline
from usance.application.paging import encode_token
from usance.application.ports.entities import Page
from usance.resources.wire import Document


def page_of(
    stream: IdStream,
    limit: str | None,
    page_size: int,
    deadline: Deadline,
    load: Callable[[Sequence[str]], Iterable[Document]],
) -> Page:
    """A page below the id `limit` of what `load` answers for the ids of the stream: those that are wanted, in their order.

    At the deadline, which the stream has too, it is what was found until then, or `NothingInCommonError`.
    """
    documents: list[Document] = []
    while len(documents) <= page_size:
        ids: list[str] = []
        late: NothingInCommonError | None = None
        try:
            while len(ids) <= page_size - len(documents) and (found := stream.below(limit)) is not None:
                ids.append(found)
                limit = found
        except NothingInCommonError as hardly_any:
            late = hardly_any
        documents.extend(load(ids))
        if not ids and late is None:
            return Page(tuple(documents), None)
        if len(documents) <= page_size and (late or deadline.passed()):
            if not documents or limit is None:
                raise late or NothingInCommonError()
            return Page(tuple(documents), encode_token(limit))
    return Page(tuple(documents[:page_size]), encode_token(documents[page_size - 1]["id"]))

"""A page of the entities whose ids a stream gives."""

from collections.abc import Callable, Iterable, Sequence

from usance.adapters.dynamodb.id_streams import IdStream, LateError
from usance.application.paging import encode_token
from usance.application.ports.deadline import Deadline
from usance.application.ports.entities import Page
from usance.domain.kernel.ids import following_id
from usance.resources.wire import Document


def page_of(
    stream: IdStream,
    limit: str | None,
    page_size: int,
    deadline: Deadline | None,
    load: Callable[[Sequence[str]], Iterable[Document]],
) -> Page:
    """A page below the id `limit` of what `load` answers for the ids of the stream: those that are wanted, in their order.

    At the deadline, which the stream has too, it ends with what was found until then: possibly nothing but a token.
    """
    documents: list[Document] = []
    while len(documents) <= page_size:
        ids: list[str] = []
        late = False
        try:
            while len(ids) <= page_size - len(documents) and (found := stream.below(limit)) is not None:
                ids.append(found)
                limit = found
        except LateError as error:
            late = True
            limit = following_id(error.last)
        if not ids and not late:
            return Page(tuple(documents), None)
        documents.extend(load(ids))
        late = late or (deadline is not None and deadline.passed())
        if len(documents) <= page_size and late and limit is not None:
            return Page(tuple(documents), encode_token(limit))
    return Page(tuple(documents[:page_size]), encode_token(documents[page_size - 1]["id"]))

"""The single place where a use case asks whether its caller may do what it asks (platform.md 4.3, 4.6)."""

from collections.abc import Iterable, Sequence

from usance.domain.access import Action, Caller, allows
from usance.domain.kernel.errors import ForbiddenError
from usance.resources.wire import Document


def require(caller: Caller, action: Action, resource_type: str, item_id: str | None = None) -> None:
    """`ForbiddenError` unless the caller's statements allow `action` on the type, or on the one item of it."""
    if not allows(caller.statements, action, resource_type, item_id):
        what = f"the {resource_type} {item_id}" if item_id else f"resources of type {resource_type}"
        raise ForbiddenError(f"your permission policies do not allow {action} on {what}")


def visible(caller: Caller, resource_type: str, documents: Iterable[Document]) -> Sequence[Document]:
    """Those documents of a list that the caller may read: an item under a deny is left out."""
    return [
        document
        for document in documents
        if allows(caller.statements, Action.CONFIG_RETRIEVE, resource_type, document["id"])
    ]

"""The single place where a use case asks whether its caller may do what it asks (platform.md 4.3, 4.6)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from usance.domain.access import Action, Caller, Statement, allows, allows_all, allows_some, groups_named
from usance.domain.kernel.errors import ForbiddenError
from usance.resources.wire import Document

_EVERYTHING: Final = Statement("allow", ("all",), ("*",))


def require(caller: Caller, action: Action, resource_type: str, item_id: str | None = None) -> None:
    """`ForbiddenError` unless the caller's statements allow `action` on the type, or on the one item of it."""
    if item_id is None:
        allowed = allows(caller.statements, action, resource_type)
    else:
        allowed = item_id in permitted(caller, action, resource_type, [item_id])
    if not allowed:
        what = f"the {resource_type} {item_id[:100]}" if item_id else f"resources of type {resource_type}"
        raise ForbiddenError(f"your permission policies do not allow {action} on {what}")


def require_undenied(caller: Caller, resource_type: str, item_id: str, *further: Action) -> None:
    """`ForbiddenError` when a statement denies the caller to read the item; that none allows it is no matter.

    Also when one denies any of the `further` actions on it.
    """
    require_each_undenied(caller, resource_type, [item_id], *further)


def require_each_undenied(caller: Caller, resource_type: str, item_ids: Sequence[str], *further: Action) -> None:
    """The same of several items; the first that is denied is named."""
    for action in (Action.CONFIG_RETRIEVE, *further):
        require_each(_but_for_denials(caller), action, resource_type, item_ids)


def undenied(caller: Caller, resource_type: str, item_ids: Sequence[str]) -> frozenset[str]:
    """Those of the items that no statement denies the caller to read; that none allows it is no matter."""
    return permitted(_but_for_denials(caller), Action.CONFIG_RETRIEVE, resource_type, item_ids)


def require_each(caller: Caller, action: Action, resource_type: str, item_ids: Sequence[str]) -> None:
    """`ForbiddenError` that names the first of the items that the caller's statements do not allow `action` on."""
    may = permitted(caller, action, resource_type, item_ids)
    for item_id in item_ids:
        if item_id not in may:
            raise ForbiddenError(
                f"your permission policies do not allow {action} on the {resource_type} {item_id[:100]}"
            )


def require_some(caller: Caller, action: Action, resource_type: str) -> None:
    """`ForbiddenError` unless the caller may do `action` on some item of the type: what a list asks first.

    A list goes on with `visible`, which leaves out the items that are denied.
    """
    if not allows_some(caller.statements, action, resource_type):
        raise ForbiddenError(f"your permission policies do not allow {action} on resources of type {resource_type}")


def require_all(caller: Caller, action: Action, resource_type: str) -> None:
    """`ForbiddenError` unless the caller may do `action` on every item of the type, those that will be made included."""
    if not allows_all(caller.statements, action, resource_type):
        raise ForbiddenError(
            f"your permission policies do not allow {action} on every resource of type {resource_type}"
        )


def require_none_denied(caller: Caller, action: Action, resource_type: str) -> None:
    """`ForbiddenError` when a statement denies `action` on any item of the type; that none allows it is no matter."""
    require_all(_but_for_denials(caller), action, resource_type)


def permitted(caller: Caller, action: Action, resource_type: str, item_ids: Sequence[str]) -> frozenset[str]:
    """Those of the items that the caller's statements allow `action` on."""
    named = groups_named(caller.statements, action, resource_type)
    groups: Mapping[str, frozenset[str]] = caller.groups_of(caller.org_id, item_ids, named) if named else {}
    return frozenset(
        id_ for id_ in item_ids if allows(caller.statements, action, resource_type, id_, groups.get(id_, frozenset()))
    )


def visible(caller: Caller, resource_type: str, documents: Iterable[Document]) -> Sequence[Document]:
    """Those documents of a list that the caller may read: an item under a deny is left out."""
    found = list(documents)
    may = permitted(caller, Action.CONFIG_RETRIEVE, resource_type, [document["id"] for document in found])
    return [document for document in found if document["id"] in may]


def _but_for_denials(caller: Caller) -> Caller:
    """The caller as if everything were allowed that no statement denies."""
    return replace(caller, statements=(*caller.statements, _EVERYTHING))

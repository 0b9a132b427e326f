"""Resource groups for the evaluation of statements; the store is made when a statement names a group."""

from collections.abc import Mapping, Sequence

from usance.bootstrap import stores


def groups_of(org_id: str, ids: Sequence[str], named: frozenset[str]) -> Mapping[str, frozenset[str]]:
    """See `usance.domain.access.GroupsOf`."""
    from usance.application.access.groups import GroupMemberships  # only callers under such statements need it

    return GroupMemberships(stores.entities())(org_id, ids, named)

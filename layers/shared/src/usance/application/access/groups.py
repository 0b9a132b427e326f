"""Resource groups as evaluation sees them: which hold an entity, and which lie inside or around another (platform.md 5).

A membership is a `resourceGroupMember`; its unique `member` value, group and target, answers in one batch read whether
something is in a group, however large the group is.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from usance.application.ports.entities import Delete, EntityRepository
from usance.domain.access import Statement
from usance.domain.kernel.errors import NotFoundError, UnavailableError

GROUP: Final = "resourceGroup"
MEMBER: Final = "resourceGroupMember"
LEFT_AT_ONCE: Final = 100
LEVELS_MAX: Final = 10  # groups inside groups; each level is a read of the authorizer
NESTED_MAX: Final = 100  # groups that one nesting joins; a statement about a group carries all that are inside

_NAMED_GROUP: Final = re.compile(r"(.*/group/)([0-9a-f-]{36})", re.IGNORECASE)


def member_value(group_id: str, target_id: str) -> str:
    """The unique value of a membership."""
    return f"{group_id}+{target_id}"


@dataclass(frozen=True, slots=True)
class GroupMemberships:
    """Answers what `Caller.groups_of` asks."""

    entities: EntityRepository

    def __call__(self, org_id: str, ids: Sequence[str], named: frozenset[str]) -> Mapping[str, frozenset[str]]:
        """Per id the groups that hold it directly: of the `named` ones, or of all when `*` is among these."""
        if "*" in named:
            found: dict[str, set[str]] = {}
            for member in self.entities.list_all(org_id, MEMBER, filters={"targetId": list(ids)}):
                found.setdefault(member["targetId"], set()).add(member["resourceGroupId"])
            return {id_: frozenset(groups) for id_, groups in found.items()}
        asked = {member_value(group, id_): (group, id_) for id_ in ids for group in named}
        taken = self.entities.taken(org_id, MEMBER, "member", list(asked))
        held = [asked[value] for value in taken]
        return {id_: frozenset(group for group, target in held if target == id_) for id_ in ids}


def around(entities: EntityRepository, org_id: str, target_ids: Iterable[str]) -> Sequence[frozenset[str]]:
    """The groups that hold any of the targets: those directly first, then those around these, level by level."""
    return _levels(
        target_ids,
        lambda ids: {
            member["resourceGroupId"] for member in entities.list_all(org_id, MEMBER, filters={"targetId": ids})
        },
    )


def inside(entities: EntityRepository, org_id: str, group_ids: Iterable[str]) -> Sequence[frozenset[str]]:
    """The groups inside any of the groups: those directly first, then those inside these, level by level."""
    return _levels(
        group_ids,
        lambda ids: {member["targetId"] for member in entities.list_all(org_id, MEMBER, filters={"nestedIn": ids})},
    )


def with_nested_groups(
    entities: EntityRepository, org_id: str, statements: Sequence[Statement]
) -> tuple[Statement, ...]:
    """The statements, each resource `…/group/id` followed by the same of every group inside that one.

    Reads nothing when no statement names a group.
    """
    named = {match[2].lower() for one in statements for text in one.resources if (match := _match(text))}
    if not named:
        return tuple(statements)
    nested = {id_: sorted(frozenset().union(*inside(entities, org_id, [id_]))) for id_ in sorted(named)}
    return tuple(
        Statement(one.effect, one.actions, tuple(text for written in one.resources for text in _wider(written, nested)))
        for one in statements
    )


def _wider(written: str, nested: Mapping[str, Sequence[str]]) -> Iterable[str]:
    yield written
    if match := _match(written):
        yield from (f"{match[1]}{id_}" for id_ in nested[match[2].lower()])


def _match(written: str) -> re.Match[str] | None:
    return _NAMED_GROUP.fullmatch(written.strip())


def leave_groups(entities: EntityRepository, org_id: str, target_id: str) -> None:
    """Take what was just deleted out of every group. What is gone cannot be put into one, so that none is left."""
    while found := entities.list_page(org_id, MEMBER, filters={"targetId": [target_id]}, page_size=LEFT_AT_ONCE).data:
        for member in found:
            try:
                entities.commit(org_id, [Delete(MEMBER, member["id"])])
            except NotFoundError:
                continue  # somebody else took it out


def _levels(start: Iterable[str], step: Callable[[list[str]], set[str]]) -> Sequence[frozenset[str]]:
    seen: set[str] = set()
    levels: list[frozenset[str]] = []
    current = sorted(set(start))
    while current:
        found = step(current) - seen
        if not found:
            break
        if len(levels) >= LEVELS_MAX + 1:
            raise UnavailableError("resource groups are nested too deeply; take one out of another")
        seen |= found
        levels.append(frozenset(found))
        current = sorted(found)
    return levels

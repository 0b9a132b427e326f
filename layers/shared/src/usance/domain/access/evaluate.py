"""Evaluation of statements (platform.md 4.2, 4.3): default deny, and a matching deny beats every allow.

A resource is written `service:type/item/id` or `service:type/group/id`. Either spelling of an action is understood,
letters match in any case, and `*` stands for any text inside a segment or, at the end, for all that follows.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from usance.domain.access.actions import Action
from usance.domain.access.caller import Statement
from usance.domain.access.spelling import ALL_ACTIONS, glob, normal_action

# Resources of the billing service; every other type belongs to config (platform.md 4.2).
BILLING_TYPES: Final = frozenset(
    {
        "balance",
        "bill",
        "billconfig",
        "billjob",
        "charge",
        "counteradjustment",
        "statementjob",
    }
)
# Names that policies also use for a type (platform.md 4.2).
_OTHER_NAMES: Final[Mapping[str, str]] = {
    "integrationconfiguration": "integrationconfig",
    "user": "orguser",
    "webhook": "integrationdestination",
}
_WHOLE_TYPE: Final[tuple[list[str], ...]] = ([], ["*"], ["item", "*"], ["*", "*"])


def allows(
    statements: Iterable[Statement],
    action: Action,
    resource_type: str,
    item_id: str | None = None,
    groups: Collection[str] = (),
) -> bool:
    """Whether `statements` let their holder do `action`.

    Without `item_id` the question is about the type as a whole (a create): a statement about one item or one group
    neither grants nor denies that. `groups` are the ids of the resource groups that hold the item.
    """
    allowed = False
    for statement in _about(statements, action):
        if not any(_covers(rest, item_id, groups) for rest in _parts(statement, action, resource_type)):
            continue
        if _denies(statement):
            return False
        allowed = True
    return allowed


def allows_some(statements: Iterable[Statement], action: Action, resource_type: str) -> bool:
    """Whether there may be items that `statements` let their holder do `action` on: whether a list makes sense.

    A deny of the whole type leaves none; an allow of one item or group of it may leave some.
    """
    allowed = False
    for statement in _about(statements, action):
        parts = list(_parts(statement, action, resource_type))
        if not _denies(statement):
            allowed = allowed or bool(parts)
        elif any(rest in _WHOLE_TYPE for rest in parts):
            return False
    return allowed


def allows_all(statements: Iterable[Statement], action: Action, resource_type: str) -> bool:
    """Whether `statements` let their holder do `action` on every item: the type is allowed, and no item or group denied."""
    held = list(statements)
    return allows(held, action, resource_type) and not any(
        _denies(statement) and any(True for _ in _parts(statement, action, resource_type))
        for statement in _about(held, action)
    )


def groups_named(statements: Iterable[Statement], action: Action, resource_type: str) -> frozenset[str]:
    """The resource groups that decide on `action`: their ids in lower case, and `*` where any group would do."""
    return frozenset(
        "*" if "*" in rest[1] else rest[1]
        for statement in _about(statements, action)
        for rest in _parts(statement, action, resource_type)
        if rest not in _WHOLE_TYPE and len(rest) == 2 and glob(rest[0], "group")  # noqa: PLR2004
    )


def _about(statements: Iterable[Statement], action: Action) -> Iterator[Statement]:
    wanted = action.value.lower()
    for statement in statements:
        if statement.effect.strip().lower() in {"allow", "deny"} and any(
            pattern in ALL_ACTIONS or glob(pattern, wanted)
            for pattern in (normal_action(written) for written in statement.actions)
        ):
            yield statement


def _denies(statement: Statement) -> bool:
    return statement.effect.strip().lower() == "deny"


def _parts(statement: Statement, action: Action, resource_type: str) -> Iterator[list[str]]:
    """What follows the type in each resource of the statement that is of this type."""
    type_ = resource_type.lower()
    names = (type_, _OTHER_NAMES.get(type_, type_))
    services = {action.value.partition(":")[0].lower(), "billing" if type_ in BILLING_TYPES else "config"}
    for written in statement.resources:
        pattern = written.strip().lower()
        if pattern == "*":
            yield []
            continue
        service, _, path = pattern.partition(":")
        type_pattern, *rest = path.split("/")
        if any(glob(service, name) for name in services) and any(glob(type_pattern, name) for name in names):
            yield rest


def _covers(rest: list[str], item_id: str | None, groups: Collection[str]) -> bool:
    if rest in _WHOLE_TYPE:
        return True
    if item_id is None or len(rest) != 2:  # noqa: PLR2004
        return False
    kind, id_ = rest
    return (glob(kind, "item") and glob(id_, item_id.lower())) or (
        glob(kind, "group") and any(glob(id_, group.lower()) for group in groups)
    )

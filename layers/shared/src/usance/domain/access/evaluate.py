"""Evaluation of statements (platform.md 4.2, 4.3): default deny, and a matching deny beats every allow.

A resource is written `service:type/item/id`. Either spelling of an action is understood, letters match in any case, and
`*` stands for any text inside a segment or, at the end, for all that follows.
"""

from collections.abc import Iterable
from typing import Final

from usance.domain.access.actions import Action
from usance.domain.access.caller import Statement

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


def allows(statements: Iterable[Statement], action: Action, resource_type: str, item_id: str | None = None) -> bool:
    """Whether `statements` let their holder do `action`.

    Without `item_id` the question is about the type as a whole (a list, a create): a statement about one item neither
    grants nor denies that.
    """
    allowed = False
    for statement in statements:
        if not _covers_action(statement, action) or not _covers_resource(statement, action, resource_type, item_id):
            continue
        if statement.effect.lower() == "deny":
            return False
        allowed = allowed or statement.effect.lower() == "allow"
    return allowed


def _covers_action(statement: Statement, action: Action) -> bool:
    return any(
        pattern in {"all", "*"} or _glob(pattern, action.value.lower())
        for pattern in (_normal_action(written) for written in statement.actions)
    )


def _normal_action(written: str) -> str:
    lowered = written.strip().lower()
    return lowered if ":" in lowered else lowered.replace("_", ":", 1)


def _covers_resource(statement: Statement, action: Action, resource_type: str, item_id: str | None) -> bool:
    type_ = resource_type.lower()
    services = {action.value.partition(":")[0].lower(), "billing" if type_ in BILLING_TYPES else "config"}
    return any(_covers(pattern.strip().lower(), services, type_, item_id) for pattern in statement.resources)


def _covers(pattern: str, services: Iterable[str], type_: str, item_id: str | None) -> bool:
    if pattern == "*":
        return True
    service, _, path = pattern.partition(":")
    if not any(_glob(service, name) for name in services):
        return False
    type_pattern, *rest = path.split("/")
    if not _glob(type_pattern, type_):
        return False
    if rest in ([], ["*"], ["item", "*"], ["*", "*"]):
        return True
    return item_id is not None and len(rest) == 2 and _glob(rest[0], "item") and _glob(rest[1], item_id.lower())  # noqa: PLR2004


def _glob(pattern: str, text: str) -> bool:
    """Whether `text` is `pattern` with any text for each `*`; in one pass, however many there are."""
    first, *rest = pattern.split("*")
    if not rest:
        return text == pattern
    *inner, last = rest
    if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
        return False
    place, end = len(first), len(text) - len(last)
    for part in inner:
        found = text.find(part, place, end)
        if found < 0:
            return False
        place = found + len(part)
    return True

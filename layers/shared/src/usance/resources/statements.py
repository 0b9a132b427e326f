"""Statements of permission policies, as they are written (platform.md 4.1, 4.2). They are kept and echoed verbatim."""

from typing import Annotated, Final

from pydantic import AfterValidator, Field, WithJsonSchema

from usance.domain.access.actions import Action
from usance.domain.access.spelling import is_action, is_effect, is_resource
from usance.resources.fields import Noun

STATEMENTS_MAX: Final = 50  # all that concern a principal travel with each of its requests
ACTIONS_MAX: Final = 50
RESOURCES_MAX: Final = 100
WRITTEN_MAX_CHARS: Final = 200


def _effect(value: str) -> str:
    if not is_effect(value):
        raise ValueError("must be ALLOW or DENY")
    return value


def _action(value: str) -> str:
    if not is_action(value):
        names = ", ".join(action.name for action in Action)
        raise ValueError(f"must be ALL or one of {names}, also written as in config:create or config:*")
    return value


def _resource(value: str) -> str:
    if not is_resource(value):
        raise ValueError(
            "must be *, service:type, service:type/*, service:type/item/id or service:type/group/id, such as config:plan/*"
        )
    return value


class PermissionStatement(Noun):
    """What its holder may do, or may not, on which resources."""

    effect: Annotated[
        str,
        AfterValidator(_effect),
        WithJsonSchema({"type": "string", "description": "ALLOW or DENY, in any case.", "examples": ["ALLOW"]}),
    ]
    action: Annotated[
        list[Annotated[str, Field(max_length=WRITTEN_MAX_CHARS), AfterValidator(_action)]],
        Field(max_length=ACTIONS_MAX),
    ]
    resource: Annotated[
        list[Annotated[str, Field(max_length=WRITTEN_MAX_CHARS), AfterValidator(_resource)]],
        Field(min_length=1, max_length=RESOURCES_MAX),
    ]

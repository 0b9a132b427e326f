"""From what a client sent to a document, or to a refusal that names each field."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from usance.domain.kernel.errors import InvalidInputError
from usance.resources import refusals
from usance.resources.wire import Document

SHOWN_MAX: Final = 5  # refusals in one message

Model = TypeVar("Model", bound=BaseModel)


def validated(model: type[Model], body: Mapping[str, Any]) -> Model:
    """`body` as `model` reads it; `InvalidInputError` names each field that breaks it."""
    try:
        return model.model_validate(dict(body))
    except ValidationError as invalid:
        found = invalid.errors(include_url=False, include_input=False)
        told = "; ".join(_told(refusal) for refusal in found[:SHOWN_MAX])
        more = f"; and {len(found) - SHOWN_MAX} more" if len(found) > SHOWN_MAX else ""
        raise InvalidInputError(told + more) from None


def document_of(value: BaseModel) -> Document:
    """The wire form of a model: its properties that are set, defaults included."""
    return value.model_dump(by_alias=True, exclude_none=True)


def _told(refusal: ErrorDetails) -> str:
    path = ""
    for step in refusal["loc"]:
        if isinstance(step, int):
            path += f"[{step}]"
        elif step == "[key]":
            path += " (a name)"
        else:
            path += f".{step}" if path else step
    told = refusals.of_pydantic(refusal)
    return f"{path} {told}" if told == refusals.REQUIRED else f"{path[:200] or 'the body'}: {told}"

"""From what a client sent to a document, or to a refusal that names each field."""

import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from usance.domain.kernel.errors import InvalidInputError
from usance.resources.wire import Document

SHOWN_MAX: Final = 5  # refusals in one message

Model = TypeVar("Model", bound=BaseModel)

_WORDS: Final[Mapping[str, str]] = {
    "missing": "is required",
    "string_type": "must be a string",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "list_type": "must be an array",
    "dict_type": "must be an object",
    "mapping_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "decimal_type": "must be a number",
    "is_instance_of": "must be a number",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must match {pattern}",
    "too_short": "must have at least {min_length} items",
    "too_long": "must have at most {max_length} items",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
    "literal_error": "must be one of {expected}",
    "value_error": "{error}",
}
_OF_ONE: Final = re.compile(r" 1 (character|item)s")


def validated(model: type[Model], body: Mapping[str, Any]) -> Model:
    """`body` as `model` reads it; `InvalidInputError` names each field that breaks it."""
    try:
        return model.model_validate(dict(body))
    except ValidationError as invalid:
        refusals = invalid.errors(include_url=False, include_input=False)
        told = "; ".join(_told(refusal) for refusal in refusals[:SHOWN_MAX])
        more = f"; and {len(refusals) - SHOWN_MAX} more" if len(refusals) > SHOWN_MAX else ""
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
    words = _WORDS.get(refusal["type"])
    told = _OF_ONE.sub(r" 1 \1", words.format(**refusal.get("ctx", {}))) if words else refusal["msg"]
    return f"{path[:200] or 'the body'}: {told}" if words != "is required" else f"{path} {told}"

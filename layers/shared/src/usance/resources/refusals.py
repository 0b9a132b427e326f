"""The words in which clients are told what is wrong with a body, whichever library found it: never that library's own."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

REQUIRED: Final = "is required"
STRING: Final = "must be a string"
NUMBER: Final = "must be a number"
WHOLE_NUMBER: Final = "must be a whole number"
ARRAY: Final = "must be an array"
OBJECT: Final = "must be an object"
DATE_TIME: Final = "must be a date-time such as 2026-01-31T12:00:00Z"
BEYOND: Final = "the number is beyond what can be stored"

_OF_PYDANTIC: Final[Mapping[str, str]] = {
    "missing": REQUIRED,
    "string_type": STRING,
    "string_unicode": "must be a string of Unicode characters",
    "int_type": WHOLE_NUMBER,
    "int_parsing": WHOLE_NUMBER,
    "int_from_float": WHOLE_NUMBER,
    "bool_type": "must be true or false",
    "list_type": ARRAY,
    "dict_type": OBJECT,
    "mapping_type": OBJECT,
    "model_type": OBJECT,
    "model_attributes_type": OBJECT,
    "decimal_type": NUMBER,
    "decimal_parsing": NUMBER,
    "finite_number": NUMBER,
    "is_instance_of": NUMBER,
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
_OF_MSGSPEC: Final[Mapping[str, str]] = {"object": OBJECT, "array": ARRAY, "str": STRING, "datetime": DATE_TIME}
_OF_ONE: Final = re.compile(r" 1 (character|item)s")
_EXPECTED: Final = re.compile(r"Expected `(\w+)(?: \| null)?`(?: of length (>=|<=) (\d+))?.*", re.DOTALL)


def of_pydantic(details: "ErrorDetails") -> str:
    """What a value must be, from what a model says of it."""
    words = _OF_PYDANTIC.get(details["type"])
    return _one(words.format(**details.get("ctx", {}))) if words else details["msg"]


def of_msgspec(problem: str) -> str:
    """What a value must be, from what a decoder says of it without the path."""
    if "RFC3339" in problem:
        return DATE_TIME
    expected = _EXPECTED.fullmatch(problem)
    if not expected:
        return BEYOND
    kind, comparison, length = expected.groups()
    if comparison is None:
        return _OF_MSGSPEC[kind]
    limit = "least" if comparison == ">=" else "most"
    return _one(f"must have at {limit} {length} {'items' if kind == 'array' else 'characters'}")


def not_json(malformed: Exception) -> str:
    """Why a text is no JSON, from what a decoder of it raised."""
    return f"the body is not valid JSON: {_flaw(malformed)}"


def _flaw(malformed: Exception) -> str:
    match malformed:
        case UnicodeDecodeError():
            return "it must be encoded in UTF-8"
        case RecursionError():
            return "it is nested too deeply"
        case _:
            flaw = str(malformed).removeprefix("JSON is malformed: ")
            return "it ends too early" if "truncated" in flaw else flaw


def _one(words: str) -> str:
    return _OF_ONE.sub(r" 1 \1", words)

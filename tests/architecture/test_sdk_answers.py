"""What the official SDK reads of answers is in the description of the API, field by field."""

import re
from collections.abc import Mapping
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from m3ter._models import BaseModel

from tests.conformance.methods import SYNC, methods
from tools.compatibility import Method, sdk_methods
from tools.openapi import describe

NEVER = {  # what nothing of the organization has, by our choice or by the API's documentation
    "additional": "adds nothing",
    "creditTypeId": "obsolete",
    "group": "of no line item",
}
LISTS = {  # typed as one entity, which is documented, and answered, as a list
    "integration_configurations.get_by_entity",
    "users/users.get_permissions",
    "users/users.get_user_groups",
}
OF_RUNS = {"integration_configurations.retrieve"}  # typed as a run; what is created and updated is a configuration
OF_AGGREGATIONS = {"compound_aggregations.create", "compound_aggregations.update"}  # typed as an aggregation
DESCRIPTION = describe()
OPERATIONS = {
    (verb.upper(), re.sub(r"\{\w+\}", "{}", path)): operation
    for path, operations in DESCRIPTION["paths"].items()
    for verb, operation in operations.items()
}
FUNCTIONS = {name: getattr(class_, own) for class_, own, name in methods(SYNC)}
METHODS = [method for method in sdk_methods() if method.name not in LISTS | OF_RUNS | OF_AGGREGATIONS]


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        schema = DESCRIPTION["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def answered(method: Method) -> Mapping[str, Any]:
    """The described properties of what a method gives: of a list, of one of its entities."""
    operation = OPERATIONS[method.verb, re.sub(r"\{\w+\}", "{}", method.path)]
    schema = resolved(operation["responses"]["200"]["content"]["application/json"]["schema"])
    if {"data", "nextToken"} == schema.get("properties", {}).keys():
        schema = resolved(schema["properties"]["data"]["items"])
    if schema.get("type") == "array":
        schema = resolved(schema["items"])
    return schema.get("properties", {})  # type: ignore[no-any-return]


def read(method: Method) -> frozenset[str]:
    """The fields of the SDK's type, by their names in the answer; none where that is no model."""
    hint = get_type_hints(FUNCTIONS[method.name]).get("return")
    if pages := getattr(hint, "__pydantic_generic_metadata__", {}).get("args"):  # one of a page
        hint = pages[0]
    elif get_origin(hint) is list:
        hint = get_args(hint)[0]
    if not (isinstance(hint, type) and issubclass(hint, BaseModel)):
        return frozenset()
    names = {field.alias or name for name, field in hint.model_fields.items()}
    return frozenset(names - {"data", "nextToken"})


def test_the_types_of_the_sdk_are_found() -> None:
    assert sum(bool(read(method)) for method in METHODS) > 250


@pytest.mark.parametrize("method", METHODS, ids=[method.name for method in METHODS])
def test_an_answer_is_described_with_every_field_that_the_sdk_reads(method: Method) -> None:
    fields = answered(method).keys()
    assert not read(method) - fields - NEVER.keys()

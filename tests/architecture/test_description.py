"""The description of the API says what it says in keywords that every reader of JSON Schema knows."""

from collections.abc import Iterator, Mapping
from typing import Any

from tools.openapi import describe

KEYWORDS = {
    "$ref",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "contentMediaType",
    "default",
    "description",
    "enum",
    "examples",
    "exclusiveMinimum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "oneOf",
    "pattern",
    "properties",
    "propertyNames",
    "readOnly",
    "required",
    "title",
    "type",
    "uniqueItems",
    "writeOnly",
}


def schemas(schema: Any) -> Iterator[Mapping[str, Any]]:
    """A schema and all that are in it."""
    if not isinstance(schema, Mapping):
        return
    yield schema
    inner = [schema.get(name) for name in ("items", "additionalProperties", "propertyNames")]
    for one in (*inner, *schema.get("properties", {}).values()):
        yield from schemas(one)
    for name in ("allOf", "anyOf", "oneOf"):
        for one in schema.get(name, ()):
            yield from schemas(one)


def test_schemas_use_keywords_of_json_schema_alone() -> None:
    description = describe()
    parameters = [
        parameter["schema"]
        for operations in description["paths"].values()
        for operation in operations.values()
        for parameter in operation.get("parameters", ())
    ]
    named = description["components"]["schemas"].values()
    used = {keyword for outer in (*named, *parameters) for schema in schemas(outer) for keyword in schema}
    assert used <= KEYWORDS


def test_amounts_are_described_as_numbers_alone() -> None:
    described = describe()["components"]["schemas"]
    number = {"type": "number"}
    assert described["Bill"]["properties"]["billTotal"] == number
    assert described["BillLineItem"]["properties"]["subtotal"] == number
    assert described["BalanceSummary"]["properties"]["totalCreditAmount"] == number


FREE = {"describeApi", "resendPassword"}  # a description of OpenAPI, and nothing


def test_every_answer_is_described_by_its_fields() -> None:
    description = describe()

    def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in schema:
            schema = description["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return schema

    def is_free(schema: Mapping[str, Any]) -> bool:
        schema = resolved(schema)
        if schema.get("type") == "array":
            return is_free(schema["items"])
        if "data" in schema.get("properties", {}):
            return is_free(schema["properties"]["data"])
        return schema.get("type") == "object" and not schema.keys() & {"properties", "additionalProperties"}

    free = {
        operation["operationId"]
        for operations in description["paths"].values()
        for operation in operations.values()
        if is_free(operation["responses"]["200"]["content"]["application/json"]["schema"])
    }
    assert free == FREE
    table = resolved({"$ref": "#/components/schemas/LookupTableEntity"})
    assert "itemCount" in resolved(table["properties"]["activeRevision"])["properties"]

"""Writes `docs/openapi.json` from the routes that the functions mount; `--check` fails when the file is not current.

The description is built here and never inside a function: making schemas costs a cold start more than it gives.
"""

import argparse
import gzip
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import msgspec
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import DecimalSchema

from usance.entrypoints.http import billing, description, entities, ingest, statements, tokens, usage
from usance.entrypoints.http.routes import Operation, Route, page_parameters
from usance.resources import wire
from usance.resources.resource import Resource, Verb

PACKED: Final = Path(__file__).parent.parent / "layers" / "shared" / "src" / "usance" / description.PACKED
FILE: Final = Path(__file__).parent.parent / "docs" / "openapi.json"
MODULES: Final[Mapping[str, Callable[[], Iterable[Route]]]] = {
    "tokens": tokens.routes,
    "entities": entities.routes,  # with the events
    "ingest": ingest.routes,
    "usage": usage.routes,
    "billing": billing.routes,
    "statements": statements.routes,
}
Schema = dict[str, Any]

_REF: Final = "#/components/schemas/{model}"
_AUDIT: Final[Mapping[str, Schema]] = {
    "dtCreated": {"type": "string", "format": "date-time", "description": "When the entity was created."},
    "dtLastModified": {"type": "string", "format": "date-time", "description": "When it last changed."},
    "createdBy": {"type": "string", "description": "Who created it, such as SERVICE_USER_ and an id."},
    "lastModifiedBy": {"type": "string", "description": "Who changed it last."},
}
_ERROR: Final[Schema] = {
    "type": "object",
    "description": "A refusal.",
    "properties": {
        "message": {"type": "string", "description": "What was refused, naming the field, and what to do."},
        "errorCode": {"type": "string", "description": "The kind of refusal, for programs."},
    },
    "required": ["message"],
}


class _Decimals(GenerateJsonSchema):
    """Decimals are numbers on the wire, both ways; pydantic supposes that they may be texts as well."""

    def decimal_schema(self, schema: DecimalSchema) -> JsonSchemaValue:  # noqa: ARG002 - limits are at the fields
        return {"type": "number"}


def routes() -> tuple[Route, ...]:
    """Every route of the API."""
    return tuple(route for module in MODULES.values() for route in module())


def describe() -> Schema:
    """The whole description."""
    schemas: dict[str, Schema] = {"Error": _ERROR}
    paths: dict[str, dict[str, Schema]] = {}
    for route in routes():
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Usance",
            "version": version("usance"),
            "description": "Usage-based billing in your own AWS account. Compatible with the m3ter API.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"accessToken": []}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "responses": {
                "Refused": {
                    "description": "Refused; nothing was changed.",
                    "content": {"application/json": {"schema": {"$ref": _REF.format(model="Error")}}},
                }
            },
            "securitySchemes": {
                "accessToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "accessKey": {"type": "http", "scheme": "basic", "description": "API key and API secret."},
            },
        },
    }


def _operation(route: Route, schemas: dict[str, Schema]) -> Schema:
    operation = route.operation
    described: Schema = {
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": [*_path_parameters(route.path), *_query_parameters(operation)],
        "responses": {
            "200": {
                "description": "Done.",
                "content": {"application/json": {"schema": _answer(operation, schemas)}},
            },
            "4XX": {"$ref": "#/components/responses/Refused"},
        },
    }
    if operation.body is not None:
        schema = _body(operation, route.method, schemas)
        content = {"application/json": {"schema": schema}}
        if route.path == "/oauth/token":
            content["application/x-www-form-urlencoded"] = {"schema": schema}
        described["requestBody"] = {"required": route.method != "DELETE", "content": content}
    if operation.resource is not None and operation.id.endswith(f".{Verb.CREATE}"):
        described["responses"]["200"]["links"] = _links(operation.resource)
    if route.path == "/oauth/token":
        described["security"] = [{"accessKey": []}, {}]  # people who sign in have none
    if route.path == "/openapi.json":
        described["security"] = []
    return described


def _links(resource: Resource) -> Schema:
    """What can be done next with the entity that was created."""
    return {
        f"{resource.type}.{verb}": {
            "operationId": f"{resource.type}.{verb}",
            "parameters": {"orgId": "$request.path.orgId", "id": "$response.body#/id"},
        }
        for verb in (Verb.GET, Verb.UPDATE, Verb.DELETE)
        if verb in resource.verbs
    }


def _path_parameters(path: str) -> list[Schema]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"\{(\w+)\}", path)
    ]


def _query_parameters(operation: Operation) -> list[Schema]:
    parameters = operation.query
    if operation.paged and "pageSize" not in {parameter.name for parameter in parameters}:
        parameters = (*page_parameters(operation.page_size_max), *parameters)
    return [
        {
            "name": parameter.name,
            "in": "query",
            "required": parameter.required,
            "description": parameter.description,
            "schema": dict(parameter.schema),
            **({"style": "form", "explode": False} if parameter.schema.get("type") == "array" else {}),
        }
        for parameter in parameters
    ]


def _body(operation: Operation, method: str, schemas: dict[str, Schema]) -> Schema:
    assert operation.body is not None
    reference = _reference(operation.body, schemas)
    if operation.resource is None or method != "PUT":
        return reference
    version = {
        "type": "integer",
        "minimum": 1,
        "description": "The version that was read; an update of another is refused.",
    }
    return {"allOf": [reference, {"type": "object", "properties": {"version": version}, "required": ["version"]}]}


def _answer(operation: Operation, schemas: dict[str, Schema]) -> Schema:
    one: Schema = {"type": "object"}
    if operation.resource is not None:
        one = _entity(operation.resource, schemas)
    elif operation.returns is not None:
        one = _reference(operation.returns, schemas)
    if operation.array:
        return {"type": "array", "items": one}
    if not operation.paged:
        return one
    return {
        "type": "object",
        "properties": {
            "data": {"type": "array", "items": one},
            "nextToken": {
                "type": ["string", "null"],
                "description": "The token of the next page; null on the last one.",
            },
        },
        "required": ["data"],
    }


def _entity(resource: Resource, schemas: dict[str, Schema]) -> Schema:
    """A resource as the API answers it: what clients send, what follows from it, and the audit fields."""
    name = f"{resource.model.__name__}Entity"
    sent = _schema(resource.model, schemas)
    entity: Schema = {
        "type": "object",
        "description": f"{resource.title}, as stored.",
        "properties": {
            "id": {"type": "string", "description": "Its id."},
            "version": {"type": "integer", "description": "How often it was written; updates send it back."},
            **sent["properties"],
            **resource.answers,
            **_AUDIT,
        },
        "required": ["id", "version"],
    }
    _add(name, entity, schemas)
    return {"$ref": _REF.format(model=name)}


def _reference(model: type[BaseModel], schemas: dict[str, Schema]) -> Schema:
    _add(model.__name__, _schema(model, schemas), schemas)
    return {"$ref": _REF.format(model=model.__name__)}


def _schema(model: type[BaseModel], schemas: dict[str, Schema]) -> Schema:
    schema: Schema = _tidy(model.model_json_schema(by_alias=True, ref_template=_REF, schema_generator=_Decimals))
    for name, inner in schema.pop("$defs", {}).items():
        _add(name, inner, schemas)
    return schema


def _add(name: str, schema: Schema, schemas: dict[str, Schema]) -> None:
    if schemas.setdefault(name, schema) != schema:
        raise ValueError(f"two models are called {name}; the description names each once")


def _tidy(value: Any) -> Any:
    """Without the titles that pydantic makes of names, and without the null that it adds to what may be left out."""
    if isinstance(value, list):
        return [_tidy(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {name: _tidy(inner) for name, inner in value.items() if name != "title" or isinstance(inner, dict)}
    options = kept.get("anyOf")
    if isinstance(options, list) and {"type": "null"} in options:
        options = [option for option in options if option != {"type": "null"}]
        rest = {name: inner for name, inner in kept.items() if name not in {"anyOf", "default"}}
        return {**options[0], **rest} if len(options) == 1 else {"anyOf": options, **rest}
    return kept


def main() -> int:
    """Write or check the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail when docs/openapi.json is not what would be written")
    arguments = parser.parse_args()
    described = wire.dumps(describe())
    text = msgspec.json.format(described, indent=1) + b"\n"
    if not arguments.check:
        FILE.write_bytes(text)
        PACKED.write_bytes(gzip.compress(described, mtime=0))
        print(f"{FILE.relative_to(Path.cwd()) if FILE.is_relative_to(Path.cwd()) else FILE}: {len(text)} bytes")
        return 0
    packed = gzip.decompress(PACKED.read_bytes()) if PACKED.exists() else b""
    if FILE.exists() and FILE.read_bytes() == text and packed == described:
        return 0
    print("docs/openapi.json is not current: run `make openapi`", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())

"""The query parameters that the methods of the official SDK send, read from its source and its types."""

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from m3ter._utils import PropertyInfo

KINDS: Mapping[Any, str] = {bool: "boolean", int: "integer", str: "string"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter by its name in the request. `kind` is a type of JSON Schema; no `choices` are any values."""

    name: str
    kind: str
    choices: frozenset[str] = frozenset()


def query_parameters(method: Callable[..., Any]) -> tuple[Parameter, ...]:
    """Those that a method sends. An argument that it sends elsewhere is none, even where its types do not tell them apart."""
    function = inspect.unwrap(method)
    sent = [
        keyword.value
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function))))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "query" and isinstance(keyword.value, ast.Call)
    ]
    if not sent:
        return ()
    [call] = sent
    names, types = call.args
    assert isinstance(names, ast.Dict)
    assert isinstance(types, ast.Attribute)
    assert isinstance(types.value, ast.Name)
    module = getattr(sys.modules[function.__module__], types.value.id)
    hints = get_type_hints(getattr(module, types.attr), include_extras=True)
    return tuple(_parameter(ast.literal_eval(name), hints) for name in names.keys if name is not None)


def _parameter(name: str, hints: Mapping[str, Any]) -> Parameter:
    hint = _bare(hints[name])
    if get_origin(hint) is not Annotated:
        return Parameter(name, *_kind(hint))
    hint, *more = get_args(hint)
    [alias] = [one.alias for one in more if isinstance(one, PropertyInfo)]
    return Parameter(alias or name, *_kind(hint))


def _bare(hint: Any) -> Any:
    """Without `Required`."""
    return get_args(hint)[0] if getattr(get_origin(hint), "_name", "") == "Required" else hint


def _kind(hint: Any) -> tuple[str, frozenset[str]]:
    origin = get_origin(hint)
    if origin is Literal:
        return "string", frozenset(get_args(hint))
    if origin is Union:  # with None, or a text beside a date
        return _kind(get_args(hint)[0])
    return ("array", frozenset()) if origin is not None else (KINDS[hint], frozenset())

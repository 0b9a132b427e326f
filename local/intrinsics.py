"""Resolves CloudFormation's intrinsic functions to the values they have on this machine."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from local.names import ACCOUNT_ID, REGION, STACK_NAME, Names
from local.template import Template, TemplateError

_NO_VALUE: Final = object()
_PLACEHOLDER: Final = re.compile(r"\$\{(!?)([^}]+)\}")
_PSEUDO_PARAMETERS: Final[Mapping[str, Any]] = {
    "AWS::AccountId": ACCOUNT_ID,
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": STACK_NAME,
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT_ID}:stack/{STACK_NAME}/local",
    "AWS::NoValue": _NO_VALUE,
}


class Resolver:
    """Turns values of one template into plain ones, given its parameters and the local names of its resources."""

    def __init__(self, template: Template, names: Names, parameters: Mapping[str, str]) -> None:
        """`parameters` override the template's defaults; an unknown one raises `TemplateError`."""
        self._conditions: Mapping[str, Any] = template.get("Conditions", {})
        self._mappings: Mapping[str, Any] = template.get("Mappings", {})
        self._resources: Mapping[str, Any] = template["Resources"]
        self._names = names
        declared: Mapping[str, Any] = template.get("Parameters", {})
        unknown = set(parameters) - set(declared)
        if unknown:
            message = f"the template has no parameter {', '.join(sorted(unknown))}"
            raise TemplateError(message)
        self._parameters = {name: parameters.get(name, row.get("Default")) for name, row in declared.items()}
        self._functions: Mapping[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Condition": self.condition,
            "Fn::Sub": self._sub,
            "Fn::GetAtt": self._get_att,
            "Fn::If": self._if,
            "Fn::Join": self._join,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::FindInMap": self._find_in_map,
            "Fn::Equals": lambda pair: self.resolve(pair[0]) == self.resolve(pair[1]),
            "Fn::Not": lambda one: not self.resolve(one[0]),
            "Fn::And": lambda parts: all(self.resolve(part) for part in parts),
            "Fn::Or": lambda parts: any(self.resolve(part) for part in parts),
        }

    def resolve(self, value: Any) -> Any:
        """`value` without intrinsic functions; entries that are `AWS::NoValue` disappear."""
        if isinstance(value, dict):
            if len(value) == 1:
                (key, argument) = next(iter(value.items()))
                if key in self._functions and (key != "Condition" or isinstance(argument, str)):
                    return self._functions[key](argument)
                if key.startswith("Fn::"):
                    message = f"the embedded stack does not know the function {key}"
                    raise TemplateError(message)
            resolved = {key: self.resolve(part) for key, part in value.items()}
            return {key: part for key, part in resolved.items() if part is not _NO_VALUE}
        if isinstance(value, list):
            return [part for part in map(self.resolve, value) if part is not _NO_VALUE]
        return value

    def condition(self, name: str) -> bool:
        """Whether the condition `name` holds."""
        if name not in self._conditions:
            message = f"the template has no condition {name}"
            raise TemplateError(message)
        return bool(self.resolve(self._conditions[name]))

    def exists(self, logical_id: str) -> bool:
        """Whether the resource is made at all: it is in the template and its condition holds."""
        resource = self._resources.get(logical_id)
        return resource is not None and ("Condition" not in resource or self.condition(resource["Condition"]))

    def _ref(self, name: str) -> Any:
        if name in _PSEUDO_PARAMETERS:
            return _PSEUDO_PARAMETERS[name]
        if name in self._parameters:
            return self._parameters[name]
        return self._names.ref(name)

    def _get_att(self, path: list[str]) -> str:
        return self._names.attribute(path[0], ".".join(path[1:]))

    def _sub(self, argument: Any) -> str:
        text, extra = (argument[0], argument[1]) if isinstance(argument, list) else (argument, {})

        def value(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return f"${{{name}}}"
            if name in extra:
                return str(self.resolve(extra[name]))
            logical_id, _, attribute = name.partition(".")
            return str(self._names.attribute(logical_id, attribute) if attribute else self._ref(name))

        return _PLACEHOLDER.sub(value, text)

    def _if(self, argument: list[Any]) -> Any:
        condition, then, otherwise = argument
        return self.resolve(then if self.condition(condition) else otherwise)

    def _join(self, argument: list[Any]) -> str:
        separator, parts = argument
        return str(separator).join(str(part) for part in self.resolve(parts))

    def _select(self, argument: list[Any]) -> Any:
        return self.resolve(argument[1])[int(self.resolve(argument[0]))]

    def _split(self, argument: list[Any]) -> list[str]:
        return str(self.resolve(argument[1])).split(str(argument[0]))

    def _find_in_map(self, argument: list[Any]) -> Any:
        name, first, second = (self.resolve(part) for part in argument)
        return self._mappings[name][first][second]

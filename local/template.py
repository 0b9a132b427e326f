"""Reads a SAM template with its short-form tags (`!Ref`, `!Sub`, `!GetAtt` ...) as plain values."""

from pathlib import Path
from typing import Any

import yaml

try:  # by libyaml it takes a tenth of the time
    from yaml import CSafeLoader as _SafeLoader
except ImportError:  # PyYAML was built without it
    from yaml import SafeLoader as _SafeLoader  # type: ignore[assignment]

Template = dict[str, Any]
"""A template as JSON would carry it: a tag `!Sub x` is `{"Fn::Sub": "x"}`."""


class TemplateError(Exception):
    """The template says something that the embedded stack cannot run; the message names the place."""


class _Loader(_SafeLoader):
    """YAML as CloudFormation reads it."""


def _tag(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    key = suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}"
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    else:
        message = f"a tag on a node of an unknown kind: {node}"
        raise TemplateError(message)
    if key == "Fn::GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {key: value}


def _text_of_date(loader: _Loader, node: yaml.ScalarNode) -> str:
    return loader.construct_scalar(node)


_Loader.add_multi_constructor("!", _tag)
# Versions such as 2010-09-09 are text in a template, not dates.
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _text_of_date)


def read_template(path: Path) -> Template:
    """The template at `path`; raises `TemplateError` when it is not one."""
    try:
        # _Loader is a SafeLoader: it makes plain values only.
        template = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506
    except (OSError, yaml.YAMLError) as unreadable:
        message = f"cannot read the template {path}: {unreadable}"
        raise TemplateError(message) from unreadable
    if not isinstance(template, dict) or not isinstance(template.get("Resources"), dict):
        message = f"{path} is not a template: it has no Resources"
        raise TemplateError(message)
    return template

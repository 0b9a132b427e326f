import json
from typing import Any

import pytest

from local.patterns import admits
from local.template import TemplateError

RECORD = {"eventName": "MODIFY", "dynamodb": {"NewImage": {"body": {"S": "{}"}, "n": {"N": "5"}}}, "size": 7}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({"eventName": ["INSERT", "MODIFY"]}, True),
        ({"eventName": ["REMOVE"]}, False),
        ({"dynamodb": {"NewImage": {"body": {"S": [{"exists": True}]}}}}, True),
        ({"dynamodb": {"OldImage": {"body": {"S": [{"exists": True}]}}}}, False),
        ({"dynamodb": {"OldImage": {"body": {"S": [{"exists": False}]}}}}, True),
        ({"eventName": [{"prefix": "MOD"}]}, True),
        ({"eventName": [{"suffix": "FY"}], "size": [{"numeric": [">", 5, "<=", 7]}]}, True),
        ({"size": [{"numeric": ["<", 7]}]}, False),
        ({"eventName": [{"anything-but": ["REMOVE"]}]}, True),
        ({"eventName": [{"anything-but": {"prefix": "MO"}}]}, False),
        ({"$or": [{"size": [1]}, {"eventName": ["MODIFY"]}]}, True),
    ],
)
def test_a_pattern_admits_what_it_describes(pattern: dict[str, Any], expected: bool) -> None:
    assert admits([json.dumps(pattern)], RECORD) is expected


def test_one_of_several_patterns_is_enough_and_none_admits_all() -> None:
    assert admits(['{"size":[1]}', '{"size":[7]}'], RECORD)
    assert admits([], RECORD)


def test_an_unknown_rule_is_named() -> None:
    with pytest.raises(TemplateError, match="cidr"):
        admits(['{"eventName":[{"cidr":"10.0.0.0/8"}]}'], RECORD)

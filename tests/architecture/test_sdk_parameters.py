"""What methods of the official SDK send in the query is described as they send it."""

import re

import pytest

from tests.conformance.methods import SYNC, methods
from tests.conformance.parameters import Parameter, query_parameters
from tools.compatibility import Method, sdk_methods
from tools.openapi import describe

OURS = {  # by the API's documentation where it has more than the SDK, and else by our choice
    "bills/bills.approve": {"billIds"},
    "lookup_tables/lookup_tables.list": {"ids"},
    "usage/file_uploads/jobs.list": {"ids"},
    "users/users.get_user_groups": {"inherited"},
}
LISTS = {("bills/bills.approve", "accountIds")}  # the SDK takes them joined by commas, which is how it sends a list
METHODS = list(sdk_methods())
SENT = {name: query_parameters(getattr(class_, own)) for class_, own, name in methods(SYNC)}
DESCRIBED = {
    (verb.upper(), re.sub(r"\{\w+\}", "{}", path)): {
        parameter["name"]: parameter["schema"] for parameter in operation["parameters"] if parameter["in"] == "query"
    }
    for path, operations in describe()["paths"].items()
    for verb, operation in operations.items()
}

every_method = pytest.mark.parametrize("method", METHODS, ids=[method.name for method in METHODS])


def described(method: Method) -> dict[str, dict[str, object]]:
    return DESCRIBED[method.verb, re.sub(r"\{\w+\}", "{}", method.path)]


def test_the_parameters_of_the_sdk_are_found() -> None:
    assert sum(map(len, SENT.values())) > 250
    assert Parameter("status", "string", frozenset({"PENDING", "APPROVED"})) in SENT["bills/bills.list"]
    assert Parameter("ids", "array") in SENT["accounts.list"]
    assert {one.name for one in SENT["balances/charge_schedules.preview"]} == {"nextToken", "pageSize"}


@every_method
def test_an_operation_takes_what_its_method_sends(method: Method) -> None:
    assert described(method).keys() == {one.name for one in SENT[method.name]} | OURS.get(method.name, set())


@every_method
def test_values_are_of_the_kind_and_the_choices_that_the_sdk_has(method: Method) -> None:
    schemas = described(method)
    for parameter in SENT[method.name]:
        schema = schemas[parameter.name]
        kind = "array" if (method.name, parameter.name) in LISTS else parameter.kind
        assert schema["type"] == kind, parameter.name
        if parameter.choices:
            assert schema["enum"] is not None
            assert set(schema["enum"]) == parameter.choices, parameter.name  # type: ignore[call-overload]

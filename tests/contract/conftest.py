"""Stores for the contract tests, each started once and only when a test asks for it."""

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.contract.stores import JARS, StoreTarget, running_dynamodb_local, running_ministack

Table = tuple[Any, str]
"""A DynamoDB client and the name of a table."""


@pytest.fixture(scope="package")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreTarget]:
    with running_ministack(tmp_path_factory.mktemp("ministack")) as target:
        yield target


@pytest.fixture(scope="package")
def dynamodb_local(request: pytest.FixtureRequest) -> Iterator[StoreTarget]:
    missing = shutil.which("java") is None or not any(JARS.glob("DynamoDBLocal*.jar"))
    if missing and request.config.option.markexpr == "dynamodb_local":
        pytest.fail(f"DynamoDB Local was asked for and is not there: it needs Java and {JARS} (make dynamodb-local)")
    if missing:
        pytest.skip(f"DynamoDB Local is NOT tested: it needs Java and {JARS} (make dynamodb-local)")
    with running_dynamodb_local() as target:
        yield target


@pytest.fixture
def fresh_table(request: pytest.FixtureRequest) -> Callable[[str, str], Table]:
    """`fresh_table(target, logical_id)`: an empty table of the template in the store `target` of `DYNAMODB_TARGETS`."""

    def make(target: str, logical_id: str) -> Table:
        store: StoreTarget = request.getfixturevalue(target)
        return store.table(logical_id)

    return make

"""What `OrganizationRows` promises: the fake of the tests, ministack and DynamoDB Local."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.stores import DYNAMODB_TARGETS
from tests.fakes.clock import FrozenClock
from tests.fakes.organization_rows import FakeOrganizationRows
from usance.adapters.dynamodb.entities import DynamoEntityRepository
from usance.adapters.dynamodb.organization_rows import DynamoOrganizationRows
from usance.application.access.credentials import ROOT
from usance.application.ports.entities import Put
from usance.application.ports.organization_rows import OrganizationRows, Row, RowPage, Table

LOGICAL = {Table.ENTITIES: "EntitiesTable", Table.USAGE: "UsageTable", Table.EVENTS: "EventsTable"}
RICH: dict[str, Any] = {
    "pk": {"S": "org#x"},
    "sk": {"S": "1"},
    "version": {"N": "12"},
    "chunk": {"B": "AAEC/w=="},
    "keys": {"L": [{"L": [{"S": "a"}, {"B": "AA=="}]}]},
    "wide": {"M": {"ids": {"SS": ["a", "b"]}, "no": {"BOOL": False}, "none": {"NULL": True}}},
}


def all_rows(rows: OrganizationRows, table: Table, org_id: str) -> list[Row]:
    found: list[Row] = []
    page = RowPage([], {})
    while page.after is not None:
        page = rows.page(table, org_id, page.after or None)
        found += page.rows
    return sorted(found, key=lambda row: str(row["sk"]))


@pytest.fixture(params=["fake", *DYNAMODB_TARGETS])
def rows(request: pytest.FixtureRequest, fresh_table: Callable[[str, str], tuple[Any, str]]) -> OrganizationRows:
    if request.param == "fake":
        return FakeOrganizationRows()
    made = {table: fresh_table(request.param, logical) for table, logical in LOGICAL.items()}
    client = made[Table.ENTITIES][0]
    return DynamoOrganizationRows(client, {table: name for table, (_, name) in made.items()})


def test_rows_are_read_back_as_they_were_put_by_organization(rows: OrganizationRows) -> None:
    many = [{"pk": {"S": "org#x"}, "sk": {"S": f"{number:03}"}} for number in range(60)]
    rows.put(Table.ENTITIES, [RICH, *many, {"pk": {"S": "organ#x"}, "sk": {"S": "1"}}])
    rows.put(Table.ENTITIES, [RICH])
    found = all_rows(rows, Table.ENTITIES, "org")
    assert len(found) == 61
    assert RICH in found
    assert all_rows(rows, Table.USAGE, "org") == []


@pytest.mark.parametrize("target", DYNAMODB_TARGETS)
def test_an_organization_is_known_by_its_own_row_and_its_access_keys(
    target: str, fresh_table: Callable[[str, str], tuple[Any, str]]
) -> None:
    client, name = fresh_table(target, "EntitiesTable")
    entities = DynamoEntityRepository(client, name, FrozenClock())
    rows = DynamoOrganizationRows(client, {Table.ENTITIES: name})
    assert rows.keys_to_it("one") == []
    for org in ("one", "two"):
        entities.commit(org, [Put("serviceUser", {"id": f"user of {org}", "version": 1})])
        key = {"id": f"key of {org}", "version": 1, "orgId": org}
        entities.commit(
            ROOT, [Put("accessKey", key, indexed={"serviceUserId": [f"user of {org}"]}, private={"s": "h"})]
        )
        entities.commit(ROOT, [Put("organization", {"id": org, "version": 1})])
    found = rows.keys_to_it("one")
    assert [row["sk"]["S"] for row in found] == ["key of one", "key of one", "one"]
    assert len({row["pk"]["S"] for row in found}) == 3
    before = client.scan(TableName=name)["Items"]
    rows.put(Table.ENTITIES, found)
    after = client.scan(TableName=name)["Items"]
    assert [{k: v for k, v in item.items() if k != "restored"} for item in after] == before
    assert sum("restored" in item for item in after) == 3


@pytest.mark.parametrize("target", DYNAMODB_TARGETS)
def test_a_claim_that_passes_is_not_part_of_a_row(
    target: str, fresh_table: Callable[[str, str], tuple[Any, str]]
) -> None:
    client, name = fresh_table(target, "EntitiesTable")
    entities = DynamoEntityRepository(client, name, FrozenClock())
    rows = DynamoOrganizationRows(client, {Table.ENTITIES: name})
    entities.commit("org", [Put("product", {"id": "p", "version": 1})])
    before = all_rows(rows, Table.ENTITIES, "org")
    entities.claim_deletion("org", "product", "p")
    assert all_rows(rows, Table.ENTITIES, "org") == before

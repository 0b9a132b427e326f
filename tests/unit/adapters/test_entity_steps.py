"""The largest changes that use cases make fit one transaction, and what they leave fits one event."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.fakes.clock import CountingIds, FrozenClock
from tests.fakes.entities import FakeEntityRepository
from usance.adapters.dynamodb import entity_steps
from usance.adapters.dynamodb.entity_steps import Row, change_steps
from usance.adapters.dynamodb.event_items import to_item
from usance.adapters.dynamodb.transactions import ITEMS_MAX
from usance.application.access.create_organization import create_organization
from usance.application.access.create_service_user import POLICIES_MAX, create_service_user
from usance.application.entities.puts import entity_put
from usance.application.entities.wide_references import with_wide_references
from usance.application.ports.entities import Delete, Put
from usance.application.ports.events import Event
from usance.domain.catalog.proposal import Proposal
from usance.domain.kernel.errors import InvalidInputError
from usance.resources import wire
from usance.resources.data_export import DATA_EXPORT_SCHEDULE
from usance.resources.statement_definition import PARTS_MAX, STATEMENT_DEFINITION

ORG = "11111111-1111-7111-8111-111111111111"
ITEM_MAX_BYTES = 409_600  # DynamoDB


class Measuring(FakeEntityRepository):
    """Notes how many items DynamoDB would need for each commit of creations."""

    sizes: list[int]

    def commit(self, org_id: str, changes: Sequence[Put | Delete]) -> None:
        before: Mapping[tuple[str, str], Row | None] = {
            (change.type, change.document["id"]): None for change in changes if isinstance(change, Put)
        }
        self.sizes.append(len(change_steps("table", org_id, changes, before, 0)))
        super().commit(org_id, changes)


def definition(version: int, first_meter: int) -> dict[str, Any]:
    """A statement definition whose every part is of a meter of its own."""
    parts = [{"name": "x", "filter": ["*"], "meterId": f"{first_meter + part:036}"} for part in range(2 * PARTS_MAX)]
    return {"id": ORG, "version": version, "dimensions": parts[:PARTS_MAX], "measures": parts[PARTS_MAX:]}


def test_the_largest_statement_definition_can_change_every_meter() -> None:
    old, new = definition(1, 0), definition(2, 1000)
    created = change_steps(
        "t", ORG, [entity_put(STATEMENT_DEFINITION, Proposal(old))], {("statementDefinition", ORG): None}, 0
    )
    row = Row.read(created[0].item["Put"]["Item"])
    update = entity_put(STATEMENT_DEFINITION, Proposal(new, old))
    steps = change_steps("t", ORG, [update], {("statementDefinition", ORG): row}, 0)
    assert 2 * PARTS_MAX * 3 < len(steps) <= ITEMS_MAX


def schedule(version: int, counts: Sequence[int], first: int) -> dict[str, Any]:
    """An export schedule of so many destinations, meters, aggregations and compound aggregations, none as before."""
    destinations, meters, *aggregations = ([f"{first + n:036}" for n in range(count)] for count in counts)
    named = [{"aggregationId": id_} for id_ in aggregations[0]] + [
        {"compoundAggregationId": id_} for id_ in aggregations[1]
    ]
    body = {"destinationIds": destinations, "meterIds": meters, "aggregations": named}
    return {"id": ORG, "version": version, "code": f"nightly {first}", **body}


@pytest.mark.parametrize("was", [(10, 8, 8, 8), (10, 100, 25, 25)])
@pytest.mark.parametrize("becomes", [(10, 8, 8, 8), (10, 100, 25, 25), (10, 9, 9, 9)])
def test_the_largest_export_schedule_can_change_all_that_it_names(was: Sequence[int], becomes: Sequence[int]) -> None:
    old, new = schedule(1, was, 0), schedule(2, becomes, 1000)
    store, key = FakeEntityRepository(), ("dataExportSchedule", ORG)
    for type_, ids in (
        ("meter", new["meterIds"]),
        *((name.removesuffix("Id"), [one[name]]) for one in new["aggregations"] for name in one),
    ):
        store.commit(ORG, [Put(type_, {"id": id_, "version": 1}) for id_ in ids if store.get(ORG, type_, id_) is None])
    created = change_steps("t", ORG, [entity_put(DATA_EXPORT_SCHEDULE, Proposal(old))], {key: None}, 0)
    row = Row.read(created[0].item["Put"]["Item"])
    update = with_wide_references(store, ORG, entity_put(DATA_EXPORT_SCHEDULE, Proposal(new, old)))
    assert len(change_steps("t", ORG, [update], {key: row}, 0)) <= ITEMS_MAX


def test_a_service_user_may_have_as_many_policies_as_allowed() -> None:
    store, clock, ids = Measuring(FrozenClock()), FrozenClock(), CountingIds()
    store.sizes = []
    org_id = create_organization(store, clock, ids, name="Example")
    names = [f"policy {number}" for number in range(POLICIES_MAX)]
    for name in names:
        policy = {"id": ids.new(), "version": 1, "name": name, "permissionPolicy": []}
        store.commit(org_id, [Put("permissionPolicy", policy, indexed={"name": [name]})])
    create_service_user(store, clock, ids, org_id=org_id, name="robot", policies=names)
    assert 3 * POLICIES_MAX < max(store.sizes) <= ITEMS_MAX


def test_the_event_of_the_largest_change_fits_the_log() -> None:
    def entity(version: int) -> dict[str, Any]:
        document = {"id": ORG, "version": version, "text": ""}
        room = entity_steps.BODY_MAX_BYTES - len(wire.dumps(document))
        return {**document, "text": secrets.token_urlsafe(room)[:room]}

    old, new = entity(1), entity(2)
    change_steps("t", ORG, [Put("aggregation", old)], {("aggregation", ORG): None}, 0)
    with pytest.raises(InvalidInputError, match="the limit is"):
        change_steps("t", ORG, [Put("aggregation", {**old, "more": 1})], {("aggregation", ORG): None}, 0)
    # The worst that compression can meet: random text that it can shrink no further than its alphabet allows.
    clock = FrozenClock()
    detail = {"eventData": {"newDto": {"orgId": ORG, **new}, "oldDto": {"orgId": ORG, **old}}}
    item = to_item(Event("e" * 36, ORG, "configuration.aggregation.updated", clock.now(), detail), clock.now())
    assert len(item["detail"]["B"]) < ITEM_MAX_BYTES - 8_192  # room for the keys and attributes beside

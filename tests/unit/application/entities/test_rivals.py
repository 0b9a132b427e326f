"""What happens when others change things at the same time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.fakes.entities import FakeEntityRepository
from tests.fakes.http import USER_ID
from tests.fakes.organization import Organization
from usance.application.entities import store as storing
from usance.application.entities.create_entity import create_entity
from usance.application.entities.delete_entity import delete_entity
from usance.application.entities.patch_entity import patch_entity
from usance.application.entities.store import store
from usance.application.entities.update_entity import update_entity
from usance.application.ports.entities import Delete, Put, StaleGuardError
from usance.domain.access import Caller, Statement
from usance.domain.kernel.errors import InvalidInputError, NotFoundError, UnavailableError, VersionConflictError
from usance.resources.registry import BY_TYPE

ALL = (Statement("allow", ("all",), ("*",)),)


@dataclass
class Contested(FakeEntityRepository):
    """Runs `rival` before each of the first `times` commits."""

    rival: Callable[[], object] = lambda: None
    times: int = 1

    def commit(self, org_id: str, changes: Sequence[Put | Delete]) -> None:
        if self.times:
            self.times -= 1
            self.rival()
        super().commit(org_id, changes)


@pytest.fixture
def org() -> Organization:
    return Organization()


def contested(org: Organization, rival: Callable[[], object], times: int = 1) -> Any:
    repository = Contested(org.clock, org.store.rows, org.store.guards, rival, times)
    return replace(org.ports, entities=repository)


def caller(org: Organization) -> Caller:
    return Caller(org.id, USER_ID, "SERVICE_USER", ALL)


def test_a_patch_applies_to_what_a_rival_left(org: Organization) -> None:
    webhook = org.make("webhook")

    def rival() -> None:
        stored = ports.entities.rows[org.id, "webhook", webhook["id"]]
        document = {**ports.entities.get(org.id, "webhook", webhook["id"]), "name": "Renamed", "version": 2}
        ports.entities.times = 0
        ports.entities.commit(org.id, [Put("webhook", document, expected_version=stored.version)])

    ports = contested(org, rival)
    patched = patch_entity(ports, caller(org), BY_TYPE["webhook"], webhook["id"], {"active": False})
    assert (patched["name"], patched["active"], patched["version"]) == ("Renamed", False, 3)


def refuse(error: Exception) -> Callable[[], None]:
    def rival() -> None:
        raise error

    return rival


def test_a_patch_gives_up_after_a_while(org: Organization) -> None:
    webhook = org.make("webhook")
    ports = contested(org, refuse(VersionConflictError("x")), times=100)
    with pytest.raises(UnavailableError):
        patch_entity(ports, caller(org), BY_TYPE["webhook"], webhook["id"], {"active": False})
    assert org.pauses == [0, 1, 2]


def test_what_was_decided_on_old_news_is_decided_again(org: Organization) -> None:
    account_plan = org.body("accountPlan")
    document = {**account_plan, "id": org.ids.new(), "version": 1, "childBillingMode": "CHILD"}
    resource = BY_TYPE["accountPlan"]
    ports = contested(org, refuse(StaleGuardError("x")), times=storing.ATTEMPTS_MAX - 1)
    assert store(ports, org.id, resource, document, None)["productId"]
    ports = contested(org, refuse(StaleGuardError("x")), times=storing.ATTEMPTS_MAX)
    with pytest.raises(UnavailableError):
        store(ports, org.id, resource, {**document, "id": org.ids.new(), "startDate": "2030-01-01"}, None)
    assert org.pauses == 2 * [0, 1, 2, 3, 4, *[storing.PAUSES_MAX] * 4]


@pytest.mark.parametrize(("goes", "field"), [("webhook", "destinationId"), ("notificationConfiguration", "entityId")])
def test_what_an_integration_links_cannot_go_while_it_is_linked(org: Organization, goes: str, field: str) -> None:
    body = org.body("integrationConfiguration")
    ports = contested(org, lambda: ports.entities.rows.pop((org.id, goes, body[field])))
    with pytest.raises(InvalidInputError, match=field):
        create_entity(ports, caller(org), BY_TYPE["integrationConfiguration"], body)


def test_an_integration_may_name_what_other_systems_know(org: Organization) -> None:
    kept = org.make("integrationConfiguration", entityType="Bill", entityId="b-1", destination="X", destinationId="x-1")
    assert (kept["entityId"], kept["destinationId"], kept["authorized"]) == ("b-1", "x-1", False)


def test_a_currency_cannot_go_while_it_becomes_that_of_the_organization(org: Organization) -> None:
    euro = org.make("currency", code="EUR")
    config = {**org.client.get("/organizationconfig").json, "currency": "EUR"}
    ports = contested(org, lambda: ports.entities.rows.pop((org.id, "currency", euro["id"])))
    with pytest.raises(InvalidInputError, match="currency"):
        update_entity(ports, caller(org), BY_TYPE["organizationConfig"], org.id, config)


def test_a_failed_deletion_gives_its_claim_back(org: Organization) -> None:
    product = org.make("product")
    ports = contested(org, refuse(UnavailableError("x")))
    with pytest.raises(UnavailableError):
        delete_entity(ports, caller(org), BY_TYPE["product"], product["id"])
    org.store.rows = ports.entities.rows
    org.make("planTemplate", productId=product["id"])


def test_an_entity_that_goes_while_it_is_deleted_is_not_found(org: Organization) -> None:
    product = org.make("product")

    def rival() -> None:
        del ports.entities.rows[org.id, "product", product["id"]]

    ports = contested(org, rival)
    with pytest.raises(NotFoundError):
        delete_entity(ports, caller(org), BY_TYPE["product"], product["id"])


def test_a_plan_that_goes_to_another_product_while_it_is_priced_is_not_priced(org: Organization) -> None:
    plan, product = org.make("plan"), org.make("product")["id"]
    template = org.make("planTemplate", productId=product)["id"]
    meter = org.make("meter", productId=plan["productId"])["id"]
    body = org.body("pricing", planId=plan["id"], aggregationId=org.make("aggregation", meterId=meter)["id"])
    moves = {**plan, "planTemplateId": template}
    ports = contested(org, lambda: update_entity(ports, caller(org), BY_TYPE["plan"], plan["id"], moves))
    with pytest.raises(InvalidInputError, match="aggregationId"):
        create_entity(ports, caller(org), BY_TYPE["pricing"], body)


def test_an_account_plan_has_the_product_that_its_plan_got_meanwhile(org: Organization) -> None:
    plan, product = org.make("plan"), org.make("product")["id"]
    moves = {**plan, "planTemplateId": org.make("planTemplate", productId=product)["id"]}
    body = org.body("accountPlan", planId=plan["id"])
    ports = contested(org, lambda: update_entity(ports, caller(org), BY_TYPE["plan"], plan["id"], moves))
    made = create_entity(ports, caller(org), BY_TYPE["accountPlan"], body)
    assert made["productId"] == product


def test_pricings_of_one_plan_are_made_beside_each_other(org: Organization) -> None:
    plan = org.make("plan")["id"]
    bodies = [org.body("pricing", planId=plan, aggregationId=org.make("aggregation")["id"]) for _ in range(2)]
    pricing = BY_TYPE["pricing"]
    ports = contested(org, lambda: create_entity(ports, caller(org), pricing, bodies[0]))
    create_entity(ports, caller(org), pricing, bodies[1])
    assert org.pauses == []

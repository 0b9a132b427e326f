"""End what an account or a contract has at one date."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from usance.application.access.authorize import permitted, require
from usance.application.audit import updated
from usance.application.entities.find import find
from usance.application.entities.ports import EntityPorts
from usance.application.entities.store import store
from usance.domain.access import Action, Caller
from usance.domain.catalog.moments import instant
from usance.domain.kernel.errors import InvalidInputError, NotFoundError, VersionConflictError
from usance.resources.account import ACCOUNT
from usance.resources.contract import CONTRACT
from usance.resources.end_dating import EndDating
from usance.resources.registry import BY_TYPE
from usance.resources.resource import Resource
from usance.resources.validation import document_of, validated
from usance.resources.wire import Document

ENTITIES_MAX: Final = 500  # each is a transaction of its own, and all must fit into the time of a request
_OWN: Final[Mapping[str, str]] = {"CONTRACT": "contract", "ACCOUNTPLAN": "accountPlan", "PREPAYMENT": "commitment"}
_OF_PLANS: Final[Mapping[str, str]] = {"PRICINGS": "pricing", "COUNTER_PRICINGS": "counterPricing"}
_DAY_CHARS: Final = len("2026-01-31")


def end_date_entities(
    ports: EntityPorts, caller: Caller, resource: Resource, id_: str, body: Mapping[str, Any]
) -> Document:
    """Which kinds of entity were ended, and of which some could not be; with their ids.

    `resource` is the account's or the contract's. Of an account: its contracts, account plans and commitments, and the
    pricings of its bespoke plans, for children too when asked. Of a contract: itself and what is linked to it. What ends
    earlier is left alone. Each entity is changed by itself, so that one that cannot be ended stops no other.
    """
    require(caller, Action.CONFIG_UPDATE, resource.type, id_)
    asked = validated(EndDating, body)
    owner = find(ports, caller.org_id, resource, id_)
    found = {kind: _found(ports, caller.org_id, resource, owner, kind, asked) for kind in asked.billing_entities}
    count = sum(len(entities) for entities in found.values())
    if count > ENTITIES_MAX:
        raise InvalidInputError(
            f"billingEntities: {count} entities would be ended, more than {ENTITIES_MAX}; ask for fewer kinds at once"
        )
    ended: dict[str, list[str]] = {kind: [] for kind in found}
    failed: dict[str, list[str]] = {kind: [] for kind in found}
    for kind, entities in found.items():
        row = BY_TYPE[{**_OWN, **_OF_PLANS}[kind]]
        may = permitted(caller, Action.CONFIG_UPDATE, row.type, [entity["id"] for entity in entities])
        for entity in entities:
            done = entity["id"] in may and _end(ports, caller, row, entity, asked.end_date)
            (ended if done else failed)[kind].append(entity["id"])
    total = sum(len(ids) for ids in ended.values())
    return {
        "statusMessage": f"{total} entities were ended at {asked.end_date}; {count - total} could not be",
        "updatedEntities": {kind: {"empty": not ids, "ids": ids} for kind, ids in ended.items()},
        "failedEntities": {kind: {"empty": not ids, "ids": ids} for kind, ids in failed.items()},
    }


def _found(
    ports: EntityPorts, org_id: str, resource: Resource, owner: Document, kind: str, asked: EndDating
) -> Sequence[Document]:
    """The entities of a kind that would end later, or never."""
    if resource is CONTRACT and kind == "CONTRACT":
        entities: Sequence[Document] = [owner]
    elif kind in _OWN:
        entities = ports.entities.list_all(org_id, _OWN[kind], filters=_owners(ports, org_id, resource, owner, asked))
    else:
        plans = _bespoke_plans(ports, org_id, resource, owner, asked)
        entities = ports.entities.list_all(org_id, _OF_PLANS[kind], filters={"planId": plans}) if plans else ()
    end = instant(asked.end_date)
    return [entity for entity in entities if "endDate" not in entity or instant(entity["endDate"]) > end]


def _owners(
    ports: EntityPorts, org_id: str, resource: Resource, owner: Document, asked: EndDating
) -> Mapping[str, Sequence[str]]:
    if resource is CONTRACT:
        return {"contractId": [owner["id"]]}
    children: Sequence[Document] = ()
    if asked.apply_to_children:
        children = ports.entities.list_all(org_id, ACCOUNT.type, filters={"parentAccountId": [owner["id"]]})
    return {"accountId": [owner["id"], *(child["id"] for child in children)]}


def _bespoke_plans(
    ports: EntityPorts, org_id: str, resource: Resource, owner: Document, asked: EndDating
) -> Sequence[str]:
    """The plans that are the account's alone: pricings of other plans are of other accounts too."""
    owners = _owners(ports, org_id, resource, owner, asked)
    if resource is ACCOUNT:
        return [plan["id"] for plan in ports.entities.list_all(org_id, "plan", filters=owners)]
    linked = [
        one["planId"] for one in ports.entities.list_all(org_id, "accountPlan", filters=owners) if "planId" in one
    ]
    return [plan["id"] for plan in ports.entities.get_many(org_id, "plan", linked) if "accountId" in plan]


def _end(ports: EntityPorts, caller: Caller, row: Resource, entity: Document, end_date: str) -> bool:
    is_day = row.type in {CONTRACT.type, "commitment"}
    sent = {**entity, "endDate": end_date[:_DAY_CHARS] if is_day else end_date}
    new = updated(document_of(validated(row.model, sent)), entity, caller.audit_name, ports.clock.now())
    try:
        store(ports, caller.org_id, row, new, entity)
    except (InvalidInputError, NotFoundError, VersionConflictError):
        return False
    return True

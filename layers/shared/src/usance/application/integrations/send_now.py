"""`POST /integrationconfigs/{id}/send` (ours): bring entities to the external system now, whether or not they changed."""

from collections.abc import Mapping
from typing import Any

from usance.application.access.authorize import require, require_undenied
from usance.application.integrations.start_runs import kept_of, line_for
from usance.application.notifications.concerned import account_of
from usance.application.notifications.configurations import CONFIGURATION_TYPE
from usance.application.notifications.lines import joins
from usance.application.notifications.repeat_run import usable_configuration
from usance.application.notifications.runs import enqueue, links_of, shown, waiting_run
from usance.application.notifications.stores import Stores
from usance.application.ports.bills import BillRepository
from usance.domain.access import Action, Caller
from usance.domain.integrations.selection import ON_APPROVAL, allows, waits_for_approval
from usance.domain.integrations.system import BILL
from usance.domain.integrations.systems import system_of
from usance.domain.kernel.errors import InvalidInputError, NotFoundError
from usance.domain.kernel.ids import timed_id
from usance.domain.notifications.changes import holders
from usance.resources.sends import SendRequest
from usance.resources.validation import validated
from usance.resources.wire import Document


def send_now(
    caller: Caller, configuration_id: str, body: Mapping[str, Any], stores: Stores, bills: BillRepository
) -> list[Document]:
    """A run for each entity, in the order asked. `InvalidInputError` when one is not there or not to be sent; then none is."""
    require(caller, Action.CONFIG_UPDATE, CONFIGURATION_TYPE, configuration_id)
    if stores.entities.get(caller.org_id, CONFIGURATION_TYPE, configuration_id) is None:
        raise NotFoundError(f"there is no {CONFIGURATION_TYPE} {configuration_id}")
    configuration = usable_configuration(caller.org_id, configuration_id, stores)
    entity = _entity_of(configuration)
    asked = validated(SendRequest, body)
    found = [_found(caller, configuration, entity, id_, stores, bills) for id_ in dict.fromkeys(asked.entity_ids)]
    return [_send(caller, configuration, entity, document, stores) for document in found]


def _entity_of(configuration: Document) -> str:
    system = system_of(configuration["destination"])
    wanted = configuration["entityType"].casefold()
    name = next((one for one in system.entities if one.casefold() == wanted), None) if system else None
    if name is None:
        raise InvalidInputError(
            f"there is no connector that takes {configuration['entityType']} to {configuration['destination']}"
        )
    return name


def _found(
    caller: Caller, configuration: Document, entity: str, id_: str, stores: Stores, bills: BillRepository
) -> Document:
    """An entity that the configuration lets through, and the caller may read."""
    require(caller, Action.CONFIG_RETRIEVE, _type(entity), id_)
    org_id = caller.org_id
    document = bills.get(org_id, id_) if entity == BILL else stores.entities.get(org_id, _type(entity), id_)
    if document is None:
        raise InvalidInputError(f"entityIds: there is no {entity} {id_}")
    for type_, holder_id in holders(_type(entity), document):
        require_undenied(caller, type_, holder_id)
    options = configuration.get("configData") or {}
    if not allows(options, account_of(org_id, _type(entity), document, stores.entities)):
        raise InvalidInputError(f"entityIds: the configuration does not send the account of {entity} {id_}")
    if entity == BILL and waits_for_approval(options, document):
        raise InvalidInputError(f"entityIds: the bill {id_} is not approved, and configData.{ON_APPROVAL} is set")
    return document


def _send(caller: Caller, configuration: Document, entity: str, document: Document, stores: Stores) -> Document:
    now, id_ = stores.clock.now(), document["id"]
    account_id = account_of(caller.org_id, _type(entity), document, stores.entities)
    run_id = timed_id(now, caller.org_id, "send", configuration["id"], id_)
    run = waiting_run(
        run_id,
        links_of(configuration, (entity, id_)),
        now,
        caller.audit_name,
        deliveryId=run_id,
        integrationConfigId=configuration["id"],
        line=line_for(configuration, id_),
        **kept_of(_type(entity), document, account_id),
    )
    stores.entities.commit(caller.org_id, joins(run))
    enqueue(caller.org_id, run, stores)
    return shown(run)


def _type(entity: str) -> str:
    """`BalanceTransaction` is stored as `balanceTransaction`."""
    return entity[:1].lower() + entity[1:]

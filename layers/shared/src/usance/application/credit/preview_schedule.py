"""Show what a schedule of a balance would do, without storing anything."""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

from usance.application.access.authorize import require
from usance.application.audit import created
from usance.application.entities.find import require_place
from usance.application.entities.ports import EntityPorts
from usance.application.entities.prepare import prepare
from usance.domain.access import Action, Caller
from usance.domain.catalog.proposal import Entity
from usance.domain.catalog.schedules import charges_of, transactions_of
from usance.domain.kernel.errors import InvalidInputError
from usance.resources.balance_schedules import BALANCE_CHARGE_SCHEDULE, BALANCE_TRANSACTION_SCHEDULE
from usance.resources.resource import Resource
from usance.resources.validation import document_of, validated
from usance.resources.wire import Document

SHOWN_MAX: Final = 100_000  # as many as a daily schedule makes in more than two centuries

_MADE: Final[Mapping[str, Callable[[Entity, Entity], Iterator[dict[str, Any]]]]] = {
    BALANCE_CHARGE_SCHEDULE.type: charges_of,
    BALANCE_TRANSACTION_SCHEDULE.type: transactions_of,
}


def preview_schedule(
    ports: EntityPorts,
    caller: Caller,
    resource: Resource,
    balance_id: str,
    body: Mapping[str, Any],
    page_size: int,
    next_token: str | None,
) -> Document:
    """The schedule as it would be stored, with a page of what it would make in `data` (billing.md 16, Q18).

    `next_token` is the number of those before the page. It is refused whenever creating the schedule would be, except
    that its code may be taken.
    """
    require(caller, Action.CONFIG_CREATE, resource.type)
    place = {"balanceId": balance_id}
    require_place(ports, caller, resource, place)
    sent = {**document_of(validated(resource.model, body)), **place}
    schedule = prepare(
        ports,
        caller.org_id,
        resource,
        created(sent, ports.ids.new(), caller.audit_name, ports.clock.now()),
        None,
    ).document
    config = ports.entities.get(caller.org_id, "organizationConfig", caller.org_id) or {}
    start = _offset(next_token)
    made = list(islice(_MADE[resource.type](schedule, config), start, start + page_size + 1))
    more = len(made) > page_size
    return {**schedule, "data": made[:page_size], "nextToken": str(start + page_size) if more else None}


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    if not token.isascii() or not token.isdecimal() or int(token[:9]) > SHOWN_MAX:
        raise InvalidInputError("nextToken is not a token that this preview gave; leave it out to start again")
    return int(token)

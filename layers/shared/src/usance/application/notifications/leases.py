"""What one worker at a time may have: until it gives it back or, should it die, for so long."""

from datetime import timedelta
from typing import Final

from usance.application.ports.clock import Clock
from usance.application.ports.entities import Delete, EntityRepository, Put
from usance.domain.kernel.errors import NotFoundError, VersionConflictError
from usance.resources import instants
from usance.resources.wire import Document

LEASE_TYPE: Final = "deliveryLane"  # lanes were the first of them, and rows keep the name


def take_lease(
    org_id: str, id_: str, before: Document | None, lasts: timedelta, entities: EntityRepository, clock: Clock
) -> Document | None:
    """The lease `id_`, which was `before`; None while another has it."""
    now = clock.now()
    if before is not None and now < instants.from_text(before["until"]):
        return None
    seen = before["version"] if before else None
    lease = {**(before or {}), "id": id_, "version": (seen or 0) + 1, "until": instants.to_text(now + lasts)}
    try:
        entities.commit(org_id, [Put(LEASE_TYPE, lease, expected_version=seen)])
    except (VersionConflictError, NotFoundError):
        return None  # another worker was quicker
    return lease


def gives_back(lease: Document) -> Delete:
    """What gives a lease back, of which nothing is kept."""
    return Delete(LEASE_TYPE, lease["id"], expected_version=lease["version"])


def give_back(org_id: str, lease: Document, entities: EntityRepository) -> None:
    """Give a lease back, if it is still ours."""
    try:
        entities.commit(org_id, [gives_back(lease)])
    except (VersionConflictError, NotFoundError):
        return  # it has ended, and is another's, or it was given back

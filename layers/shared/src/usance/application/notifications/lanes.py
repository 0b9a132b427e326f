"""The lanes of a destination: so many deliveries go to it at a time, and no more (domain/notifications/pacing.py).

A line, whose deliveries come one after another, is a lane of its own beside them.
"""

from datetime import timedelta

from usance.application.notifications.leases import LEASE_TYPE, take_lease
from usance.application.notifications.stores import Stores
from usance.application.ports.entities import Put
from usance.domain.kernel.errors import VersionConflictError
from usance.domain.kernel.ids import derived_id
from usance.domain.notifications.pacing import LANES, Pace, rest_after
from usance.resources import instants
from usance.resources.wire import Document


def take_lane(org_id: str, destination_id: str, pace: Pace, stores: Stores) -> Document | None:
    """A lane, ours until `free_lane` or until its claim ends; None when each is taken or rests.

    While the last attempt in some lane of a destination was slow, the first such lane alone is used.
    """
    ids = [derived_id("delivery lane", org_id, destination_id, str(number)) for number in range(LANES)]
    there = {lane["id"]: lane for lane in stores.entities.get_many(org_id, LEASE_TYPE, ids)}
    slow = [id_ for id_ in ids if there.get(id_, {}).get("slow")]
    for id_ in slow[:1] or ids:
        lane = take_lease(org_id, id_, there.get(id_), pace.lease, stores.entities, stores.clock)
        if lane is not None:
            return lane
    return None


def take_line(org_id: str, line: str, pace: Pace, stores: Stores) -> Document | None:
    """The line, ours until it is given back or its claim ends; None while another delivery of it is being made.

    Lines are as many as entities, so that nothing is kept of one that is free. To be the oldest that waits is not enough: one that joins late may be older than the one that is on its way.
    """
    id_ = derived_id("delivery line", org_id, line)
    before = stores.entities.get(org_id, LEASE_TYPE, id_)
    return take_lease(org_id, id_, before, pace.lease, stores.entities, stores.clock)


def free_lane(org_id: str, lane: Document, took: timedelta, pace: Pace, stores: Stores) -> None:
    """Give the lane back after an attempt that `took` so long; it may have to rest."""
    until = instants.to_text(stores.clock.now() + rest_after(took, pace))
    freed = {**lane, "version": lane["version"] + 1, "until": until, "slow": took > pace.slow}
    try:
        stores.entities.commit(org_id, [Put(LEASE_TYPE, freed, expected_version=lane["version"])])
    except VersionConflictError:
        return  # the claim has ended, and the lane is another's

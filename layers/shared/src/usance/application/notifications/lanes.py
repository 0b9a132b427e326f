"""The lanes of a destination: so many deliveries go to it at a time, and no more (domain/notifications/pacing.py)."""

from datetime import timedelta
from typing import Final

from usance.application.notifications.stores import Stores
from usance.application.ports.entities import Put
from usance.domain.kernel.errors import VersionConflictError
from usance.domain.kernel.ids import derived_id
from usance.domain.notifications.pacing import LANES, Pace, rest_after
from usance.resources import instants
from usance.resources.wire import Document

LANE_TYPE: Final = "deliveryLane"


def take_lane(org_id: str, destination_id: str, pace: Pace, stores: Stores) -> Document | None:
    """A lane, ours until `free_lane` or until its claim ends; None when each is taken or rests.

    While the last attempt in some lane of a destination was slow, the first such lane alone is used.
    """
    now = stores.clock.now()
    ids = [derived_id("delivery lane", org_id, destination_id, str(number)) for number in range(LANES)]
    there = {lane["id"]: lane for lane in stores.entities.get_many(org_id, LANE_TYPE, ids)}
    slow = [id_ for id_ in ids if there.get(id_, {}).get("slow")]
    for id_ in slow[:1] or ids:
        before = there.get(id_)
        if before is not None and now < instants.from_text(before["until"]):
            continue
        seen = before["version"] if before else None
        lane = {**(before or {}), "id": id_, "version": (seen or 0) + 1, "until": instants.to_text(now + pace.lease)}
        try:
            stores.entities.commit(org_id, [Put(LANE_TYPE, lane, expected_version=seen)])
        except VersionConflictError:
            continue  # another worker was quicker
        return lane
    return None


def free_lane(org_id: str, lane: Document, took: timedelta, pace: Pace, stores: Stores) -> None:
    """Give the lane back after an attempt that `took` so long; it may have to rest."""
    until = instants.to_text(stores.clock.now() + rest_after(took, pace))
    freed = {**lane, "version": lane["version"] + 1, "until": until, "slow": took > pace.slow}
    try:
        stores.entities.commit(org_id, [Put(LANE_TYPE, freed, expected_version=lane["version"])])
    except VersionConflictError:
        return  # the claim has ended, and the lane is another's

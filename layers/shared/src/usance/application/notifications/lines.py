"""Lines: those of an ordered webhook, or of one entity to one system; oldest event first, each waits for the one before it.

A delivery stands in line from when its run is made until its run is over. Its place sorts by the time of the event, also when it is made again.
"""

from collections.abc import Sequence
from typing import Final

from usance.application.notifications.runs import RUN_TYPE, enqueue, line_of, place_of, put_run
from usance.application.notifications.stores import Stores
from usance.application.ports.entities import Delete, EntityRepository, Put
from usance.domain.kernel.errors import NotFoundError, VersionConflictError
from usance.domain.kernel.ids import reversed_id
from usance.domain.notifications.delivery import FINAL, RunStatus
from usance.resources.wire import Document

PLACE_TYPE: Final = "deliveryPlace"


def joins(run: Document) -> Sequence[Put]:
    """What stores a new run and its place, if it stands in line."""
    line = line_of(run)
    if line is None:
        return [put_run(run)]
    place = {"id": reversed_id(place_of(run)), "version": 1, "runId": run["id"]}
    return [put_run(run), Put(PLACE_TYPE, place, indexed={"line": [line]})]


def move(
    org_id: str, run: Document, expected_version: int, entities: EntityRepository, also: Sequence[Delete] = ()
) -> None:
    """Store a run that has changed; it leaves the line when it is over. `also` goes with it.

    `VersionConflictError` when another worker was quicker: one that ended the run has taken it out of the line, too.
    """
    over = line_of(run) and RunStatus(run["status"]) in FINAL
    leaves = [Delete(PLACE_TYPE, reversed_id(place_of(run)))] if over else []
    try:
        entities.commit(org_id, [put_run(run, expected_version), *leaves, *also])
    except NotFoundError as gone:
        raise VersionConflictError(f"the {RUN_TYPE} {run['id']} was ended meanwhile") from gone


def is_next(org_id: str, run: Document, entities: EntityRepository) -> bool:
    """Whether no older delivery in its line is still waiting."""
    line = line_of(run)
    return line is None or _first(org_id, line, entities) in {run["id"], None}


def call_next(org_id: str, run: Document, stores: Stores) -> None:
    """Bring the delivery that waits behind this one, which is over, forward at once."""
    line = line_of(run)
    following = _first(org_id, line, stores.entities) if line else None
    if following is not None:
        enqueue(org_id, {**run, "id": following}, stores)


def _first(org_id: str, line: str, entities: EntityRepository) -> str | None:
    """Lists are newest first, so that the reversed id of the oldest comes first."""
    page = entities.list_page(org_id, PLACE_TYPE, filters={"line": [line]}, page_size=1)
    return str(page.data[0]["runId"]) if page.data else None

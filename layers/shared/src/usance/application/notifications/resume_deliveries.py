"""Have the worker take up again what no message is left of: after an organization was put back, or a queue was emptied."""

from collections.abc import Callable, Sequence
from typing import Final

from usance.application.access.credentials import ROOT
from usance.application.notifications.lines import PLACE_TYPE
from usance.application.notifications.runs import RUN_TYPE, is_to_webhook, message
from usance.application.notifications.stores import Stores
from usance.application.ports.events import KEPT_FOR
from usance.domain.kernel.errors import NotFoundError
from usance.domain.notifications.delivery import FINAL, RunStatus
from usance.resources import instants
from usance.resources.wire import Document

PAGE: Final = 100


def resume_deliveries(
    stores: Stores, org_id: str, *, next_token: str | None, time_is_up: Callable[[], bool]
) -> Document:
    """Queue a message for each delivery that is not over: `{"resumed", "next"}`, the latter while there may be more.

    A delivery that has a message already gets another, which changes nothing. All that stand in the line of an ordered
    destination are called, since each holds up those behind it; of the others, newest first, those whose event is kept.
    `NotFoundError` for an organization that is not there, also one whose import is not finished.
    """
    if stores.entities.get(ROOT, "organization", org_id) is None:
        raise NotFoundError(f"there is no organization {org_id}")
    resumed = 0 if next_token else _call_lines(stores, org_id)
    oldest = instants.to_text(stores.clock.now() - KEPT_FOR)
    token = next_token
    while True:
        page = stores.entities.list_page(org_id, RUN_TYPE, filters={}, page_size=PAGE, next_token=token)
        resumed += _send(stores, org_id, [run for run in page.data if RunStatus(run["status"]) not in FINAL])
        token = page.next_token
        if token is None or page.data[-1]["dtCreated"] < oldest:
            return {"resumed": resumed, "next": None}
        if time_is_up():
            return {"resumed": resumed, "next": token}


def _call_lines(stores: Stores, org_id: str) -> int:
    called = 0
    token: str | None = None
    while True:
        page = stores.entities.list_page(org_id, PLACE_TYPE, filters={}, page_size=PAGE, next_token=token)
        ids = [place["runId"] for place in page.data]
        called += _send(stores, org_id, stores.entities.get_many(org_id, RUN_TYPE, ids))
        token = page.next_token
        if token is None:
            return called


def _send(stores: Stores, org_id: str, runs: Sequence[Document]) -> int:
    for queue, to_webhook in ((stores.deliveries, True), (stores.integrations, False)):
        if messages := [message(org_id, run["id"]) for run in runs if is_to_webhook(run) is to_webhook]:
            queue.send(messages)
    return len(runs)

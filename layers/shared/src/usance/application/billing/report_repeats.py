"""Tell of measurements that were sent again and do not count (metering.md 1.4), where a bill comes upon them.

A bill reads its usage anyway; the copies that were received since it was last calculated are told, each once.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Final

from usance.application.billing.stores import Workbench
from usance.application.ports.events import Event
from usance.application.ports.usage_log import Repeat
from usance.domain.kernel.ids import derived_id
from usance.domain.metering.instants import instant_of
from usance.resources import instants, wire
from usance.resources.wire import Document

EVENT_NAME: Final = "ingest.validation.failure"
EVENT_TYPE: Final = "IngestValidationFailure"
REASON: Final = "DuplicateUid"
PARALLEL_MAX: Final = 8  # of each client's 32 connections


def report_repeats(bench: Workbench, account: Document, repeats: Sequence[Repeat]) -> None:
    """A file and an event per copy. What was told before stays told once."""
    distinct = {(one.scope, one.uid, one.received): one for one in repeats}
    if not distinct:
        return
    org_id = next(iter(distinct))[0].org_id
    meter_ids = sorted({one.scope.meter_id for one in distinct.values()})
    meters = {meter["id"]: meter["code"] for meter in bench.stores.entities.get_many(org_id, "meter", meter_ids)}
    others = sorted({one.scope.account_id for one in distinct.values()} - {account["id"]})  # children in a pool
    known = [account, *(bench.stores.entities.get_many(org_id, "account", others) if others else ())]
    codes = {one["id"]: one["code"] for one in known}
    with ThreadPoolExecutor(PARALLEL_MAX) as pool:
        list(
            pool.map(
                lambda one: _tell(bench, codes.get(one.scope.account_id), meters.get(one.scope.meter_id), one),
                distinct.values(),
            )
        )


def _tell(bench: Workbench, account: str | None, meter: str | None, one: Repeat) -> None:
    org_id, received = one.scope.org_id, instant_of(one.received)
    event_id = derived_id(
        org_id, EVENT_NAME, REASON, one.scope.meter_id, one.scope.account_id, one.uid, str(one.received)
    )
    if bench.events.get(org_id, event_id):
        return
    message = f"a measurement with the uid {one.uid} was received before, within 35 days; this copy does not count"
    reason = {"type": REASON, "message": message}
    names = {"meter": meter, "account": account, "uid": one.uid}
    seen = {**names, "ts": _text(instant_of(one.ts)), "receivedAt": _text(received)}
    file = f"{org_id}/failed-ingest/{event_id}.json"
    bench.blobs.put(file, wire.dumps({"errors": [reason], "measurement": seen}), "application/json")
    path = f"/organizations/{org_id}/measurements/failedIngest/getDownloadUrl?file={file.replace('/', '%2F')}"
    detail = {**reason, **names, "getDownloadUrl": path}
    bench.events.append(Event(event_id, org_id, EVENT_NAME, bench.stores.clock.now(), detail, type=EVENT_TYPE))


def _text(instant: datetime) -> str:
    return instants.to_text(instant.astimezone(UTC))

"""Two streams: changes of entities become events, and events that other functions recorded let rules fire.

The records of an entity come in order, and after one fails, the ones behind it wait: Lambda starts again at the first
that failed, and handling later ones before would change their order. A record that keeps failing ends in the queue of
stream failures, so that it cannot hold up the others for ever.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from aws_lambda_powertools import Logger

from usance.application.integrations.start_runs import start_runs
from usance.application.notifications.evaluate_rules import evaluate_rules
from usance.application.notifications.record_change import record_change
from usance.application.notifications.stores import Stores
from usance.application.ports.organization_rows import RESTORED
from usance.bootstrap.notifications import notification_stores
from usance.domain.notifications.changes import Change
from usance.entrypoints.metrics import count
from usance.resources import wire

ORGANIZATION: Final = "organization"  # lies apart from what is its own; what happens to it concerns it
FAILED_JOBS: Final = frozenset({"billing.job.failure", "dataexport.job.failure"})

logger = Logger()


def handler(build: Callable[[], Stores] = notification_stores) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """A Lambda handler that reports the first record it could not finish."""

    def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001 - what Lambda calls
        for record in event["Records"]:
            sequence_number = record["dynamodb"]["SequenceNumber"]
            logger.set_correlation_id(sequence_number)
            try:
                _take(record["dynamodb"], build())
            except Exception:
                logger.exception("the change was not recorded; it will be tried again", record=sequence_number)
                return {"batchItemFailures": [{"itemIdentifier": sequence_number}]}
        return {"batchItemFailures": []}

    return handle


def _take(record: Mapping[str, Any], stores: Stores) -> None:
    """Of the entities table, a change; of the events table, the key of an event that is there to be read.

    What is put back from a backup has happened before.
    """
    recorded = record.get("NewImage", {})
    if RESTORED in recorded and "OldImage" not in record:
        return
    if "eventName" in recorded:
        event = stores.events.get(recorded["org"]["S"], recorded["id"]["S"])
        if event is not None:
            evaluate_rules(event, stores)
            if event.name in FAILED_JOBS:
                count("JobsFailed")
        return
    change = _change(record)
    if change is not None:
        for one, event in record_change(change, stores):
            start_runs(one, event, stores)


def _change(record: Mapping[str, Any]) -> Change | None:
    """The change that a record tells of; None when its row is not an entity or has kept its version."""
    old, new = record.get("OldImage", {}), record.get("NewImage", {})
    image = new if "body" in new else old
    if "body" not in image:
        return None
    return Change.between(
        org_id=image["id"]["S"] if image["type"]["S"] == ORGANIZATION else image["org"]["S"],
        type_=image["type"]["S"],
        id_=image["id"]["S"],
        old=_body(old),
        new=_body(new),
        seen_at=datetime.fromtimestamp(int(record["ApproximateCreationDateTime"]), UTC),
    )


def _body(image: Mapping[str, Any]) -> wire.Document | None:
    return wire.loads(image["body"]["S"]) if "body" in image else None

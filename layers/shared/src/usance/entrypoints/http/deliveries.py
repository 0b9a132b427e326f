"""Beyond the API of m3ter: deliveries made again, and test sends."""

from collections.abc import Callable
from typing import Final

from usance.application.notifications.replay_range import replay_range
from usance.application.notifications.replay_run import replay_run
from usance.application.notifications.send_test import send_test
from usance.application.notifications.stores import Stores
from usance.bootstrap.notifications import notification_stores
from usance.entrypoints.http.routes import Operation, Request, Route
from usance.resources.integration_answers import IntegrationRun, IntegrationRuns
from usance.resources.replays import ReplayRequest
from usance.resources.wire import Document

WEBHOOK: Final = "/organizations/{orgId}/integrationdestinations/webhooks/{id}"
RUN: Final = "/organizations/{orgId}/integrationruns/{id}"
TAG: Final = "Integration runs"


def routes(build: Callable[[], Stores] = notification_stores) -> tuple[Route, ...]:
    """The routes of this module. `build` is asked at the first request."""

    def again(request: Request) -> Document:
        return replay_run(request.caller, request.path["id"], build())

    def range_again(request: Request) -> Document:
        page = replay_range(request.caller, request.path["id"], request.json_object(), build())
        return {"data": list(page.data), "nextToken": page.next_token}

    def test(request: Request) -> Document:
        return send_test(request.caller, request.path["id"], build())

    replay = Operation(
        "webhook.replay", "Deliver again what a webhook did not get in a time", TAG, ReplayRequest, IntegrationRuns
    )
    return (
        Route(
            "POST",
            f"{RUN}/replay",
            again,
            Operation("replayRun", "Deliver again what a run was to deliver", TAG, returns=IntegrationRun),
        ),
        Route("POST", f"{WEBHOOK}/replay", range_again, replay),
        Route(
            "POST",
            f"{WEBHOOK}/test",
            test,
            Operation("webhook.test", "Send a test to a webhook", TAG, returns=IntegrationRun),
        ),
    )

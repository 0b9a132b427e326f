"""Questions about usage (metering.md 7)."""

from collections.abc import Callable
from typing import Final

from usance.application.usage.ports import UsagePorts
from usance.application.usage.query_usage import query_usage
from usance.bootstrap.usage import usage_ports
from usance.entrypoints.http import core
from usance.entrypoints.http.routes import Operation, Request, Route
from usance.resources.usage_query import UsageAnswer, UsageQuery
from usance.resources.wire import Document

TAG: Final = "Usage"
USAGE: Final = "/organizations/{orgId}/usage"


def handler() -> core.Handler:
    """The Lambda handler of these routes."""
    return core.build(routes())


def routes(ports: Callable[[], UsagePorts] = usage_ports) -> tuple[Route, ...]:
    """The routes, on the stores that `ports` gives at the first request."""

    def query(request: Request) -> Document:
        return query_usage(ports(), request.caller, request.json_object())

    return (
        Route(
            "POST",
            f"{USAGE}/query",
            query,
            Operation(
                "queryUsage", "Ask for measurements, or for values computed of them", TAG, UsageQuery, UsageAnswer
            ),
        ),
    )

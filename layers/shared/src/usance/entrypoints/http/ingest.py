"""Measurements: sending them, and the files of those that could not be ingested (metering.md 1)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from usance.application.ingest.buffer import buffer_measurements
from usance.application.ingest.get_failed_ingest_url import get_failed_ingest_url
from usance.application.ingest.ingest_measurements import ACCEPTED, ingest_measurements
from usance.bootstrap.ingest import Ingest, build_ingest
from usance.entrypoints.http import core
from usance.entrypoints.http.routes import Operation, QueryParameter, Request, Route
from usance.resources.submit_measurements import Accepted, DownloadUrl, SubmitMeasurements
from usance.resources.wire import Document

TAG: Final = "Measurements"
MEASUREMENTS: Final = "/organizations/{orgId}/measurements"


def handler() -> core.Handler:
    """The Lambda handler of these routes."""
    return core.build(routes())


def routes(build: Callable[[], Ingest] = build_ingest) -> tuple[Route, ...]:
    """The routes, on the stores that `build` gives."""

    def submit(request: Request) -> Document:
        ingest = build()
        if ingest.buffer and buffer_measurements(ingest.buffer, ingest.ports.clock, request.caller, request.body):
            return ACCEPTED
        failures = replace(ingest.ports.failures, api_url=ingest.ports.failures.api_url or request.origin)
        return ingest_measurements(
            replace(ingest.ports, failures=failures), ingest.directory, request.caller, request.body
        )

    def download(request: Request) -> Document:
        return get_failed_ingest_url(build().ports.failures, request.caller, request.one("file"))

    return (
        Route(
            "POST",
            MEASUREMENTS,
            submit,
            Operation("submitMeasurements", "Send 1 to 1,000 measurements", TAG, SubmitMeasurements, Accepted),
        ),
        Route(
            "GET",
            f"{MEASUREMENTS}/failedIngest/getDownloadUrl",
            download,
            Operation(
                "getFailedIngestDownloadUrl",
                "Download a measurement that could not be ingested, with the reason",
                TAG,
                None,
                DownloadUrl,
                (QueryParameter("file", "The file named by the event's getDownloadUrl", required=True),),
            ),
        ),
    )

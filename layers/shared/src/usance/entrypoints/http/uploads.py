"""Files of measurements: the URLs; the jobs are a row of the registry (metering.md 2)."""

from collections.abc import Callable
from typing import Final

from usance.application.entities.ports import EntityPorts
from usance.application.lookups.ports import LookupPorts
from usance.application.uploads.generate_upload_url import generate_upload_url, get_csv_template, get_original_url
from usance.entrypoints.http.routes import Operation, Request, Route
from usance.resources.file_upload import FILE_UPLOAD_JOB, CsvTemplate, FileUrl, UploadRequest
from usance.resources.wire import Document

UPLOADS: Final = "/organizations/{orgId}/fileuploads/measurements"
METERS: Final = "/organizations/{orgId}/meters"
TAG: Final = FILE_UPLOAD_JOB.title


def routes(configuration: Callable[[], EntityPorts], ports: Callable[[], LookupPorts]) -> tuple[Route, ...]:
    """The routes, on the stores that the ports give at the first request."""

    def generate(request: Request) -> Document:
        return generate_upload_url(configuration(), ports().blobs, request.caller, request.json_object())

    def original(request: Request) -> Document:
        return get_original_url(configuration(), ports().blobs, request.caller, request.path["id"])

    def template(request: Request) -> Document:
        return get_csv_template(configuration(), request.caller, request.path["id"])

    return (
        Route(
            "GET",
            f"{METERS}/{{id}}/csvtemplate",
            template,
            Operation("meter.csvTemplate", "Get an empty table for a meter's measurements", TAG, None, CsvTemplate),
        ),
        Route(
            "POST",
            f"{UPLOADS}/generateUploadUrl",
            generate,
            Operation(
                "fileUpload.generateUrl", "Make a URL that takes a file of measurements", TAG, UploadRequest, FileUrl
            ),
        ),
        Route(
            "GET",
            f"{UPLOADS}/jobs/{{id}}/original",
            original,
            Operation("fileUpload.original", "Download a file as it was uploaded", TAG, None, FileUrl),
        ),
    )

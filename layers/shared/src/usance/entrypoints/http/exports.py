"""Data exports beyond what the registry mounts (metering.md 8)."""

from collections.abc import Callable, Mapping
from typing import Final

from usance.application.entities.ports import EntityPorts
from usance.application.exports.ask import create_adhoc, create_schedule, get_download_url, update_schedule
from usance.application.exports.ports import ExportPorts
from usance.application.lookups.ports import LookupPorts
from usance.entrypoints.http.routes import Operation, Request, Route
from usance.resources.data_export import DATA_EXPORT_JOB, AdHocExport, ExportStarted, ExportUrl
from usance.resources.resource import Verb
from usance.resources.wire import Document

EXPORTS: Final = "/organizations/{orgId}/dataexports"
TAG: Final = DATA_EXPORT_JOB.title


def schedule_verbs(
    configuration: Callable[[], EntityPorts], ports: Callable[[], ExportPorts]
) -> Mapping[Verb, Callable[[Request], Document]]:
    """The verbs of schedules that are not as the registry has them: a first job, and what may be exported."""

    def create(request: Request) -> Document:
        return create_schedule(configuration(), ports(), request.caller, request.json_object())

    def update(request: Request) -> Document:
        return update_schedule(configuration(), ports(), request.caller, request.path["id"], request.json_object())

    return {Verb.CREATE: create, Verb.UPDATE: update}


def routes(
    configuration: Callable[[], EntityPorts], ports: Callable[[], ExportPorts], files: Callable[[], LookupPorts]
) -> tuple[Route, ...]:
    """The routes, on the stores that the ports give at the first request."""

    def adhoc(request: Request) -> Document:
        return create_adhoc(ports(), request.caller, request.json_object())

    def download(request: Request) -> Document:
        return get_download_url(configuration(), files().blobs, request.caller, request.path["id"])

    return (
        Route(
            "POST",
            f"{EXPORTS}/adhoc",
            adhoc,
            Operation("dataExport.adhoc", "Export data now", TAG, AdHocExport, ExportStarted),
        ),
        Route(
            "GET",
            f"{EXPORTS}/jobs/{{id}}/getdownloadurl",
            download,
            Operation("dataExport.downloadUrl", "Download the file of a job", TAG, None, ExportUrl),
        ),
    )

"""Lookup tables: what the rows do not describe (metering.md 9)."""

from collections.abc import Callable
from typing import Any, Final

from usance.application.access.authorize import require_undenied
from usance.application.entities.ports import EntityPorts
from usance.application.lookups.copy_data import copy_data
from usance.application.lookups.delete_revision import delete_revision
from usance.application.lookups.export_data import archive_url, download_data
from usance.application.lookups.jobs import delete_job, get_job, list_jobs
from usance.application.lookups.ports import LookupPorts
from usance.application.lookups.put_items import clear_data, delete_item, put_item, put_items
from usance.application.lookups.read_data import get_data, get_item
from usance.application.lookups.revisions import Place
from usance.application.lookups.set_status import set_revision_status
from usance.application.lookups.upload_data import generate_lookup_upload_url
from usance.domain.access import Action
from usance.entrypoints.http.routes import Operation, QueryParameter, Request, Route, paging, whole
from usance.resources.answers import Result
from usance.resources.file_upload import FileUrl
from usance.resources.lookup_table import (
    ITEMS_MAX,
    LOOKUP_TABLE,
    LOOKUP_TABLE_REVISION,
    ArchiveUrl,
    CopyRequest,
    FileFormat,
    JobStarted,
    LookupJob,
    LookupUpload,
    RevisionData,
    RevisionItem,
    RevisionItemRemoval,
    RevisionItems,
    RevisionStatusRequest,
)
from usance.resources.wire import Document

TAG: Final = LOOKUP_TABLE_REVISION.title
REVISIONS: Final = f"/organizations/{{orgId}}/{LOOKUP_TABLE_REVISION.path}"
DATA: Final = f"/organizations/{{orgId}}/{LOOKUP_TABLE.path}/{{lookupTableId}}/revisions/{{lookupTableRevisionId}}/data"
_KEYS: Final = QueryParameter("additional", "`lookupKey` shows the key of each item.", {"type": "array", "items": {"type": "string", "enum": ["lookupKey"]}})  # fmt: skip
_LIMIT: Final = QueryParameter("limit", f"How many items to answer; {ITEMS_MAX} when left out.", {"type": "integer", "minimum": 1, "maximum": ITEMS_MAX})  # fmt: skip
_CHANGE: Final = Action.CONFIG_UPDATE

Ports = Callable[[], LookupPorts]


def routes(configuration: Callable[[], EntityPorts], ports: Ports) -> tuple[Route, ...]:
    """The routes, on the stores that the ports give at the first request."""
    return (*_revisions(configuration, ports), *_files(configuration, ports), *_data(ports))


def _revisions(configuration: Callable[[], EntityPorts], ports: Ports) -> tuple[Route, ...]:
    def set_status(request: Request) -> Document:
        return set_revision_status(
            configuration(), request.caller, _revision(request, "id", _CHANGE), request.json_object()
        )

    def delete(request: Request) -> Document:
        return delete_revision(configuration(), ports(), request.caller, _revision(request, "id", _CHANGE))

    one = f"{REVISIONS}/{{id}}"
    return (
        _route("PUT", f"{one}/status", set_status, "setStatus", "Publish or archive a revision", body=RevisionStatusRequest, resource=LOOKUP_TABLE_REVISION),
        _route("DELETE", one, delete, "delete", "Delete a revision with its items", resource=LOOKUP_TABLE_REVISION),
    )  # fmt: skip


def _files(configuration: Callable[[], EntityPorts], ports: Ports) -> tuple[Route, ...]:
    def copy(request: Request) -> Document:
        return copy_data(configuration(), ports(), request.caller, _place(request, _CHANGE), request.json_object())

    def upload(request: Request) -> Document:
        return generate_lookup_upload_url(ports(), request.caller, _place(request, _CHANGE), request.json_object())

    def archived(request: Request) -> Document:
        return archive_url(ports(), request.caller, _place(request, Action.CONFIG_EXPORT), request.json_object())

    def download(request: Request) -> Document:
        return download_data(ports(), request.caller, _place(request, Action.CONFIG_EXPORT), request.json_object())

    def listing(request: Request) -> Document:
        size, token = paging(request)
        page = list_jobs(ports(), request.caller, _place(request), page_size=size, next_token=token)
        return {"data": list(page.data), "nextToken": page.next_token}

    def read(request: Request) -> Document:
        return get_job(ports(), request.caller, _place(request), request.path["id"])

    def delete(request: Request) -> Document:
        return delete_job(ports(), request.caller, _place(request, _CHANGE), request.path["id"])

    jobs = f"{DATA}/jobs"
    return (
        _route("POST", f"{DATA}/copy", copy, "copyData", "Copy the items into a draft", body=CopyRequest, returns=JobStarted),
        _route("POST", f"{DATA}/generateuploadurl", upload, "generateUploadUrl", "Make a URL that takes a file of items", body=LookupUpload, returns=FileUrl),
        _route("POST", f"{DATA}/archived", archived, "archivedData", "Download the items of an archived revision", body=FileFormat, returns=ArchiveUrl),
        _route("POST", f"{jobs}/download", download, "downloadData", "Make a file of the items", body=FileFormat, returns=JobStarted),
        _route("GET", jobs, listing, "listJobs", "List the jobs of a revision", returns=LookupJob, paged=True),
        _route("GET", f"{jobs}/{{id}}", read, "getJob", "Read a job", returns=LookupJob),
        _route("DELETE", f"{jobs}/{{id}}", delete, "deleteJob", "Delete a job with its file", returns=LookupJob),
    )  # fmt: skip


def _data(ports: Ports) -> tuple[Route, ...]:
    def read(request: Request) -> Document:
        return get_data(ports(), request.caller, _place(request), limit=_limit(request), with_keys=_with_keys(request))

    def put(request: Request) -> Document:
        return put_items(
            ports(), request.caller, _place(request, _CHANGE), request.json_object(), with_keys=_with_keys(request)
        )

    def clear(request: Request) -> Document:
        return clear_data(ports(), request.caller, _place(request, _CHANGE))

    def read_one(request: Request) -> Document:
        return get_item(ports(), request.caller, _place(request), _key(request))

    def put_one(request: Request) -> Document:
        body, keys = request.json_object(), _with_keys(request)
        return put_item(ports(), request.caller, _place(request, _CHANGE), _key(request), body, with_keys=keys)

    def delete_one(request: Request) -> Document:
        return delete_item(ports(), request.caller, _place(request, _CHANGE), _key(request), request.json_object())

    one = f"{DATA}/{{lookupKey}}"
    return (
        _route("GET", DATA, read, "getData", "Read the items of a revision", returns=RevisionData, query=(_LIMIT, _KEYS)),
        _route("PUT", DATA, put, "putData", "Put items into a revision", body=RevisionItems, returns=RevisionData, query=(_KEYS,)),
        _route("DELETE", DATA, clear, "deleteData", "Take every item out of a revision", returns=Result),
        _route("GET", one, read_one, "getItem", "Read the item of a key", returns=RevisionData),
        _route("PUT", one, put_one, "putItem", "Put an item at its key", body=RevisionItem, returns=RevisionData, query=(_KEYS,)),
        _route("DELETE", one, delete_one, "deleteItem", "Take an item out of a revision", body=RevisionItemRemoval, returns=RevisionData),
    )  # fmt: skip


def _route(method: str, path: str, handle: Callable[[Request], Any], id_: str, summary: str, **more: Any) -> Route:
    operation = Operation(f"lookupTableRevision.{id_}", summary, TAG, **more)
    return Route(method, path, handle, operation, rest=path.endswith("{lookupKey}"))


def _revision(request: Request, name: str, *further: Action) -> Place:
    """Where a revision is; refused when the table denies that it be read, or any of the `further` actions."""
    require_undenied(request.caller, LOOKUP_TABLE.type, request.path["lookupTableId"], *further)
    return Place(request.path["lookupTableId"], request.path[name])


def _place(request: Request, *further: Action) -> Place:
    return _revision(request, "lookupTableRevisionId", *further)


def _key(request: Request) -> str:
    return request.path["lookupKey"]


def _with_keys(request: Request) -> bool:
    """Clients name it in the query, or beside the items."""
    body = request.json_object().get("additional") or ()
    return "lookupKey" in (*request.many("additional"), *(body if isinstance(body, list) else ()))


def _limit(request: Request) -> int:
    text = request.one("limit")
    return ITEMS_MAX if text is None else whole("limit", text, 1, ITEMS_MAX)

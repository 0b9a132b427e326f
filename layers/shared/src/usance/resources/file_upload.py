"""Files of measurements (metering.md 2)."""

from typing import Annotated, Final, Literal

from pydantic import Field

from usance.domain.catalog.uploads import wanted_upload
from usance.resources.fields import Integral, Noun
from usance.resources.resource import IDS, TEXT, Resource, Selection, Verb

FILE_NAME_MAX_CHARS: Final = 100
CONTENT_MAX_BYTES: Final = 1_073_741_824  # 1 GiB

FileName = Annotated[str, Field(min_length=1, max_length=FILE_NAME_MAX_CHARS)]


class UploadRequest(Noun):
    """A file that is going to be uploaded: a JSON array of measurements, or a table of them (our extension)."""

    file_name: FileName
    content_type: Literal["application/json", "text/json", "text/csv"]
    content_length: Annotated[int, Field(ge=1, le=CONTENT_MAX_BYTES), Integral]


class CsvTemplate(Noun):
    """The header of a table of a meter's measurements, as a file."""

    file_name: str
    content: str


class FileUrl(Noun):
    """Where to send a file to or fetch it from, with the headers that the request must carry."""

    job_id: str
    url: str
    headers: dict[str, str]


class FileUploadJob(Noun):
    """A job is made by asking for its URL."""


FILE_UPLOAD_JOB: Final = Resource(
    type="fileUploadJob",
    path="fileuploads/measurements/jobs",
    model=FileUploadJob,
    title="File upload",
    verbs=frozenset({Verb.GET, Verb.LIST}),
    filters=(IDS,),
    selection=Selection(
        {
            "dateCreatedStart": {"type": "string", "description": "Only the jobs made at this instant or later."},
            "dateCreatedEnd": {"type": "string", "description": "Only the jobs made before this instant."},
            "fileKey": {"type": "string", "format": TEXT, "description": "Only the job of this file."},
        },
        wanted_upload,
    ),
    answers={
        "fileName": {"type": "string", "description": "The name of the file."},
        "contentLength": {"type": "integer", "description": "Its length in bytes."},
        "contentType": {"type": "string", "description": "Its type."},
        "uploadDate": {"type": "string", "format": "date-time", "description": "When its URL was made."},
        "status": {
            "type": "string",
            "enum": ["notUploaded", "running", "succeeded", "failed"],
            "description": "How far the file is. What a failed file held before its mistake is ingested.",
        },
        "totalRows": {"type": "integer", "description": "How many measurements were read so far."},
        "processedRows": {"type": "integer", "description": "How many of them were ingested."},
        "failedRows": {"type": "integer", "description": "How many were not; an event says why, for each."},
        "failureReason": {"type": "string", "description": "Why it failed (our extension); an event says it too."},
    },
)

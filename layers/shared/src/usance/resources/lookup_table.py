"""Lookup tables and their revisions (metering.md 9.1)."""

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field

from usance.domain.catalog.lookups import RevisionStatus, active_revision, check_schema, check_schema_change, item_count
from usance.resources.fields import (
    Code,
    CustomFields,
    DateTime,
    Id,
    Integral,
    Name,
    Noun,
    Version,
    identifier_text,
    unique_items,
)
from usance.resources.file_upload import FileName
from usance.resources.resource import (
    ALL_VERBS,
    IDS,
    Addition,
    Dependant,
    Filter,
    Index,
    Ref,
    Related,
    Resource,
    Serial,
    Verb,
    Within,
)

FIELDS_MIN: Final = 2
FIELDS_MAX: Final = 10
KEYS_MAX: Final = 5
ITEMS_MAX: Final = 2_000  # of one request
FILE_MAX_BYTES: Final = 104_857_600
REVISION_DATA: Final = "lookupTableRevisionData"  # the manifest of a revision's items, whose id is the revision's

LOOKUP_JOB: Final = "lookupTableRevisionDataJob"
ContentType = Literal["application/jsonl", "text/csv"]
FieldName = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(identifier_text)]


class LookupTable(Noun):
    """A table of values by keys. What is looked up is its published revision."""

    name: Name
    code: Code
    custom_fields: CustomFields | None = None


class LookupField(Noun):
    """A column."""

    name: FieldName
    type: Literal["STRING", "NUMBER"]


class LookupTableRevision(Noun):
    """A schema with items. `keys` name the fields that a lookup gives, in the order in which it gives them."""

    name: Name
    fields: Annotated[list[LookupField], Field(min_length=FIELDS_MIN, max_length=FIELDS_MAX)]
    keys: Annotated[list[FieldName], Field(min_length=1, max_length=KEYS_MAX), AfterValidator(unique_items)]
    start_date: DateTime | None = None
    custom_fields: CustomFields | None = None


class RevisionStatusRequest(Noun):
    """The status that a revision shall have."""

    status: Literal["DRAFT", "PUBLISHED", "ARCHIVED"]
    version: Version | None = None


class RevisionItems(Noun):
    """Items to put into a revision: each has a value for every field, and replaces the one with its keys."""

    items: Annotated[list[dict[str, Any]], Field(max_length=ITEMS_MAX)]
    version: Version | None = None


class RevisionItem(Noun):
    """The item to put at a key."""

    item: dict[str, Any]
    version: Version | None = None


class RevisionItemRemoval(Noun):
    """The version of the data that an item is taken out of. Without a body, or a version, it goes from the data as they are now."""

    version: Version | None = Field(
        default=None,
        description="The version of the revision's data that was read; the removal from another is refused.",
    )


class FileFormat(Noun):
    """The format of a file of items."""

    content_type: ContentType


class LookupUpload(FileFormat):
    """A file of items that is going to be uploaded."""

    file_name: FileName
    content_length: Annotated[int, Field(ge=1, le=FILE_MAX_BYTES), Integral]
    version: Version | None = None


class CopyRequest(Noun):
    """Where to copy the items to: a draft with the same schema, or a new revision."""

    revision_id: Id | None = None


class LookupJob(Noun):
    """Something that is done, or was, with the items of a revision."""

    id: str
    version: int | None = None
    type: Literal["COPY", "UPLOAD", "DOWNLOAD", "ARCHIVE"] | None = None
    status: Literal["PENDING", "FAILED", "SUCCEEDED"] | None = None
    job_date: str | None = None
    file_name: str | None = None
    failure_reason: str | None = None
    lookup_table_id: str | None = None
    lookup_table_revision_id: str | None = None
    destination_lookup_table_revision_id: str | None = None
    download_url: str | None = None
    download_url_expiry: str | None = None


class JobStarted(Noun):
    """The job that was made, and the revision that it fills."""

    job_id: str
    revision_id: str | None = None


class ArchiveUrl(Noun):
    """Where an archived revision is downloaded."""

    url: str
    expiry: str


class RevisionData(Noun):
    """Items of a revision, with the version of its data."""

    items: list[dict[str, Any]]
    version: int | None = None
    dt_created: str | None = None
    dt_last_modified: str | None = None
    created_by: str | None = None
    last_modified_by: str | None = None


LOOKUP_TABLE: Final = Resource(
    type="lookupTable",
    path="lookuptables",
    model=LookupTable,
    title="Lookup table",
    unique=("code",),
    indexes=(Index("code"),),
    filters=(IDS, Filter("codes", "code", "Only the lookup tables with these codes.", many=True)),
    dependants=(Dependant("lookupTableRevision", "lookupTableId"),),
    additional={
        "activeRevision": Addition(
            (
                Related(
                    "active",
                    "lookupTableRevision",
                    find=lambda it: {"lookupTableId": [it.new["id"]], "status": [RevisionStatus.PUBLISHED.value]},
                ),
                Related("data", REVISION_DATA, find=lambda it: {"id": [one["id"] for one in it.many("active")]}),
            ),
            active_revision,
            shown="active",
        )
    },
    page_size_max=200,
    answers={"activeRevision": {"$ref": "#/components/schemas/LookupTableRevisionEntity"}},
)
LOOKUP_TABLE_REVISION: Final = Resource(
    type="lookupTableRevision",
    path="lookuptables/{lookupTableId}/revisions",
    model=LookupTableRevision,
    title="Lookup table revision",
    verbs=ALL_VERBS - {Verb.DELETE},  # its items go with it
    within=Within("lookupTableId", "lookupTable"),
    indexes=(Index("lookupTableId"), Index("status")),
    filters=(IDS,),
    references=(Ref("lookupTableId", "lookupTable"),),
    related=(Related("data", REVISION_DATA, where={"id": "id"}),),
    rules=(check_schema, check_schema_change),
    serial=(Serial("lookup table", "lookupTableId"),),
    derived=item_count,
    page_size_max=200,
    answers={
        "lookupTableId": {"type": "string", "description": "The lookup table."},
        "status": {"type": "string", "enum": ["DRAFT", "PUBLISHED", "ARCHIVED"], "description": "Where it stands."},
        "itemCount": {"type": "integer", "description": "How many items it has."},
    },
)

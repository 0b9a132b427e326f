"""Statement jobs and their files on the wire (billing.md 14)."""

from typing import Final, Literal

from pydantic import Field

from usance.resources.fields import DateTime, Id, Noun

METERS_MAX: Final = 100  # our choice: more meters than a bill has
BILLS_MAX: Final = 10  # the API's limit of bills in one call

Standing = Literal["LATEST", "STALE", "INVALIDATED"]
JobStatus = Literal["PENDING", "RUNNING", "COMPLETE", "CANCELLED", "FAILED"]


class StatementFilters(Noun):
    """Which lines of the bill a statement shows: those of the meters, or all when none is named."""

    meter_ids: list[Id] = Field(default_factory=list, max_length=METERS_MAX)


class StatementJobCreate(Noun):
    """The statement of one bill."""

    bill_id: Id
    include_csv_format: bool = False
    filters: StatementFilters = Field(default_factory=StatementFilters)


class StatementJobBatchCreate(Noun):
    """The statements of several bills."""

    bill_ids: list[Id] = Field(min_length=1, max_length=BILLS_MAX)
    include_csv_format: bool = False
    filters: StatementFilters = Field(default_factory=StatementFilters)


class StatementJob(Noun):
    """A job. The URLs and their standing are there once it is complete."""

    id: Id
    version: int
    org_id: Id
    bill_id: Id
    statement_job_status: JobStatus
    include_csv_format: bool
    filters: StatementFilters
    json_statement_status: Standing | None = None
    csv_statement_status: Standing | None = None
    presigned_json_statement_url: str | None = None
    presigned_csv_statement_url: str | None = None
    dt_created: DateTime
    dt_last_modified: DateTime
    created_by: str
    last_modified_by: str


class ObjectUrl(Noun):
    """Where a file can be fetched by a plain GET for a quarter of an hour."""

    download_url: str

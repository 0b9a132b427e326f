"""Data exports: destinations, schedules, jobs (metering.md 8)."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from usance.domain.catalog.uploads import created_between
from usance.domain.catalog.usage_questions import meters_named
from usance.resources.export_rules import accounts_of_schedule, check_destination, check_schedule
from usance.resources.fields import Code, DateTime, Id, Integral, Name, Noun, unique_items
from usance.resources.questions import related_to
from usance.resources.resource import IDS, Dependant, Filter, Index, Ref, Related, Resource, Selection, Verb
from usance.resources.usage_query import (
    ACCOUNTS_MAX,
    AGGREGATIONS_MAX,
    FILTERS_MAX,
    GROUPS_MAX,
    METERS_MAX,
    DimensionFilter,
    UsageAggregation,
    UsageGroup,
)

DESTINATIONS_MAX: Final = 10  # copies of every file
PREFIX_MAX_CHARS: Final = 512  # of the 1,024 bytes of a key

Label = Annotated[str, Field(min_length=1, max_length=200)]
OperationalDataType = Literal[
    "BILLS",
    "COMMITMENTS",
    "ACCOUNTS",
    "BALANCES",
    "CONTRACTS",
    "ACCOUNT_PLANS",
    "AGGREGATIONS",
    "PLANS",
    "PRICING",
    "PRICING_BANDS",
    "BILL_LINE_ITEMS",
    "METERS",
    "PRODUCTS",
    "COMPOUND_AGGREGATIONS",
    "PLAN_GROUPS",
    "PLAN_GROUP_LINKS",
    "PLAN_TEMPLATES",
    "BALANCE_TRANSACTIONS",
    "TRANSACTION_TYPES",
    "CHARGES",
]
TimePeriod = Literal[
    "TODAY",
    "YESTERDAY",
    "WEEK_TO_DATE",
    "MONTH_TO_DATE",
    "YEAR_TO_DATE",
    "PREVIOUS_WEEK",
    "PREVIOUS_MONTH",
    "PREVIOUS_QUARTER",
    "PREVIOUS_YEAR",
    "LAST_12_HOURS",
    "LAST_7_DAYS",
    "LAST_30_DAYS",
    "LAST_35_DAYS",
    "LAST_90_DAYS",
    "LAST_120_DAYS",
    "LAST_YEAR",
]
_Destinations = Annotated[list[Id], Field(max_length=DESTINATIONS_MAX), AfterValidator(unique_items)]


class DataExportDestination(Noun):
    """A bucket that exports are written to: of S3, by a role that may write there, or of Google Cloud Storage."""

    name: Name
    code: Code
    destination_type: Literal["S3", "GCS"] | None = None
    bucket_name: Annotated[str, Field(min_length=3, max_length=63, pattern=r"^[a-z0-9][a-z0-9._-]*[a-z0-9]$")]
    prefix: Annotated[str, Field(max_length=PREFIX_MAX_CHARS)] | None = None
    partition_order: Literal["TIME_FIRST", "TYPE_FIRST"] = "TIME_FIRST"
    iam_role_arn: Annotated[str, Field(max_length=200, pattern=r"^arn:aws:iam::\d+:role/\S+$")] | None = None
    project_number: Label | None = None
    pool_id: Label | None = None
    provider_id: Label | None = None
    service_account_email: Label | None = None


class _Selection(Noun):
    """What to export: entities of some types, or usage as a query selects it."""

    source_type: Literal["USAGE", "OPERATIONAL"]
    destination_ids: _Destinations = Field(default_factory=list)
    export_file_format: Literal["CSV", "JSONL", "PARQUET"] = "CSV"
    operational_data_types: (
        Annotated[list[OperationalDataType], Field(min_length=1), AfterValidator(unique_items)] | None
    ) = None
    meter_ids: Annotated[list[Id], Field(max_length=METERS_MAX), AfterValidator(unique_items)] | None = None
    account_ids: Annotated[list[Id], Field(max_length=ACCOUNTS_MAX), AfterValidator(unique_items)] | None = None
    dimension_filters: Annotated[list[DimensionFilter], Field(max_length=FILTERS_MAX)] | None = None
    aggregations: Annotated[list[UsageAggregation], Field(max_length=AGGREGATIONS_MAX)] | None = None
    groups: Annotated[list[UsageGroup], Field(max_length=GROUPS_MAX)] | None = None


class AdHocExport(_Selection):
    """An export to be made now, from `startDate` on."""

    start_date: DateTime | None = None
    end_date: DateTime | None = None


class DataExportSchedule(_Selection):
    """An export made again and again: every `period` units of `scheduleType`, or by a `cronExpression`; in UTC."""

    name: Name
    code: Code
    schedule_type: Literal["MINUTE", "HOUR", "DAY"] | None = None
    period: Annotated[int, Field(ge=1), Integral] | None = None
    offset: Annotated[int, Field(ge=1), Integral] | None = None
    cron_expression: Annotated[str, Field(min_length=9, max_length=200)] | None = None
    time_period: TimePeriod | None = None


class ExportStarted(Noun):
    """The job that was made."""

    job_id: str


class ExportUrl(Noun):
    """Where the file of a job is downloaded, and until when."""

    url: str
    expiration_time: str


class DataExportJob(Noun):
    """A job is made by asking for an export, or by a schedule."""


DATA_EXPORT_DESTINATION: Final = Resource(
    type="dataExportDestination",
    path="dataexports/destinations",
    model=DataExportDestination,
    title="Data export destination",
    unique=("code",),
    filters=(IDS,),
    rules=(check_destination,),
    dependants=(Dependant("dataExportSchedule", "destinationIds"),),
    page_size_max=200,
)

DATA_EXPORT_SCHEDULE: Final = Resource(
    type="dataExportSchedule",
    path="dataexports/schedules",
    model=DataExportSchedule,
    title="Data export schedule",
    unique=("code",),
    indexes=(
        Index("destinationIds", "destinationIds[]"),
        Index("meterIds", compute=lambda schedule: meters_named(schedule.new)),
        Index("aggregationId", path="aggregations[].aggregationId"),
        Index("compoundAggregationId", path="aggregations[].compoundAggregationId"),
    ),
    filters=(IDS,),
    references=(
        Ref("destinationIds[]", "dataExportDestination"),
        Ref("meterIds", "meter", compute=lambda schedule: meters_named(schedule.new)),
        Ref("aggregations[].aggregationId", "aggregation"),
        Ref("aggregations[].compoundAggregationId", "compoundAggregation"),
        # Accounts, up to a thousand, may go: then they are passed over.
    ),
    related=(
        *related_to(lambda schedule: schedule),
        Related("accounts", "account", find=accounts_of_schedule),
    ),
    rules=(check_schedule,),
)

JOB_STATUSES: Final = ("PENDING", "RUNNING", "SUCCEEDED", "FAILED")

DATA_EXPORT_JOB: Final = Resource(
    type="dataExportJob",
    path="dataexports/jobs",
    model=DataExportJob,
    title="Data export job",
    verbs=frozenset({Verb.GET, Verb.LIST}),
    filters=(
        IDS,
        Filter("scheduleId", "scheduleId", "Only the jobs of this schedule."),
        Filter("status", "status", "Only the jobs that are so far.", choices=JOB_STATUSES),
    ),
    indexes=(Index("scheduleId"), Index("status")),
    selection=Selection(
        {
            "dateCreatedStart": {"type": "string", "description": "Only the jobs made at this instant or later."},
            "dateCreatedEnd": {"type": "string", "description": "Only the jobs made before this instant."},
        },
        created_between,
    ),
    answers={
        "scheduleId": {"type": "string", "description": "The schedule that made it; a job made by hand has none."},
        "sourceType": {"type": "string", "enum": ["USAGE", "OPERATIONAL"]},
        "status": {"type": "string", "enum": list(JOB_STATUSES)},
        "dateCreated": {"type": "string", "format": "date-time", "description": "When it was made."},
        "startedAt": {"type": "string", "format": "date-time", "description": "When the export began."},
    },
)

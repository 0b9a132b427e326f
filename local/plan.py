"""What the template says is to be run: functions, and what makes each of them run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final

from local.intrinsics import Resolver
from local.names import Names
from local.template import Template, TemplateError

_LAMBDA_TIMEOUT_SECONDS: Final = 3
_LAMBDA_MEMORY_MB: Final = 128
_AUTHORIZER_TTL_SECONDS: Final = 300
_ASYNC_RETRIES: Final = 2
_SCHEDULER_RETRIES: Final = 185
"""Defaults of AWS for what a template leaves out."""


@dataclass(frozen=True, slots=True)
class Function:
    """One Lambda function; `module` and `attribute` say where its handler is."""

    logical_id: str
    name: str
    module: str
    attribute: str
    environment: Mapping[str, str]
    timeout_seconds: int
    memory_mb: int
    reserved_concurrency: int | None


@dataclass(frozen=True, slots=True)
class Route:
    """One route of the HTTP API; `method` may be ANY, `authorizer` is None where callers need no token."""

    method: str
    path: str
    function: str
    authorizer: str | None


@dataclass(frozen=True, slots=True)
class Authorizer:
    """A Lambda authorizer with simple responses; its answer is kept for `ttl_seconds` per header values."""

    name: str
    function: str
    headers: tuple[str, ...]
    ttl_seconds: int


@dataclass(frozen=True, slots=True)
class QueueSource:
    """A queue whose messages run a function."""

    function: str
    queue: str
    batch_size: int
    window_seconds: int
    reports_failures: bool
    concurrency: int | None
    patterns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StreamSource:
    """A table's stream whose records run a function. `retries` is None when a record is tried until it expires."""

    logical_id: str
    function: str
    table: str
    batch_size: int
    window_seconds: int
    bisects: bool
    reports_failures: bool
    retries: int | None
    patterns: tuple[str, ...]
    on_failure: str | None


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule that runs a function. `source` is `aws.scheduler` (ScheduleV2) or `aws.events` (Schedule)."""

    logical_id: str
    event: str
    function: str
    source: str
    expression: str
    payload: str | None
    retries: int
    enabled: bool


@dataclass(frozen=True, slots=True)
class BucketSource:
    """Objects made in a bucket that run a function."""

    logical_id: str
    function: str
    bucket: str
    events: tuple[str, ...]
    rules: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything the stack runs."""

    functions: Mapping[str, Function]
    authorizers: Mapping[str, Authorizer]
    routes: tuple[Route, ...]
    queues: tuple[QueueSource, ...]
    streams: tuple[StreamSource, ...]
    schedules: tuple[Schedule, ...]
    buckets: tuple[BucketSource, ...]


@dataclass(slots=True)
class _Reader:
    resolver: Resolver
    names: Names
    defaults: Mapping[str, Any]
    functions: dict[str, Function] = field(default_factory=dict)
    authorizers: dict[str, Authorizer] = field(default_factory=dict)
    default_authorizers: dict[str, str | None] = field(default_factory=dict)
    routes: list[Route] = field(default_factory=list)
    queues: list[QueueSource] = field(default_factory=list)
    streams: list[StreamSource] = field(default_factory=list)
    schedules: list[Schedule] = field(default_factory=list)
    buckets: list[BucketSource] = field(default_factory=list)

    def api(self, logical_id: str, properties: Mapping[str, Any]) -> None:
        auth = properties.get("Auth", {})
        self.default_authorizers[logical_id] = auth.get("DefaultAuthorizer")
        for name, row in auth.get("Authorizers", {}).items():
            if str(row.get("AuthorizerPayloadFormatVersion")) != "2.0" or row.get("EnableSimpleResponses") is not True:
                message = f"{logical_id}: the authorizer {name} must use payload format 2.0 with simple responses"
                raise TemplateError(message)
            identity = row.get("Identity", {})
            self.authorizers[name] = Authorizer(
                name=name,
                function=self.function_of(row["FunctionArn"], f"{logical_id}.{name}"),
                headers=tuple(header.lower() for header in identity.get("Headers", ["Authorization"])),
                ttl_seconds=int(identity.get("ReauthorizeEvery", _AUTHORIZER_TTL_SECONDS)),
            )

    def function_of(self, arn: str, place: str) -> str:
        for function in self.functions.values():
            if arn in {self.names.attribute(function.logical_id, "Arn"), function.name}:
                return function.logical_id
        message = f"{place}: {arn} is no function of this template"
        raise TemplateError(message)

    def function(self, logical_id: str, properties: Mapping[str, Any]) -> None:
        def setting(name: str, default: Any) -> Any:
            return properties.get(name, self.defaults.get(name, default))

        file, _, attribute = str(setting("Handler", "app.handler")).rpartition(".")
        folder = PurePosixPath(str(setting("CodeUri", ".")))
        own: Mapping[str, Any] = properties.get("Environment", {}).get("Variables", {})
        shared: Mapping[str, Any] = self.defaults.get("Environment", {}).get("Variables", {})
        reserved = setting("ReservedConcurrentExecutions", None)
        self.functions[logical_id] = Function(
            logical_id=logical_id,
            name=self.names.physical(logical_id),
            module=".".join([*folder.parts, *file.split("/")]),
            attribute=attribute,
            environment={name: str(value) for name, value in {**shared, **own}.items()},
            timeout_seconds=int(setting("Timeout", _LAMBDA_TIMEOUT_SECONDS)),
            memory_mb=int(setting("MemorySize", _LAMBDA_MEMORY_MB)),
            reserved_concurrency=None if reserved is None else int(reserved),
        )

    def events(self, logical_id: str, properties: Mapping[str, Any]) -> None:
        readers = {
            "HttpApi": self.route,
            "SQS": self.queue,
            "DynamoDB": self.stream,
            "Schedule": self.schedule,
            "ScheduleV2": self.schedule_v2,
            "S3": self.bucket,
        }
        for event, row in properties.get("Events", {}).items():
            if row["Type"] not in readers:
                message = f"{logical_id}.{event}: the embedded stack does not know events of type {row['Type']}"
                raise TemplateError(message)
            readers[row["Type"]](logical_id, event, row.get("Properties", {}))

    def route(self, function: str, event: str, row: Mapping[str, Any]) -> None:
        if "Path" not in row or "Method" not in row:
            message = f"{function}.{event}: an HttpApi event needs Path and Method"
            raise TemplateError(message)
        default = self.default_authorizers.get(row.get("ApiId", "ServerlessHttpApi"))
        authorizer = row.get("Auth", {}).get("Authorizer", default)
        if authorizer == "NONE":
            authorizer = None
        if authorizer is not None and authorizer not in self.authorizers:
            message = f"{function}.{event}: there is no authorizer {authorizer}"
            raise TemplateError(message)
        method = "ANY" if row["Method"] == "*" else str(row["Method"]).upper()
        self.routes.append(Route(method, str(row["Path"]), function, authorizer))

    def queue(self, function: str, _event: str, row: Mapping[str, Any]) -> None:
        concurrency = row.get("ScalingConfig", {}).get("MaximumConcurrency")
        self.queues.append(
            QueueSource(
                function=function,
                queue=str(row["Queue"]).rsplit(":", 1)[-1],
                batch_size=int(row.get("BatchSize", 10)),
                window_seconds=int(row.get("MaximumBatchingWindowInSeconds", 0)),
                reports_failures="ReportBatchItemFailures" in row.get("FunctionResponseTypes", []),
                concurrency=None if concurrency is None else int(concurrency),
                patterns=_patterns(row),
            )
        )

    def stream(self, function: str, event: str, row: Mapping[str, Any]) -> None:
        retries = int(row.get("MaximumRetryAttempts", -1))
        self.streams.append(
            StreamSource(
                logical_id=f"{function}{event}",
                function=function,
                table=str(row["Stream"]).split("/")[1],
                batch_size=int(row.get("BatchSize", 100)),
                window_seconds=int(row.get("MaximumBatchingWindowInSeconds", 0)),
                bisects=bool(row.get("BisectBatchOnFunctionError", False)),
                reports_failures="ReportBatchItemFailures" in row.get("FunctionResponseTypes", []),
                retries=None if retries < 0 else retries,
                patterns=_patterns(row),
                on_failure=row.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination"),
            )
        )

    def schedule(self, function: str, event: str, row: Mapping[str, Any]) -> None:
        self._schedule(function, event, row, "aws.events", str(row["Schedule"]), _ASYNC_RETRIES)

    def schedule_v2(self, function: str, event: str, row: Mapping[str, Any]) -> None:
        self._schedule(function, event, row, "aws.scheduler", str(row["ScheduleExpression"]), _SCHEDULER_RETRIES)

    def _schedule(
        self, function: str, event: str, row: Mapping[str, Any], source: str, expression: str, retries: int
    ) -> None:
        self.schedules.append(
            Schedule(
                logical_id=f"{function}{event}",
                event=event,
                function=function,
                source=source,
                expression=expression,
                payload=row.get("Input"),
                retries=int(row.get("RetryPolicy", {}).get("MaximumRetryAttempts", retries)),
                enabled=row.get("State", "ENABLED") == "ENABLED" and row.get("Enabled", True) is not False,
            )
        )

    def bucket(self, function: str, event: str, row: Mapping[str, Any]) -> None:
        kinds = row["Events"] if isinstance(row["Events"], list) else [row["Events"]]
        rules = row.get("Filter", {}).get("S3Key", {}).get("Rules", [])
        self.buckets.append(
            BucketSource(
                logical_id=f"{function}{event}",
                function=function,
                bucket=str(row["Bucket"]),
                events=tuple(kinds),
                rules=tuple((str(rule["Name"]).lower(), str(rule["Value"])) for rule in rules),
            )
        )


def _patterns(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(one["Pattern"]) for one in row.get("FilterCriteria", {}).get("Filters", []))


def read_plan(template: Template, resolver: Resolver, names: Names) -> Plan:
    """The plan of `template`; raises `TemplateError` for anything that the embedded stack cannot run."""
    reader = _Reader(resolver, names, resolver.resolve(template.get("Globals", {}).get("Function", {})))
    resources = {
        logical_id: (row["Type"], resolver.resolve(row.get("Properties", {})))
        for logical_id, row in template["Resources"].items()
        if row["Type"] in {"AWS::Serverless::Function", "AWS::Serverless::HttpApi"} and resolver.exists(logical_id)
    }
    functions = {key: row for key, (kind, row) in resources.items() if kind == "AWS::Serverless::Function"}
    for logical_id, properties in functions.items():
        reader.function(logical_id, properties)
    for logical_id, (kind, properties) in resources.items():
        if kind == "AWS::Serverless::HttpApi":
            reader.api(names.ref(logical_id), properties)
    for logical_id, properties in functions.items():
        reader.events(logical_id, properties)
    return Plan(
        functions=reader.functions,
        authorizers=reader.authorizers,
        routes=tuple(reader.routes),
        queues=tuple(reader.queues),
        streams=tuple(reader.streams),
        schedules=tuple(reader.schedules),
        buckets=tuple(reader.buckets),
    )

"""What the template promises: permissions that fit, queues that lose nothing, logs that end."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local.patterns import admits
from usance.adapters.duckdb.custom_sql import LIMITS, TRIAL
from usance.adapters.dynamodb.event_items import to_item
from usance.application.billing import record_failure
from usance.application.billing.run_message import DELIVERIES_MAX
from usance.application.ingest import failure_events
from usance.application.notifications.leases import LEASE_TYPE
from usance.application.notifications.lines import PLACE_TYPE
from usance.application.notifications.runs import RUN_TYPE
from usance.application.ports.events import Event
from usance.entrypoints.queue import export_worker, upload_worker
from usance.resources.event_names import EVENT_NAMES

Template = dict[str, Any]
Functions = dict[str, dict[str, Any]]

# The permission that the name of a store calls for: one of these policies at least.
POLICIES = {
    "ENTITIES_TABLE": {"ReadEntities", "UseEntities"},
    "USAGE_TABLE": {"ReadUsage", "WriteUsage", "DeleteUsage"},
    "EVENTS_TABLE": {"MarkEvents", "WriteEvents", "UseEvents", "MoveOrganizations"},
    "DOCUMENTS_BUCKET": {"UseDocuments", "WriteDocuments", "DeleteDocuments"},
    "SECRET_ARN": {"ReadSecret"},
    "BILLING_QUEUE_URL": {"SendBilling"},
    "UPLOAD_QUEUE_URL": {"SendUploads"},
    "EXPORT_QUEUE_URL": {"SendExports"},
    "MERGE_QUEUE_URL": {"SendMerges"},
    "INGEST_QUEUE_URL": {"SendMeasurements"},
    "STATEMENT_QUEUE_URL": {"SendStatements"},
    "DELIVERY_QUEUE_URL": {"SendDeliveries", "SettleDeliveries"},
    "INTEGRATION_QUEUE_URL": {"SendDeliveries", "SettleDeliveries"},
    "DELIVERY_DEAD_LETTER_QUEUE_URL": {"SettleDeliveries"},
}
OWN_MB = 256  # what a function needs beside the process that runs a query
VISIBILITY_PER_TIMEOUT = 6  # what AWS asks of a queue that runs a function
SQS_RETENTION_DAYS_MAX = 14
ROLE_POLICIES_MAX = 10  # managed policies of a role; an account that asks may have more
ALARM_METRICS_MAX = 10  # CloudWatch


def of_type(template: Template, kind: str) -> dict[str, dict[str, Any]]:
    return {name: row for name, row in template["Resources"].items() if row["Type"] == kind}


def events(functions: Functions, kind: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for function in functions.values():
        for event in function.get("Events", {}).values():
            if event["Type"] == kind:
                yield function, event["Properties"]


def variables(function: dict[str, Any]) -> set[str]:
    return set(function["Environment"]["Variables"])


def policies(function: dict[str, Any]) -> set[str]:
    return {policy["Ref"] for policy in function["Policies"]}


@pytest.mark.parametrize("table", ["EntitiesTable", "EventsTable"])
def test_rows_that_say_when_they_expire_do(template: Template, table: str) -> None:
    expiry = template["Resources"][table]["Properties"]["TimeToLiveSpecification"]
    assert expiry == {"AttributeName": "expires", "Enabled": True}


def test_every_function_folder_is_deployed_and_every_deployed_function_has_a_folder(
    project: Path, functions: Functions
) -> None:
    assert {path.parent.name for path in (project / "functions").glob("*/app.py")} == set(functions)


def test_functions_run_on_the_runtime_and_the_processor_of_the_deployment(template: Template) -> None:
    shared = template["Globals"]["Function"]
    assert shared["Runtime"] == "python3.13"
    assert shared["Architectures"] == [{"Ref": "Architecture"}]
    assert template["Parameters"]["Architecture"]["AllowedValues"] == ["arm64", "x86_64"]


def test_functions_have_no_requirements_so_that_no_python_3_13_is_needed_to_build(project: Path) -> None:
    assert not list((project / "functions").rglob("requirements*"))


def test_a_function_is_allowed_what_it_is_told_the_name_of_and_nothing_else(functions: Functions) -> None:
    for name, function in functions.items():
        told = {variable for variable in POLICIES if variable in variables(function)}
        allowed = {variable for variable, some in POLICIES.items() if some & policies(function)}
        assert allowed == told, name
        assert policies(function) <= set().union(
            *POLICIES.values(), {"AssumeRolesOfOthers", "MeterMarketplace", "SendMail"}
        ), name


def test_usage_is_deleted_by_merging_alone(template: Template, functions: Functions) -> None:
    assert {name for name, one in functions.items() if "DeleteUsage" in policies(one)} == {"merge_worker"}
    for name in ("ReadUsage", "WriteUsage"):
        assert "Delete" not in json.dumps(template["Resources"][name])


def test_only_the_administrator_goes_through_whole_tables(template: Template, functions: Functions) -> None:
    assert {name for name, one in functions.items() if "MoveOrganizations" in policies(one)} == {"admin"}
    scanning = [name for name, row in of_type(template, "AWS::IAM::ManagedPolicy").items() if "Scan" in json.dumps(row)]
    assert scanning == ["MoveOrganizations"]


def test_only_exports_and_integrations_take_on_roles_of_others(functions: Functions) -> None:
    takers = {name for name, one in functions.items() if "AssumeRolesOfOthers" in policies(one)}
    assert takers == {"export_worker", "integrations"}


def test_only_integrations_meter_in_the_marketplace(functions: Functions) -> None:
    assert {name for name, one in functions.items() if "MeterMarketplace" in policies(one)} == {"integrations"}


def test_what_the_own_account_sells_is_metered_only_when_the_deployment_asks(template: Template) -> None:
    [statement] = template["Resources"]["MeterMarketplace"]["Properties"]["PolicyDocument"]["Statement"]
    condition, when_asked, otherwise = statement["Effect"]["Fn::If"]
    assert (when_asked, otherwise) == ("Allow", "Deny")
    assert template["Conditions"][condition] == {"Fn::Equals": [{"Ref": "MeterOwnProducts"}, "true"]}
    assert template["Parameters"]["MeterOwnProducts"]["Default"] == "false"


def test_roles_of_its_own_account_are_taken_on_only_when_the_deployment_asks(template: Template) -> None:
    [allow, deny] = template["Resources"]["AssumeRolesOfOthers"]["Properties"]["PolicyDocument"]["Statement"]
    assert allow["Effect"] == "Allow"
    condition, when_asked, otherwise = deny["Fn::If"]
    assert template["Conditions"][condition] == {"Fn::Equals": [{"Ref": "ExportToOwnAccount"}, "true"]}
    assert template["Parameters"]["ExportToOwnAccount"]["Default"] == "false"
    assert when_asked == {"Ref": "AWS::NoValue"}
    assert otherwise == {
        "Effect": "Deny",
        "Action": "sts:AssumeRole",
        "Resource": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/*"},
        "Condition": {"StringNotEquals": {"aws:ResourceTag/usance-export-identity": {"Ref": "AWS::StackName"}}},
    }


def test_the_role_that_google_is_shown_may_do_nothing_and_is_the_only_one_of_its_tag(template: Template) -> None:
    """A session of it proves which organization an export is for, and gives no access here."""
    role = template["Resources"]["ExportIdentityRole"]["Properties"]
    assert set(role) == {"AssumeRolePolicyDocument", "Tags"}
    assert role["Tags"] == [{"Key": "usance-export-identity", "Value": {"Ref": "AWS::StackName"}}]
    [trust] = role["AssumeRolePolicyDocument"]["Statement"]
    assert "ExportWorkerFunctionRole" in json.dumps(trust["Condition"]["ArnLike"]["aws:PrincipalArn"])
    tagged = [name for name, one in template["Resources"].items() if "usance-export-identity" in json.dumps(one)]
    assert sorted(tagged) == ["AssumeRolesOfOthers", "ExportIdentityRole"]


def test_the_secret_is_read_only_where_keys_tokens_or_sealed_texts_are_handled(functions: Functions) -> None:
    readers = {name for name, function in functions.items() if "ReadSecret" in policies(function)}
    assert readers == {"admin", "authorizer", "tokens", "entities", "webhooks", "integrations"}


WITHOUT_RESOURCES = ("aws-marketplace:BatchMeterUsage",)  # actions that IAM can allow for everything alone


def test_no_policy_allows_every_action_or_every_resource(template: Template) -> None:
    for name, row in of_type(template, "AWS::IAM::ManagedPolicy").items():
        for statement in row["Properties"]["PolicyDocument"]["Statement"]:
            if "Fn::If" in statement:
                assert statement["Fn::If"][2]["Effect"] == "Deny"
                continue
            assert "*" not in json.dumps(statement["Action"]), name
            if statement["Action"] not in WITHOUT_RESOURCES:
                assert statement["Resource"] not in ("*", ["*"]), name


def test_a_role_holds_no_more_policies_than_an_account_allows(functions: Functions) -> None:
    """Beside ours: to write logs, to write traces, and to read the queue or the stream that runs the function."""
    for name, function in functions.items():
        sources = {event["Type"] for event in function.get("Events", {}).values()} & {"SQS", "DynamoDB"}
        assert len(policies(function)) + 2 + len(sources) <= ROLE_POLICIES_MAX, name


def alarmed(template: Template, alarm: str, kind: str) -> set[str]:
    """The queues or functions that an alarm looks at."""
    metrics = template["Resources"][alarm]["Properties"]["Metrics"]
    values = [
        dimension["Value"]
        for metric in metrics
        if "MetricStat" in metric
        for dimension in metric["MetricStat"]["Metric"]["Dimensions"]
        if dimension["Name"] == kind
    ]
    return {value["Ref"] if "Ref" in value else value["Fn::GetAtt"][0] for value in values}


def test_alarms_look_at_every_queue_and_function_and_tell_the_topic(template: Template) -> None:
    queues = of_type(template, "AWS::SQS::Queue")
    working = {name for name, row in queues.items() if "RedrivePolicy" in row["Properties"]}
    assert alarmed(template, "DeadLettersAlarm", "QueueName") == set(queues) - working
    assert alarmed(template, "OldMessagesAlarm", "QueueName") == working
    called = alarmed(template, "ThrottlesAlarm", "FunctionName")
    others = alarmed(template, "WorkerErrorsAlarm", "FunctionName")
    alone = {"AdminFunction", "GivenUpFunction"}  # the one has a caller, what the other cannot do is a dead letter
    assert called | others | alone == set(of_type(template, "AWS::Serverless::Function"))
    assert not called & others
    alarms = of_type(template, "AWS::CloudWatch::Alarm")
    assert len(alarms) == 8
    tables = template["Resources"]["TableThrottlesAlarm"]["Properties"]["Metrics"][1:]
    watched = {
        (one["MetricStat"]["Metric"]["Dimensions"][0]["Value"]["Ref"], one["MetricStat"]["Metric"]["MetricName"])
        for one in tables
    }
    kinds = ("ReadThrottleEvents", "WriteThrottleEvents")
    assert watched == {(table, kind) for table in of_type(template, "AWS::DynamoDB::Table") for kind in kinds}
    for row in alarms.values():
        assert row["Condition"] == "HasAlarmTopic"
        assert row["Properties"]["AlarmActions"] == row["Properties"]["OKActions"] == [{"Ref": "AlarmTopic"}]
        assert len(row["Properties"]["Metrics"]) - 1 <= ALARM_METRICS_MAX


def test_the_dashboard_shows_every_queue_and_function(template: Template) -> None:
    body = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    assert len(json.loads(body)["widgets"]) == 8
    named = set(re.findall(r"\$\{(\w+)(?:\.QueueName)?\}", body))
    assert set(of_type(template, "AWS::SQS::Queue")) <= named
    assert set(of_type(template, "AWS::Serverless::Function")) - {"AdminFunction"} <= named
    assert set(of_type(template, "AWS::DynamoDB::Table")) <= named
    assert named <= set(template["Resources"]) | {"AWS"}


def test_what_alarms_and_the_dashboard_count_is_counted(template: Template, project: Path) -> None:
    text = json.dumps(template["Resources"])
    code = "".join(path.read_text() for path in (project / "layers/shared/src/usance/entrypoints").rglob("*.py"))
    for name in ("JobsFailed", "Delivered", "DeliveryAttemptsFailed", "DeliveriesFailed"):
        assert name in text
        assert f'"{name}"' in code


def test_every_policy_is_used(template: Template, functions: Functions) -> None:
    used = set().union(*(policies(function) for function in functions.values()))
    assert used == set(of_type(template, "AWS::IAM::ManagedPolicy"))


def test_every_function_logs_to_a_group_that_forgets(template: Template, functions: Functions) -> None:
    groups = of_type(template, "AWS::Logs::LogGroup")
    for function in functions.values():
        assert function["LoggingConfig"]["LogGroup"]["Ref"] in groups
    for row in groups.values():
        assert row["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_every_queue_that_runs_a_function_has_a_dead_letter_queue_that_keeps_longest(template: Template) -> None:
    queues = of_type(template, "AWS::SQS::Queue")
    working = {name for name, row in queues.items() if "RedrivePolicy" in row["Properties"]}
    assert working == {
        "BillingQueue",
        "StatementQueue",
        "UploadQueue",
        "ExportQueue",
        "IngestQueue",
        "MergeQueue",
        "DeliveryQueue",
        "IntegrationQueue",
        "GivenUpQueue",
    }
    for name in working:
        target = queues[name]["Properties"]["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
        assert target == ("GivenUpQueue" if name in {"DeliveryQueue", "IntegrationQueue"} else f"{name}DeadLetterQueue")
    for name in {"GivenUpQueue"} | set(queues) - working:  # the time in the queue before counts
        assert queues[name]["Properties"]["MessageRetentionPeriod"] == SQS_RETENTION_DAYS_MAX * 86_400
    assert all(row["Properties"]["SqsManagedSseEnabled"] is True for row in queues.values())


def test_a_message_stays_hidden_for_six_times_the_time_out_of_its_function(
    template: Template, functions: Functions
) -> None:
    sources = list(events(functions, "SQS"))
    assert len(sources) == len({event["Queue"]["Fn::GetAtt"][0] for _, event in sources}) == 9
    for function, event in sources:
        queue = template["Resources"][event["Queue"]["Fn::GetAtt"][0]]["Properties"]
        assert queue["VisibilityTimeout"] >= VISIBILITY_PER_TIMEOUT * function["Timeout"]
        assert event["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


@pytest.mark.parametrize(
    ("queue", "tries"),
    [
        ("BillingQueue", DELIVERIES_MAX),
        ("ExportQueue", export_worker.TRIES_MAX),
        ("UploadQueue", upload_worker.TRIES_MAX),
    ],
)
def test_a_worker_that_gives_up_knows_its_last_try(template: Template, queue: str, tries: int) -> None:
    assert template["Resources"][queue]["Properties"]["RedrivePolicy"]["maxReceiveCount"] == tries


def test_the_streams_lose_no_change(template: Template, functions: Functions) -> None:
    views = {}
    for _, event in events(functions, "DynamoDB"):
        table = event["Stream"]["Fn::GetAtt"][0]
        views[table] = template["Resources"][table]["Properties"]["StreamSpecification"]["StreamViewType"]
        assert event["StartingPosition"] == "TRIM_HORIZON"
        assert event["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert event["BisectBatchOnFunctionError"] is True
        assert event["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0] == "StreamFailuresQueue"
    assert views == {"EntitiesTable": "NEW_AND_OLD_IMAGES", "EventsTable": "NEW_IMAGE"}


@pytest.mark.parametrize(
    ("name", "kind", "admitted"),
    [
        (record_failure.EVENT_NAME, None, True),
        (failure_events.EVENT_NAME, failure_events.EVENT_TYPE, True),
        (record_failure.EVENT_NAME, "Notification", False),
        (failure_events.EVENT_NAME, "Notification", False),
        ("billing.bill.created", None, False),
        ("billing.bill.created", "Notification", False),
        ("integration.perform.error", "IntegrationEvent", False),
    ],
)
def test_rules_are_evaluated_on_what_other_functions_record_and_on_nothing_twice(
    functions: Functions, name: str, kind: str | None, *, admitted: bool
) -> None:
    patterns = [
        row["Pattern"]
        for _, event in events(functions, "DynamoDB")
        if event["Stream"]["Fn::GetAtt"][0] == "EventsTable"
        for row in event["FilterCriteria"]["Filters"]
    ]
    recorded = to_item(Event("id", "org", name, datetime(2026, 1, 1, tzinfo=UTC), {}, kind), datetime.now(UTC))
    assert admits(patterns, {"eventName": "INSERT", "dynamodb": {"NewImage": recorded}}) is admitted
    assert not admits(patterns, {"eventName": "MODIFY", "dynamodb": {"NewImage": recorded}})
    assert name in EVENT_NAMES


@pytest.mark.parametrize(
    ("kind", "admitted"), [("bill", True), (RUN_TYPE, False), (LEASE_TYPE, False), (PLACE_TYPE, False)]
)
def test_the_state_of_deliveries_runs_no_function(functions: Functions, kind: str, *, admitted: bool) -> None:
    patterns = [
        row["Pattern"]
        for _, event in events(functions, "DynamoDB")
        if event["Stream"]["Fn::GetAtt"][0] == "EntitiesTable"
        for row in event["FilterCriteria"]["Filters"]
    ]
    row = {"type": {"S": kind}, "body": {"S": "{}"}}
    for images in ({"NewImage": row}, {"OldImage": row}, {"NewImage": row, "OldImage": row}):
        assert admits(patterns, {"eventName": "MODIFY", "dynamodb": images}) is admitted


def test_stores_survive_the_stack_and_can_be_set_back(template: Template) -> None:
    tables = of_type(template, "AWS::DynamoDB::Table")
    assert set(tables) == {"EntitiesTable", "UsageTable", "EventsTable"}
    for row in (*tables.values(), template["Resources"]["DocumentsBucket"]):
        assert row["DeletionPolicy"] == row["UpdateReplacePolicy"] == "Retain"
    for row in tables.values():
        assert row["Properties"]["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
        assert row["Properties"]["BillingMode"] == "PAY_PER_REQUEST"


def test_the_bucket_is_private_and_encrypted_and_spoken_to_over_tls(template: Template) -> None:
    bucket = template["Resources"]["DocumentsBucket"]["Properties"]
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert "BucketEncryption" in bucket
    (statement,) = template["Resources"]["DocumentsBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_schedules_carry_their_own_time(functions: Functions) -> None:
    schedules = functions["scheduler"]["Events"]
    assert set(schedules) == {"BillingSchedule", "ApprovalSchedule", "ExportSchedule", "EventSchedule"}
    for name, event in schedules.items():
        payload = json.loads(event["Properties"]["Input"])
        assert payload == {"schedule": name, "time": "<aws.scheduler.scheduled-time>"}


@pytest.mark.parametrize("layer", ["SharedLayer", "DuckdbLayer", "ConnectorsLayer"])
def test_layers_are_built_by_make(template: Template, project: Path, layer: str) -> None:
    row = template["Resources"][layer]
    assert row["Metadata"]["BuildMethod"] == "makefile"
    makefile = project / row["Properties"]["ContentUri"] / "Makefile"
    assert f"\nbuild-{layer}:\n" in makefile.read_text()


def test_functions_that_run_queries_of_customers_have_room_for_their_process(
    template: Template, functions: Functions
) -> None:
    """The process may map as much as its limit says; the rest is for the function itself."""
    default = template["Globals"]["Function"]["MemorySize"]
    limits = {"bill_worker": LIMITS, "billing": LIMITS, "admin": LIMITS, "entities": TRIAL}
    for name, limit in limits.items():
        assert functions[name].get("MemorySize", default) >= limit.process_mb + OWN_MB
        assert limit.seconds < functions[name].get("Timeout", template["Globals"]["Function"]["Timeout"]) / 2


def test_the_libraries_of_connectors_are_only_with_the_function_that_runs_them(functions: Functions) -> None:
    assert {name for name, one in functions.items() if {"Ref": "ConnectorsLayer"} in one.get("Layers", [])} == {
        "integrations"
    }


def test_duckdb_is_only_with_functions_that_aggregate_or_audit_or_try_queries(functions: Functions) -> None:
    with_duckdb = {name for name, function in functions.items() if {"Ref": "DuckdbLayer"} in function.get("Layers", [])}
    assert with_duckdb == {
        "admin",
        "bill_worker",
        "billing",
        "entities",
        "export_worker",
        "merge_worker",
        "statement_worker",
        "usage",
    }

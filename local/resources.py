"""Makes the template's tables, queues, buckets and secrets in the store; what is there already stays as it is."""

import json
import secrets
import string
from collections.abc import Callable, Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from local.intrinsics import Resolver
from local.names import Names
from local.template import Template, TemplateError

Clients = Callable[[str], Any]
"""A boto3 client of a service, by the service's name."""

_WITHOUT_LOCAL_PART: Final = (
    "AWS::ApiGateway",
    "AWS::CloudWatch::",
    "AWS::IAM::",
    "AWS::Lambda::",
    "AWS::Logs::",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::",
    "AWS::SQS::QueuePolicy",
    "AWS::Serverless::",
)
"""Types, by prefix, that the embedded stack either runs itself or has no use for: permissions, logs, alarms."""

_RECEIVES_MAX: Final = 1_000  # SQS's limit of maxReceiveCount
_QUEUE_ATTRIBUTES: Final = (
    "ContentBasedDeduplication",
    "DelaySeconds",
    "FifoQueue",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "VisibilityTimeout",
)


def create_resources(template: Template, resolver: Resolver, names: Names, clients: Clients) -> None:
    """Make everything of `template` that the store does not have yet, and teach `names` what only the store knows."""
    makers: Mapping[str, Callable[[str, Mapping[str, Any], Names, Clients], None]] = {
        "AWS::DynamoDB::Table": create_table,
        "AWS::SQS::Queue": _create_queue,
        "AWS::S3::Bucket": _create_bucket,
        "AWS::SecretsManager::Secret": _create_secret,
    }
    for logical_id, row in sorted(template["Resources"].items(), key=_after_what_it_names):
        kind = row["Type"]
        if not resolver.exists(logical_id):
            continue
        if kind in makers:
            properties = resolver.resolve(row.get("Properties", {}))
            if "RedrivePolicy" in properties:
                properties = _counting_on(properties, _receives_before(logical_id, template))
            makers[kind](logical_id, properties, names, clients)
        elif not kind.startswith(_WITHOUT_LOCAL_PART):
            message = f"{logical_id}: the embedded stack does not know resources of type {kind}"
            raise TemplateError(message)


def _after_what_it_names(item: tuple[str, Mapping[str, Any]]) -> int:
    """Queues follow their dead-letter queues, as the template has them where these have one too, and buckets what they notify."""
    if item[1]["Type"] == "AWS::S3::Bucket":
        return 2
    return int("RedrivePolicy" in item[1].get("Properties", {}))


def _receives_before(logical_id: str, template: Template) -> int:
    """How often a message was received at most before another queue gave it up to this one."""
    policies = [row.get("Properties", {}).get("RedrivePolicy", {}) for row in template["Resources"].values()]
    return max(
        (
            int(policy["maxReceiveCount"])
            for policy in policies
            if policy.get("deadLetterTargetArn") == {"Fn::GetAtt": [logical_id, "Arn"]}
        ),
        default=0,
    )


def _counting_on(properties: Mapping[str, Any], receives: int) -> Mapping[str, Any]:
    """A queue's properties for a store that goes on counting where SQS begins anew: a message has been received so often."""
    policy = properties["RedrivePolicy"]
    most = min(int(policy["maxReceiveCount"]) + receives, _RECEIVES_MAX)
    return {**properties, "RedrivePolicy": {**policy, "maxReceiveCount": most}}


def table_definition(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of CreateTable, without the name, for a table of the template."""
    definition: dict[str, Any] = {
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": properties["KeySchema"],
        "AttributeDefinitions": properties["AttributeDefinitions"],
    }
    for name in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
        if properties.get(name):
            definition[name] = properties[name]
    if "StreamSpecification" in properties:
        definition["StreamSpecification"] = {"StreamEnabled": True, **properties["StreamSpecification"]}
    return definition


def create_table(logical_id: str, properties: Mapping[str, Any], names: Names, clients: Clients) -> None:
    """Make a table with its indexes, stream and expiry; a table that lacks an index gets it."""
    dynamodb = clients("dynamodb")
    name = names.physical(logical_id)
    definition = table_definition(properties)
    try:
        dynamodb.create_table(TableName=name, **definition)
    except dynamodb.exceptions.ResourceInUseException:
        _add_indexes(dynamodb, name, definition)
    described = dynamodb.describe_table(TableName=name)["Table"]
    if "LatestStreamArn" in described:
        names.learn(logical_id, "StreamArn", described["LatestStreamArn"])
    expiry = properties.get("TimeToLiveSpecification")
    if expiry:
        current = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        if current.get("AttributeName") != expiry["AttributeName"]:
            dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=expiry)


def _add_indexes(dynamodb: Any, name: str, definition: Mapping[str, Any]) -> None:
    described = dynamodb.describe_table(TableName=name)["Table"]
    if described["KeySchema"] != definition["KeySchema"]:
        message = f"the stored table {name} has other keys than the template: start with --fresh"
        raise TemplateError(message)
    present = {index["IndexName"] for index in described.get("GlobalSecondaryIndexes", [])}
    for index in definition.get("GlobalSecondaryIndexes", []):
        if index["IndexName"] not in present:
            dynamodb.update_table(
                TableName=name,
                AttributeDefinitions=definition["AttributeDefinitions"],
                GlobalSecondaryIndexUpdates=[{"Create": index}],
            )


def _create_queue(logical_id: str, properties: Mapping[str, Any], names: Names, clients: Clients) -> None:
    sqs = clients("sqs")
    attributes = {name: _text(properties[name]) for name in _QUEUE_ATTRIBUTES if name in properties}
    if "RedrivePolicy" in properties:
        attributes["RedrivePolicy"] = json.dumps(properties["RedrivePolicy"])
    name = names.physical(logical_id)
    try:
        url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    except ClientError as refused:
        # The template changed: the queue's own attributes follow it.
        if "exist" not in refused.response["Error"]["Code"].lower():
            raise
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)
    names.learn(logical_id, "Ref", url)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _create_bucket(logical_id: str, properties: Mapping[str, Any], names: Names, clients: Clients) -> None:
    s3 = clients("s3")
    name = names.physical(logical_id)
    s3.create_bucket(Bucket=name)
    versioning = properties.get("VersioningConfiguration")
    if versioning:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=versioning)
    queues = properties.get("NotificationConfiguration", {}).get("QueueConfigurations", [])
    if queues:
        s3.put_bucket_notification_configuration(
            Bucket=name,
            NotificationConfiguration={"QueueConfigurations": [_notified(row) for row in queues]},
            SkipDestinationValidation=True,
        )


def _notified(row: Mapping[str, Any]) -> dict[str, Any]:
    """A queue that a bucket notifies, from CloudFormation's words to those of the API."""
    notified: dict[str, Any] = {"QueueArn": row["Queue"], "Events": [row["Event"]]}
    rules = row.get("Filter", {}).get("S3Key", {}).get("Rules")
    if rules:
        notified["Filter"] = {"Key": {"FilterRules": rules}}
    return notified


def _create_secret(logical_id: str, properties: Mapping[str, Any], names: Names, clients: Clients) -> None:
    manager = clients("secretsmanager")
    name = names.physical(logical_id)
    try:
        arn = manager.describe_secret(SecretId=name)["ARN"]
    except manager.exceptions.ResourceNotFoundException:
        arn = manager.create_secret(Name=name, SecretString=_secret_text(properties))["ARN"]
    names.learn(logical_id, "Ref", arn)


def _secret_text(properties: Mapping[str, Any]) -> str:
    if "SecretString" in properties:
        return str(properties["SecretString"])
    rule = properties.get("GenerateSecretString", {})
    alphabet = string.ascii_letters + string.digits
    if not rule.get("ExcludePunctuation", False):
        alphabet += string.punctuation
    allowed = [character for character in alphabet if character not in rule.get("ExcludeCharacters", "")]
    generated = "".join(secrets.choice(allowed) for _ in range(int(rule.get("PasswordLength", 32))))
    if "GenerateStringKey" not in rule:
        return generated
    return json.dumps({**json.loads(rule.get("SecretStringTemplate", "{}")), rule["GenerateStringKey"]: generated})

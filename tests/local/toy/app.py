"""Functions of the toy template. Those that nobody waits for note what they got in the results table."""

import json
import os
import time
import uuid
from functools import cache

import boto3


@cache
def client(service):
    return boto3.client(service)


def note(kind, key, **values):
    """One row per distinct `key`; `times` counts how often it came."""
    client("dynamodb").update_item(
        TableName=os.environ["RESULTS_TABLE"],
        Key={"pk": {"S": kind}, "sk": {"S": key}},
        UpdateExpression="SET content = :content ADD times :one",
        ExpressionAttributeValues={":content": {"S": json.dumps(values)}, ":one": {"N": "1"}},
    )


def authorize(event, context):
    token = event["identitySource"][0]
    note("authorized", token)
    return {"isAuthorized": token.startswith("good"), "context": {"caller": token, "admin": True}}


def echo(event, context):
    content = {
        "event": event,
        "pid": os.getpid(),
        "greeting": os.environ["GREETING"],
        "function": context.function_name,
    }
    return {"statusCode": 201, "headers": {"Content-Type": "application/json"}, "body": json.dumps(content)}


def misbehave(event, context):
    how = json.loads(event["body"])["how"]
    if how == "raise":
        raise LookupError("as told")
    if how == "exit":
        os._exit(3)
    if how == "sleep":
        time.sleep(30)
    return {"statusCode": 200, "body": str(os.getpid())}


def work(event, context):
    failures = []
    for record in event["Records"]:
        content = json.loads(record["body"])
        note("work", content["name"], receives=record["attributes"]["ApproximateReceiveCount"])
        time.sleep(content.get("seconds", 0))
        if content.get("fail"):
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}


def change(event, context):
    for record in event["Records"]:
        key = record["dynamodb"]["Keys"]["pk"]["S"]
        if key.startswith("bad"):
            raise ValueError(key)
        note("change", key, name=record["eventName"], arn=record["eventSourceARN"])


def scheduled(event, context):
    note("scheduled", event["time"], event=event)
    return event


def uploaded(event, context):
    for record in event["Records"]:
        note("uploaded", record["s3"]["object"]["key"], bucket=record["s3"]["bucket"]["name"])


def admin(event, context):
    note("admin", event["action"])
    return {
        "createOrganization": {"orgId": str(uuid.uuid4())},
        "createServiceUser": {"serviceUserId": str(uuid.uuid4())},
        "createAccessKey": {"apiKey": "key", "apiSecret": "secret"},
    }[event["action"]]

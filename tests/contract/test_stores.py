"""What the adapters take for granted of every store, on each engine that the contracts run on."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.stores import DYNAMODB_TARGETS, StoreTarget

KEY = {"pk": {"S": "org#account"}, "sk": {"S": "1"}}
DIGITS = "12345678901234567890123456789012345678"


@pytest.fixture(params=DYNAMODB_TARGETS)
def table(request: pytest.FixtureRequest, fresh_table: Callable[[str, str], tuple[Any, str]]) -> tuple[Any, str]:
    return fresh_table(request.param, "EntitiesTable")


def test_38_digits_are_stored_and_added_exactly(table: tuple[Any, str]) -> None:
    client, name = table
    client.put_item(TableName=name, Item={**KEY, "n": {"N": DIGITS}})
    client.update_item(
        TableName=name, Key=KEY, UpdateExpression="ADD n :one", ExpressionAttributeValues={":one": {"N": "1"}}
    )
    stored = client.get_item(TableName=name, Key=KEY, ConsistentRead=True)["Item"]["n"]["N"]
    assert stored == str(int(DIGITS) + 1)


def test_of_many_conditional_writers_exactly_one_wins(table: tuple[Any, str]) -> None:
    client, name = table

    def write(number: int) -> bool:
        item = {**KEY, "n": {"N": str(number)}}
        try:
            client.put_item(TableName=name, Item=item, ConditionExpression="attribute_not_exists(pk)")
        except client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(write, range(16))) == 1


def test_a_transaction_that_fails_leaves_nothing_and_says_which_condition(table: tuple[Any, str]) -> None:
    client, name = table
    client.put_item(TableName=name, Item=KEY)
    other = {"pk": {"S": "org#account"}, "sk": {"S": "2"}}
    with pytest.raises(ClientError) as refused:
        client.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": name, "Item": other}},
                {"Put": {"TableName": name, "Item": KEY, "ConditionExpression": "attribute_not_exists(pk)"}},
            ]
        )
    reasons = refused.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "ConditionalCheckFailed"]
    assert "Item" not in client.get_item(TableName=name, Key=other, ConsistentRead=True)


def test_a_repeated_transaction_with_its_token_changes_nothing(table: tuple[Any, str]) -> None:
    client, name = table
    client.put_item(TableName=name, Item={**KEY, "n": {"N": "0"}})
    update = {
        "TableName": name,
        "Key": KEY,
        "UpdateExpression": "ADD n :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    for _ in range(2):
        client.transact_write_items(TransactItems=[{"Update": update}], ClientRequestToken="the same twice")
    assert client.get_item(TableName=name, Key=KEY, ConsistentRead=True)["Item"]["n"]["N"] == "1"


def test_an_item_over_400_kb_is_refused(table: tuple[Any, str]) -> None:
    client, name = table
    client.put_item(TableName=name, Item={**KEY, "body": {"S": "x" * 399 * 1024}})
    with pytest.raises(ClientError, match="size"):
        client.put_item(TableName=name, Item={**KEY, "body": {"S": "x" * 401 * 1024}})


def test_a_query_pages_through_more_than_a_megabyte(table: tuple[Any, str]) -> None:
    client, name = table
    for number in range(12):
        item = {"pk": {"S": "org"}, "sk": {"S": f"{number:02}"}, "body": {"S": "x" * 200_000}}
        client.put_item(TableName=name, Item=item)
    pages = client.get_paginator("query").paginate(
        TableName=name, KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": {"S": "org"}}
    )
    counts = [[row["sk"]["S"] for row in page["Items"]] for page in pages]
    assert len(counts) > 1
    assert [one for page in counts for one in page] == [f"{number:02}" for number in range(12)]


def test_the_store_process_keeps_documents_and_messages(ministack: StoreTarget) -> None:
    s3, bucket = ministack.bucket()
    s3.put_object(Bucket=bucket, Key="a b/c.json", Body=b"{}")
    assert s3.get_object(Bucket=bucket, Key="a b/c.json")["Body"].read() == b"{}"
    sqs, url = ministack.queue(VisibilityTimeout="1")
    sqs.send_message(QueueUrl=url, MessageBody="once")
    received = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2)["Messages"]
    assert [message["Body"] for message in received] == ["once"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=received[0]["ReceiptHandle"])
    assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2)

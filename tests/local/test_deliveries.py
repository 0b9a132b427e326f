from datetime import UTC, datetime

import pytest

from local.queues import failed_items
from local.streams import event_record


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (None, set()),
        ({}, set()),
        ({"batchItemFailures": []}, set()),
        ({"batchItemFailures": [{"itemIdentifier": "b"}]}, {"b"}),
        ({"batchItemFailures": [{"itemIdentifier": "unknown"}]}, {"a", "b"}),
        ({"batchItemFailures": [{}]}, {"a", "b"}),
        ("no object", {"a", "b"}),
    ],
)
def test_a_malformed_partial_batch_response_fails_the_whole_batch(result: object, expected: set[str]) -> None:
    assert failed_items(result, ["a", "b"]) == expected


def test_a_stream_record_carries_plain_json() -> None:
    record = {
        "eventID": "1",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": datetime(2026, 1, 1, tzinfo=UTC),
            "NewImage": {"b": {"B": b"\x00\xff"}, "l": {"L": [{"BS": [b"a"]}]}},
        },
    }
    assert event_record(record, "arn:stream") == {
        "eventID": "1",
        "awsRegion": "us-east-1",
        "eventSourceARN": "arn:stream",
        "dynamodb": {
            "ApproximateCreationDateTime": 1767225600,
            "NewImage": {"b": {"B": "AP8="}, "l": {"L": [{"BS": ["YQ=="]}]}},
        },
    }

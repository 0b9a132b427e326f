"""Which faults of AWS pass: those become one refusal, all others stay what they are."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

from usance.adapters.dynamodb.transactions import store_faults
from usance.adapters.faults import passing_faults
from usance.adapters.s3.blobs import S3BlobStore
from usance.adapters.sqs.queue import SqsQueue
from usance.domain.kernel.errors import UnavailableError


def refused(code: str, status: int = 400) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Operation")  # type: ignore[typeddict-item]


PASSING = [
    refused("ProvisionedThroughputExceededException"),
    refused("ThrottlingException"),
    refused("RequestLimitExceeded"),
    refused("RequestThrottled"),
    refused("SlowDown", 503),
    refused("SomethingNew", 500),
    ReadTimeoutError(endpoint_url="x"),
    ConnectTimeoutError(endpoint_url="x"),
    EndpointConnectionError(endpoint_url="x"),
]


class Refusing:
    """A client every call of which raises."""

    def __init__(self, fault: Exception) -> None:
        self._fault = fault

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*_: Any, **__: Any) -> Any:
            raise self._fault

        return call


CALLS: dict[str, Callable[[Any], Any]] = {
    "put": lambda client: S3BlobStore(client, "b").put("k", b"", "text/plain"),
    "put_stream": lambda client: S3BlobStore(client, "b").put_stream("k", BytesIO(), "text/plain"),
    "get": lambda client: S3BlobStore(client, "b").get("k"),
    "open": lambda client: S3BlobStore(client, "b").open("k"),
    "exists": lambda client: S3BlobStore(client, "b").exists("k"),
    "copy": lambda client: S3BlobStore(client, "b").copy("k", "l"),
    "delete": lambda client: S3BlobStore(client, "b").delete(["k"]),
    "send": lambda client: SqsQueue(client, "url").send([{}]),
}


@pytest.mark.parametrize("fault", PASSING, ids=str)
def test_a_fault_that_passes_is_unavailable(fault: Exception) -> None:
    with pytest.raises(UnavailableError, match="repeat the request"), passing_faults():
        raise fault


@pytest.mark.parametrize("code", ["AccessDeniedException", "ValidationException", "ResourceNotFoundException"])
def test_a_fault_of_ours_stays(code: str) -> None:
    with pytest.raises(ClientError, match=code), passing_faults():
        raise refused(code)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_documents_and_queues_say_that_they_are_busy_and_hide_no_fault_of_ours(call: Callable[[Any], Any]) -> None:
    with pytest.raises(UnavailableError):
        call(Refusing(refused("SlowDown", 503)))
    with pytest.raises(UnavailableError):
        call(Refusing(ReadTimeoutError(endpoint_url="x")))
    with pytest.raises(ClientError, match="AccessDenied"):
        call(Refusing(refused("AccessDenied", 403)))


def test_a_single_write_that_meets_a_transaction_may_be_repeated() -> None:
    with pytest.raises(UnavailableError), store_faults():
        raise refused("TransactionConflictException")

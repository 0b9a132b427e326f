"""AWS clients: low-level, made once per process, with bounded waits. The endpoint is the SDK's own environment's."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import boto3
from botocore.config import Config

CONNECT_TIMEOUT_SECONDS: Final = 2
READ_TIMEOUT_SECONDS: Final = 10  # below every function's time-out, so that a slow store becomes an answer
ATTEMPTS_MAX: Final = 4
CONNECTIONS_MAX: Final = 32  # parallel reads and writes inside one request

# Presigned URLs: the bucket's own region in the host name, and the signature that every region takes. A stand-in at an
# IP address is addressed by paths all the same.
_OF_SERVICE: Final[Mapping[str, Mapping[str, Any]]] = {
    "s3": {"signature_version": "s3v4", "s3": {"addressing_style": "virtual"}},
}


@cache
def client(service: str) -> Any:
    """The client of `service`, such as `dynamodb`."""
    return client_as(service, {})


def client_as(
    service: str, credentials: Mapping[str, str], *, region: str | None = None, attempts_max: int = ATTEMPTS_MAX
) -> Any:
    """A client that signs with other credentials: `aws_access_key_id`, `aws_secret_access_key`, `aws_session_token`.

    `region` is another than the function's own; with `attempts_max` 1 a call is made once.
    """
    return boto3.client(
        service,
        region_name=region,
        **credentials,
        config=Config(
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            retries={"mode": "standard", "total_max_attempts": attempts_max},
            max_pool_connections=CONNECTIONS_MAX,
            **_OF_SERVICE.get(service, {}),
        ),
    )

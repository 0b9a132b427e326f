"""boto3 clients of the store process, and the environment that gives functions the same."""

from typing import Any

import boto3
from botocore.config import Config

from local.names import REGION

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
"""The store is started with these and checks presigned URLs by them; its account is `names.ACCOUNT_ID`."""


def client(service: str, endpoint: str) -> Any:
    """A low-level client of `service` at `endpoint`; safe to share between threads."""
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        config=Config(
            connect_timeout=5,
            read_timeout=70,
            retries={"mode": "standard", "total_max_attempts": 5},
            max_pool_connections=32,
            proxies={},
        ),
    )

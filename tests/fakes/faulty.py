"""A client of a store that fails where it is told to."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError


def throttled() -> Exception:
    """What the client raises when the store refused every attempt."""
    code = "ProvisionedThroughputExceededException"
    fault: Exception = ClientError({"Error": {"Code": code, "Message": "slow down"}}, "Operation")
    return fault


def timed_out() -> Exception:
    """What the client raises when no answer came: the store may have done its part."""
    fault: Exception = ReadTimeoutError(endpoint_url="http://store")
    return fault


@dataclass
class FaultyClient:
    """Hands every call to `client`, but for the one numbered `fails_at`, which raises `fault`.

    `lost`: that call does its work, and only its answer is lost. `calls` are the names of all calls.
    """

    client: Any
    fault: Callable[[], Exception] = throttled
    fails_at: int = -1
    lost: bool = False
    calls: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self.client, name)
        if name in {"can_paginate", "exceptions", "get_paginator", "meta"}:
            return operation

        def call(**request: Any) -> Any:
            number = len(self.calls)
            self.calls.append(name)
            if number != self.fails_at:
                return operation(**request)
            if self.lost:
                operation(**request)
            raise self.fault()

        return call

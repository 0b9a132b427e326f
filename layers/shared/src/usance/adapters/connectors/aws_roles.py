"""Clients of AWS services in a customer's account, by a role that trusts this deployment (docs/integrations.md).

The external id is the organization's id, always: a role that names it in its trust policy cannot be used for another
organization, whoever learns its name.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from usance.adapters import aws
from usance.adapters.faults import passes
from usance.application.ports.connectors import Connection
from usance.domain.integrations.answers import DETAIL_MAX_CHARS
from usance.domain.integrations.faults import ConnectorError
from usance.domain.notifications.delivery import Fault

SESSION_NAME_MAX: Final = 64  # AssumeRole
SESSION_SECONDS: Final = 900  # the least that AWS gives, and far more than one attempt takes
REFUSED_CREDENTIALS: Final = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "MissingAuthenticationToken",
        "NotAuthorized",
        "OptInRequired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
THROTTLED: Final = frozenset({"Throttling", "ThrottlingException", "TooManyRequestsException", "RequestThrottled"})

ROLES: Final = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]{1,512}")

Clients = Callable[[str, Connection, str | None], Any]
"""The client of a service (`sqs`) for a connection, in a region (None: the deployment's)."""


def client_for(service: str, connection: Connection, region: str | None) -> Any:
    """The client of `service` that acts as the connection's role, or as the deployment where it names none.

    It makes each call once: the run's own retries are the only ones. `ConnectorError` when the role cannot be taken.
    """
    role = connection.credentials.get("roleArn")
    if not role:
        return aws.client_as(service, {}, region=region, attempts_max=1)
    if not ROLES.fullmatch(role):
        raise ConnectorError(
            Fault.CREDENTIALS_REFUSED,
            "credentials.roleArn must be such as arn:aws:iam::123456789012:role/billing",
        )
    with call_faults():
        session = aws.client_as("sts", {}, region=region, attempts_max=1).assume_role(
            RoleArn=role,
            RoleSessionName=f"usance-{connection.org_id}"[:SESSION_NAME_MAX],
            ExternalId=connection.org_id,
            DurationSeconds=SESSION_SECONDS,
        )
    given = session["Credentials"]
    return aws.client_as(
        service,
        {
            "aws_access_key_id": given["AccessKeyId"],
            "aws_secret_access_key": given["SecretAccessKey"],
            "aws_session_token": given["SessionToken"],
        },
        region=region,
        attempts_max=1,
    )


@contextmanager
def call_faults() -> Iterator[None]:
    """Turn what a call of AWS raises into a `ConnectorError`."""
    try:
        yield
    except ClientError as fault:
        raise ConnectorError(fault_of(fault), _detail(fault)) from fault
    except BotoCoreError as fault:
        raise ConnectorError(Fault.UNREACHABLE, type(fault).__name__) from fault


def fault_of(fault: ClientError) -> Fault:
    """What a refusal of AWS means."""
    code = fault.response["Error"]["Code"]
    if code in REFUSED_CREDENTIALS:
        return Fault.CREDENTIALS_REFUSED
    if code in THROTTLED:
        return Fault.RATE_LIMITED
    return Fault.PASSING if passes(fault) else Fault.PAYLOAD_REFUSED


def _detail(fault: ClientError) -> str:
    error = fault.response["Error"]
    return f"{error['Code']}: {error.get('Message', '')}"[:DETAIL_MAX_CHARS]

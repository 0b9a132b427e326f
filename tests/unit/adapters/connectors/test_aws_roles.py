from typing import Any

import pytest

from tests.fakes.aws_marketplace import client_error
from usance.adapters import aws
from usance.adapters.connectors.aws_roles import client_for
from usance.application.ports.connectors import Connection
from usance.domain.integrations.faults import ConnectorError
from usance.domain.notifications.delivery import Fault

ROLE = "arn:aws:iam::123456789012:role/billing"


class Sts:
    def __init__(self, fault: Exception | None = None) -> None:
        self.fault = fault
        self.asked: list[dict[str, Any]] = []

    def assume_role(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        if self.fault:
            raise self.fault
        return {"Credentials": {"AccessKeyId": "k", "SecretAccessKey": "s", "SessionToken": "t"}}


def made_with(monkeypatch: pytest.MonkeyPatch, sts: Sts) -> list[tuple[str, dict[str, str], str | None, int]]:
    made = []

    def client_as(service: str, credentials: dict[str, str], *, region: str | None, attempts_max: int) -> object:
        made.append((service, credentials, region, attempts_max))
        return sts if service == "sts" else service

    monkeypatch.setattr(aws, "client_as", client_as)
    return made


def connection(**credentials: str) -> Connection:
    return Connection("org-1", "configuration-1", "SQS", {}, credentials)


def test_a_role_is_assumed_with_the_organization_as_external_id(monkeypatch):
    sts = Sts()
    made = made_with(monkeypatch, sts)

    assert client_for("sqs", connection(roleArn=ROLE, externalId="chosen by a customer"), "eu-west-1") == "sqs"
    assert sts.asked == [
        {
            "RoleArn": ROLE,
            "RoleSessionName": "usance-org-1",
            "ExternalId": "org-1",
            "DurationSeconds": 900,
        }
    ]
    assert made[1] == (
        "sqs",
        {"aws_access_key_id": "k", "aws_secret_access_key": "s", "aws_session_token": "t"},
        "eu-west-1",
        1,
    )


def test_without_a_role_the_deployment_calls_as_itself(monkeypatch):
    made = made_with(monkeypatch, Sts())

    client_for("meteringmarketplace", connection(), None)
    assert made == [("meteringmarketplace", {}, None, 1)]


@pytest.mark.parametrize("role", ["billing", "arn:aws:iam::123456789012:user/somebody", f"{ROLE} "])
def test_what_is_no_role_is_not_assumed(monkeypatch, role):
    made = made_with(monkeypatch, Sts())

    with pytest.raises(ConnectorError, match="roleArn must be such as") as raised:
        client_for("sqs", connection(roleArn=role), None)
    assert raised.value.fault is Fault.CREDENTIALS_REFUSED
    assert made == []


def test_a_role_that_does_not_trust_the_deployment_is_refused_credentials(monkeypatch):
    made_with(monkeypatch, Sts(client_error("AccessDenied", 403)))

    with pytest.raises(ConnectorError, match="AccessDenied") as raised:
        client_for("sqs", connection(roleArn=ROLE), None)
    assert raised.value.fault is Fault.CREDENTIALS_REFUSED

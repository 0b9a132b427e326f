"""Writing into a bucket of somebody else by a role (metering.md 8.3), in the store that stands in for AWS."""

import io
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.aws import CREDENTIALS
from tests.contract.stores import StoreTarget
from usance.adapters.aws import client_as
from usance.adapters.s3.export_targets import S3ExportTargets
from usance.domain.kernel.errors import InvalidInputError, UnavailableError

ORG = "0190a5d0-ac96-774b-bcce-b302099a8057"
DESTINATION = {
    "code": "lake",
    "destinationType": "S3",
    "bucketName": "their-lake",
    "iamRoleArn": "arn:aws:iam::000000000000:role/exports",
}
HEADERS = {"ContentType": "application/gzip"}


@pytest.fixture
def clients(ministack: StoreTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    for name, value in {**CREDENTIALS, "AWS_DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", ministack.endpoint)


class _Refusing:
    """A client whose every call is refused with `code`."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.calls: list[Mapping[str, Any]] = []

    def assume_role(self, **call: Any) -> Any:
        self.calls.append(call)
        raise ClientError({"Error": {"Code": self.code, "Message": "no"}}, "AssumeRole")


@pytest.mark.usefixtures("clients")
def test_a_file_is_put_by_the_role_of_the_destination() -> None:
    s3 = client_as("s3", {})
    s3.create_bucket(Bucket="their-lake")
    used: list[Mapping[str, str]] = []

    def s3_as(credentials: Mapping[str, str]) -> Any:
        used.append(credentials)
        return client_as("s3", credentials)

    targets = S3ExportTargets(client_as("sts", {}), s3_as)
    content = b"x" * 9_000_000  # in parts
    targets.put(ORG, DESTINATION, "a/b.csv.gz", io.BytesIO(content), HEADERS)
    stored = s3.get_object(Bucket="their-lake", Key="a/b.csv.gz")
    assert (stored["Body"].read(), stored["ContentType"]) == (content, "application/gzip")
    [credentials] = used
    assert set(credentials) == {"aws_access_key_id", "aws_secret_access_key", "aws_session_token"}
    assert credentials["aws_access_key_id"] != CREDENTIALS["AWS_ACCESS_KEY_ID"]


@pytest.mark.usefixtures("clients")
def test_a_bucket_that_is_not_there_is_named() -> None:
    targets = S3ExportTargets(client_as("sts", {}), lambda credentials: client_as("s3", credentials))
    with pytest.raises(InvalidInputError, match=r"lake refuses the file: NoSuchBucket.*no-such-bucket"):
        targets.put(ORG, {**DESTINATION, "bucketName": "no-such-bucket"}, "a", io.BytesIO(b"x"), HEADERS)


@pytest.mark.parametrize(("code", "error"), [("AccessDenied", InvalidInputError), ("Throttling", UnavailableError)])
def test_a_role_that_may_not_be_taken_on_is_named_and_a_busy_service_is_tried_again(
    code: str, error: type[Exception]
) -> None:
    sts = _Refusing(code)
    targets = S3ExportTargets(sts, lambda _: None)
    with pytest.raises(error, match=code):
        targets.put(ORG, DESTINATION, "a", io.BytesIO(b"x"), HEADERS)
    assert sts.calls == [{"RoleArn": DESTINATION["iamRoleArn"], "RoleSessionName": f"usance-{ORG}", "ExternalId": ORG}]

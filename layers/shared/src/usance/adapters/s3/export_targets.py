"""Buckets of others, written to by a role of theirs that trusts this deployment."""

from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, Final

from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import BotoCoreError, ClientError

from usance.adapters.faults import passes
from usance.domain.kernel.errors import InvalidInputError, UnavailableError
from usance.resources.wire import Document

SESSION_NAME_MAX_CHARS: Final = 64


class S3ExportTargets:
    """`ExportTargets` over S3.

    The organization's id is the external id of every role session, so that a role can say (by `sts:ExternalId`) which
    organization's exports it is for.
    """

    def __init__(self, sts: Any, s3_as: Callable[[Mapping[str, str]], Any]) -> None:
        self._sts = sts
        self._s3_as = s3_as

    def put(self, org_id: str, destination: Document, key: str, stream: BinaryIO, headers: Mapping[str, str]) -> None:
        """See the port."""
        try:
            credentials = self._assume(org_id, destination["iamRoleArn"])
            self._s3_as(credentials).upload_fileobj(stream, destination["bucketName"], key, ExtraArgs=dict(headers))
        except (ClientError, S3UploadFailedError) as refused:
            raise _refusal(destination, refused) from refused
        except BotoCoreError as unreached:
            raise UnavailableError(f"the destination {destination['code']} did not answer") from unreached

    def _assume(self, org_id: str, role: str) -> Mapping[str, str]:
        name = f"usance-{org_id}"[:SESSION_NAME_MAX_CHARS]
        found = self._sts.assume_role(RoleArn=role, RoleSessionName=name, ExternalId=org_id)["Credentials"]
        return {
            "aws_access_key_id": found["AccessKeyId"],
            "aws_secret_access_key": found["SecretAccessKey"],
            "aws_session_token": found["SessionToken"],
        }


def _refusal(destination: Document, refused: ClientError | S3UploadFailedError) -> Exception:
    cause = refused if isinstance(refused, ClientError) else refused.__context__
    code = str(cause.response["Error"]["Code"]) if isinstance(cause, ClientError) else "UploadFailed"
    if isinstance(cause, ClientError) and passes(cause):
        return UnavailableError(f"the destination {destination['code']} is busy: {code}")
    return InvalidInputError(
        f"the destination {destination['code']} refuses the file: {code}; check that the role {destination['iamRoleArn']} "
        f"trusts this deployment and may put objects into the bucket {destination['bucketName']}"
    )

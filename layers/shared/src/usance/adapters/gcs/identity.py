"""Access tokens of Google Cloud for an organization of this deployment, by workload identity federation.

The deployment has a role that may do nothing: a session of it, named `usance-<organization id>`, signs a question to AWS about
itself, and Google's token service asks AWS that question. So a pool can say, by the session in `assertion.arn`, which
organization's exports it is for, and no key is stored anywhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import httpcore
from google.auth import aws, exceptions, transport

from usance.adapters.faults import passing_faults
from usance.domain.kernel.errors import InvalidInputError, UnavailableError
from usance.resources.wire import Document

TOKEN_URL: Final = "https://sts.googleapis.com/v1/token"  # noqa: S105 - an address
IMPERSONATION_URL: Final = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{}:generateAccessToken"
AWS_REQUEST: Final = "urn:ietf:params:aws:token-type:aws4_request"
WRITING: Final = "https://www.googleapis.com/auth/devstorage.read_write"
SESSION_NAME_MAX_CHARS: Final = 64
SERVER_ERROR: Final = 500
TIMEOUT_SECONDS: Final = 60.0  # of each step of a request: connecting, sending, reading


@dataclass(frozen=True, slots=True)
class GoogleIdentity:
    """`role` is that of the deployment whose sessions Google is shown, `region` where its questions to AWS go."""

    sts: Any
    role: str
    region: str
    http: httpcore.ConnectionPool
    token_url: str = TOKEN_URL
    impersonation_url: str = IMPERSONATION_URL

    def token(self, org_id: str, destination: Document) -> str:
        """A token that may do what the destination's pool lets the organization do.

        `InvalidInputError` when the pool or service account refuses; `UnavailableError` when it may work later.
        """
        account = destination.get("serviceAccountEmail")
        credentials = aws.Credentials(
            "//iam.googleapis.com/projects/{projectNumber}/locations/global/workloadIdentityPools/{poolId}"
            "/providers/{providerId}".format_map(destination),
            AWS_REQUEST,
            self.token_url,
            aws_security_credentials_supplier=_Session(self._session(org_id), self.region),
            service_account_impersonation_url=self.impersonation_url.format(quote(account, safe="@"))
            if account
            else None,
            scopes=[WRITING],
        )
        try:
            credentials.refresh(_Request(self.http))
        except exceptions.TransportError as unreached:
            raise UnavailableError(f"the destination {destination['code']} did not answer") from unreached
        except exceptions.GoogleAuthError as refused:
            raise InvalidInputError(
                f"the destination {destination['code']} gives no access: {str(refused.args[0])[:300]}; check that the pool "
                f"{destination['poolId']} of project {destination['projectNumber']} trusts this deployment"
            ) from refused
        return str(credentials.token)

    def _session(self, org_id: str) -> Mapping[str, str]:
        """Credentials of AWS of the organization's session."""
        name = f"usance-{org_id}"[:SESSION_NAME_MAX_CHARS]
        with passing_faults():
            found: Mapping[str, str] = self.sts.assume_role(RoleArn=self.role, RoleSessionName=name)["Credentials"]
        return found


class _Session(aws.AwsSecurityCredentialsSupplier):  # type: ignore[misc]  # the library has no types
    def __init__(self, session: Mapping[str, str], region: str) -> None:
        self._session = session
        self._region = region

    def get_aws_security_credentials(self, context: Any, request: Any) -> Any:  # noqa: ARG002 - the library's
        found = self._session
        return aws.AwsSecurityCredentials(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])

    def get_aws_region(self, context: Any, request: Any) -> str:  # noqa: ARG002
        return self._region


class _Request(transport.Request):  # type: ignore[misc]
    """How the library asks over HTTP."""

    def __init__(self, http: httpcore.ConnectionPool) -> None:
        self._http = http

    def __call__(
        self, url: str, method: str = "GET", body: Any = None, headers: Any = None, timeout: Any = None, **_: Any
    ) -> Any:
        try:
            answer = self._http.request(
                method, url, headers=headers, content=body, extensions={"timeout": seconds(timeout or TIMEOUT_SECONDS)}
            )
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as failed:
            raise exceptions.TransportError(type(failed).__name__) from failed
        if is_busy(answer.status):  # the library tells this from a refusal by what the answer says, or not at all
            raise exceptions.TransportError(str(answer.status))
        return _Answer(answer)


class _Answer(transport.Response):  # type: ignore[misc]
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    @property
    def status(self) -> int:
        return self._answer.status

    @property
    def headers(self) -> Mapping[str, str]:
        return {name.decode(): value.decode() for name, value in self._answer.headers}

    @property
    def data(self) -> bytes:
        return self._answer.content


def is_busy(status: int) -> bool:
    """Whether the same request may succeed later."""
    return status in {408, 429} or status >= SERVER_ERROR


def seconds(each: float) -> dict[str, float]:
    """The limits of a request, for httpcore."""
    return dict.fromkeys(("connect", "read", "write", "pool"), each)

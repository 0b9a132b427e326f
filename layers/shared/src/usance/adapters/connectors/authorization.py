"""How requests to external systems sign in: by a key that stays, or by OAuth tokens that are renewed and kept.

A renewed token, and a refresh token that replaces a used one, are kept with the credentials before they are used, so that
neither the next attempt nor one that is cut off loses them (RFC 6749, sections 4.4 and 6).
"""

import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from urllib.parse import urlencode

from usance.application.ports.connectors import Connection, Outside
from usance.domain.integrations.answers import Answer, refused
from usance.domain.integrations.checks import credential
from usance.domain.integrations.faults import ConnectorError
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.notifications.delivery import Fault
from usance.resources import wire

LOOKS_MAX: Final = 20  # at whether another attempt has renewed the token
LOOK_AGAIN_SECONDS: Final = 1.0
MARGIN: Final = timedelta(minutes=2)  # a token that ends sooner is not used: requests take time, clocks differ
_LIFE_SECONDS: Final = 1_800  # where the answer does not say
_REFUSALS: Final = frozenset({400, 401, 403})  # invalid_grant and invalid_client come with 400 or 401


class Authorization(Protocol):
    """The Authorization header of requests."""

    def header(self) -> str:
        """Its value now."""
        ...

    def renew(self) -> bool:
        """Get another after a refusal; False when there is none to get."""
        ...


class Key:
    """A key that stays: of HTTP Basic as the user's name without a password, or of Bearer."""

    def __init__(self, header: str) -> None:
        self._header = header

    @classmethod
    def basic(cls, user: str, password: str = "") -> "Key":
        """The HTTP Basic header (RFC 7617)."""
        return cls(_basic(user, password))

    @classmethod
    def bearer(cls, token: str) -> "Key":
        """The Bearer header (RFC 6750)."""
        return cls(f"Bearer {token}")

    def header(self) -> str:
        """See the protocol."""
        return self._header

    def renew(self) -> bool:
        """See the protocol."""
        return False


ClientSignIn = Callable[[Mapping[str, str]], tuple[dict[str, str], dict[str, str]]]
"""How a client says who it is at the token endpoint: headers and fields of the form, of the credentials."""


def by_basic(credentials: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """HTTP Basic (RFC 6749, section 2.3.1)."""
    client = _basic(credential(credentials, "clientId"), credential(credentials, "clientSecret"))
    return {"Authorization": client}, {}


def by_form(credentials: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Id and secret among the fields of the form (the same section)."""
    return {}, {
        "client_id": credential(credentials, "clientId"),
        "client_secret": credential(credentials, "clientSecret"),
    }


class OAuth:
    """Tokens of `endpoint`: by refresh token where the credentials have one, else by client credentials with `scope`."""

    def __init__(
        self,
        outside: Outside,
        connection: Connection,
        endpoint: str,
        scope: str = "",
        sign_in: ClientSignIn = by_basic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._outside = outside
        self._sign_in = sign_in
        self._connection = connection
        self._endpoint = endpoint
        self._scope = scope
        self._pause = pause
        self._credentials = dict(connection.credentials)

    def header(self) -> str:
        """See the protocol."""
        if not self._usable():
            self.renew()
        return f"Bearer {self._credentials['accessToken']}"

    def renew(self) -> bool:
        """See the protocol. One attempt at a time renews, since a refresh token may be used once; the others take what it got."""
        refused = self._credentials.get("accessToken")
        for _ in range(LOOKS_MAX):
            with self._outside.memory.renewing(self._connection) as kept:
                if kept is not None:
                    self._credentials = dict(kept)
                    self._connection = replace(self._connection, credentials=dict(kept))
                    if not self._usable() or self._credentials.get("accessToken") == refused:
                        self._renew()
                    return True
            self._pause(LOOK_AGAIN_SECONDS)
        raise ConnectorError(Fault.PASSING, "another attempt renews the access token and does not come to an end")

    def _renew(self) -> None:
        token = self._asked()
        life = timedelta(seconds=int(token.get("expires_in") or _LIFE_SECONDS))
        self._credentials["accessToken"] = token["access_token"]
        self._credentials["accessTokenExpiry"] = (self._outside.clock.now() + life).isoformat()
        if token.get("refresh_token"):
            self._credentials["refreshToken"] = token["refresh_token"]
        self._outside.memory.keep_credentials(self._connection, dict(self._credentials))
        self._connection = replace(self._connection, credentials=dict(self._credentials))

    def _usable(self) -> bool:
        if not self._credentials.get("accessToken"):
            return False
        return datetime.fromisoformat(self._credentials["accessTokenExpiry"]) - MARGIN > self._outside.clock.now()

    def _asked(self) -> dict[str, Any]:
        refresh = self._credentials.get("refreshToken")
        scope = {"scope": self._scope} if self._scope else {}
        grant = (
            {"grant_type": "refresh_token", "refresh_token": refresh}
            if refresh
            else {"grant_type": "client_credentials", **scope}
        )
        client, fields = self._sign_in(self._credentials)
        headers = {**client, "Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        answer = self._outside.http.request("POST", self._endpoint, headers, urlencode({**grant, **fields}).encode())
        token = _token(answer)
        if not answer.succeeded:
            detail = f"the token endpoint says {token.get('error') or 'nothing more'}; authorize the app again"
            raise refused(answer, detail, Fault.CREDENTIALS_REFUSED if answer.status in _REFUSALS else None)
        if not isinstance(token.get("access_token"), str):
            raise ConnectorError(Fault.PASSING, "the token endpoint gave no access token")
        return token


def _token(answer: Answer) -> dict[str, Any]:
    try:
        found = wire.loads(answer.body)
    except InvalidInputError:
        return {}
    return found if isinstance(found, dict) else {}


def _basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()

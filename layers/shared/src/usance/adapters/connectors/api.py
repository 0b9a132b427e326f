"""Calls of an external system's HTTP API: signed in, JSON back, refusals understood."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode

from usance.adapters.connectors.authorization import Authorization
from usance.application.ports.connectors import HttpClient
from usance.domain.integrations.answers import Answer
from usance.domain.integrations.faults import ConnectorError
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.notifications.delivery import Fault
from usance.resources import wire

Refusal = Callable[[Answer, Mapping[str, Any]], ConnectorError]
"""What an answer other than 2xx means; an array is under `items`, and the document is empty where there is no JSON."""

_UNAUTHORIZED: Final = 401
_NOT_FOUND: Final = 404


class Api:
    """An API below `base_url`. `headers` are sent with every request."""

    def __init__(
        self,
        http: HttpClient,
        base_url: str,
        authorization: Authorization,
        refusal: Refusal,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._http = http
        self._base_url = base_url
        self._authorization = authorization
        self._refusal = refusal
        self._headers = headers or {}

    def get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Read."""
        return self._document(self._answer("GET", _located(path, query), {}, b""))

    def find(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any] | None:
        """Read what need not be there: None for 404."""
        answer = self._answer("GET", _located(path, query), {}, b"")
        return None if answer.status == _NOT_FOUND else self._document(answer)

    def send(
        self,
        method: str,
        path: str,
        document: Mapping[str, Any],
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Write a JSON document."""
        return self._document(self._written(method, path, document, query, headers))

    def put_away(
        self,
        method: str,
        path: str,
        document: Mapping[str, Any],
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Write a JSON document where the answer may have no body; refusals are raised."""
        return self._taken(self._written(method, path, document, query, headers))

    def delete(self, path: str) -> bool:
        """Delete; False when it was not there (404)."""
        answer = self._answer("DELETE", path, {}, b"")
        if answer.status == _NOT_FOUND:
            return False
        self._taken(answer)
        return True

    def post_form(
        self, path: str, fields: Sequence[tuple[str, str]], headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Write fields of a form."""
        typed = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        return self._document(self._answer("POST", path, typed, urlencode(fields).encode()))

    def _answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """One answer; a second one where the first refused a token that can be renewed."""
        answer = self._once(method, path, headers, body)
        if answer.status == _UNAUTHORIZED and self._authorization.renew():
            answer = self._once(method, path, headers, body)
        return answer

    def _once(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        signed = {
            "Authorization": self._authorization.header(),
            "Accept": "application/json",
            **self._headers,
            **headers,
        }
        return self._http.request(method, self._base_url + path, signed, body)

    def _written(
        self,
        method: str,
        path: str,
        document: Mapping[str, Any],
        query: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
    ) -> Answer:
        typed = {"Content-Type": "application/json", **(headers or {})}
        return self._answer(method, _located(path, query), typed, wire.dumps(document))

    def _taken(self, answer: Answer) -> Answer:
        if not answer.succeeded:
            found = parsed(answer.body)
            document = {"items": found} if isinstance(found, list) else found
            raise self._refusal(answer, document if isinstance(document, dict) else {})
        return answer

    def _document(self, answer: Answer) -> dict[str, Any]:
        document = parsed(self._taken(answer).body)
        if not isinstance(document, dict):
            raise ConnectorError(Fault.PASSING, f"answered {answer.status} with something that is no JSON object")
        return document


def segment(value: str) -> str:
    """A text as one segment of a path."""
    return quote(value, safe="")


def _located(path: str, query: Mapping[str, str] | None) -> str:
    return f"{path}?{urlencode(query, quote_via=quote)}" if query else path


def parsed(body: bytes) -> Any:
    """A body as JSON; None where it is none."""
    try:
        return wire.loads(body)
    except InvalidInputError:
        return None

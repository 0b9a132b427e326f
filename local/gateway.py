"""The HTTP API: one server whose requests become payloads, pass the authorizer and run functions."""

import concurrent.futures
import http
import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from waitress.server import create_server

from local.authorizer import ForbiddenError, Gatekeeper, UnauthorizedError
from local.payload import Answer, Request, build_payload, message, read_answer
from local.plan import Plan
from local.routes import Match, RouteTable
from local.workers import BusyError, FunctionError, Workers

_LOG: Final = logging.getLogger("local.gateway")
BODY_BYTES_MAX: Final = 10 * 1024 * 1024  # API Gateway's limit for a request
EVENT_CHARACTERS_MAX: Final = 6 * 1024 * 1024  # Lambda's limit for a synchronous invocation, near enough
INTEGRATION_SECONDS: Final = 30  # how long an HTTP API waits for a function
_THREADS: Final = 32
_CONNECTIONS_MAX: Final = 1000
_FLUSH_SECONDS: Final = 0.1

_Environ = dict[str, Any]
_StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class Gateway:
    """Answers HTTP on one port until `close`."""

    def __init__(self, plan: Plan, workers: Workers, host: str, port: int) -> None:
        """Binds the port (0 for any free one); `start` begins to answer."""
        self._routes = RouteTable(plan.routes)
        self._workers = workers
        self._gatekeeper = Gatekeeper(plan.authorizers, workers.invoke)
        self._executor = concurrent.futures.ThreadPoolExecutor(_THREADS, "integration")
        self._running = 0
        self._closing = False
        self._changed = threading.Condition()
        self._server = self._bind(host, port)
        self.port = int(self._server.effective_port)

    def _bind(self, host: str, port: int) -> Any:
        try:
            return create_server(
                self._application,
                host=host,
                port=port,
                threads=_THREADS,
                ident=None,
                max_request_body_size=BODY_BYTES_MAX * 2,  # between the two limits the gateway itself answers
                clear_untrusted_proxy_headers=True,
                connection_limit=_CONNECTIONS_MAX,
                asyncore_use_poll=True,  # select() stops at 1,024 descriptors
            )
        except OSError as refused:
            raise OSError(f"cannot listen on {host}:{port}: {refused.strerror}") from refused

    def start(self) -> None:
        """Answer in a thread of its own."""
        threading.Thread(target=self._server.run, name="gateway", daemon=True).start()

    def close(self) -> None:
        """Refuse new requests with 503 and wait until those that run are answered."""
        deadline = time.monotonic() + INTEGRATION_SECONDS
        with self._changed:
            self._closing = True
            while self._running and time.monotonic() < deadline:
                self._changed.wait(deadline - time.monotonic())
        time.sleep(_FLUSH_SECONDS)  # the server's own thread sends the last bytes

    def _application(self, environ: _Environ, start_response: _StartResponse) -> Iterable[bytes]:
        with self._changed:
            closing = self._closing
            self._running += not closing
        if closing:
            answer = message(503, "Service Unavailable")
        else:
            try:
                answer = self.answer(read_request(environ))
            finally:
                with self._changed:
                    self._running -= 1
                    self._changed.notify_all()
        headers = [*answer.headers, ("content-length", str(len(answer.body)))]
        start_response(f"{answer.status} {_reason(answer.status)}", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [answer.body]

    def answer(self, request: Request) -> Answer:
        """The API's answer to one request."""
        if len(request.body) > BODY_BYTES_MAX:
            return message(413, "Request Entity Too Large")
        match = self._routes.find(request.method, request.path)
        if match is None:
            return message(404, "Not Found")
        try:
            context = self._admit(request, match)
            payload = build_payload(request, match, context, time.time())
            if len(payload.get("body", "")) > EVENT_CHARACTERS_MAX:
                return message(413, "Request Entity Too Large")
            return self._integrate(match.route.function, payload)
        except UnauthorizedError:
            return message(401, "Unauthorized")
        except ForbiddenError:
            return message(403, "Forbidden")
        except (concurrent.futures.TimeoutError, BusyError):
            _LOG.warning("%s %s: no answer within %s seconds", request.method, request.path, INTEGRATION_SECONDS)
            return message(503, "Service Unavailable")
        except (FunctionError, ValueError) as failed:
            _LOG.error("%s %s: %s", request.method, request.path, failed)
            return message(500, "Internal Server Error")

    def _admit(self, request: Request, match: Match) -> Any:
        if match.route.authorizer is None:
            return None
        return self._gatekeeper.admit(match.route.authorizer, request, match)

    def _integrate(self, function: str, payload: dict[str, Any]) -> Answer:
        pool = self._workers.pool(function)
        if pool.function.timeout_seconds < INTEGRATION_SECONDS:
            return read_answer(pool.invoke(payload, INTEGRATION_SECONDS))
        # The function may go on for longer than the gateway waits.
        running = self._executor.submit(pool.invoke, payload, INTEGRATION_SECONDS)
        return read_answer(running.result(INTEGRATION_SECONDS))


def read_request(environ: _Environ) -> Request:
    """The request of a WSGI environment of waitress, which keeps the undecoded address in REQUEST_URI."""
    path, _, query = str(environ["REQUEST_URI"]).partition("?")
    if "://" in path:
        path = "/" + path.split("://", 1)[1].partition("/")[2]
    headers = [
        (name[5:].replace("_", "-").lower(), value) for name, value in environ.items() if name.startswith("HTTP_")
    ]
    headers += [
        (name.replace("_", "-").lower(), environ[name])
        for name in ("CONTENT_TYPE", "CONTENT_LENGTH")
        if name in environ
    ]
    return Request(
        method=environ["REQUEST_METHOD"],
        path=path,
        query=query,
        headers=headers,
        body=environ["wsgi.input"].read(),
        source_ip=environ.get("REMOTE_ADDR", "127.0.0.1"),
        protocol=environ.get("SERVER_PROTOCOL", "HTTP/1.1"),
    )


def _reason(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Status"

"""A request to an external system gets its answer whole or a fault, in bounded time."""

import socket
from datetime import timedelta

import pytest

from tests.unit.adapters import receivers
from tests.unit.adapters.receivers import answer, receiver
from usance.adapters.http_client import GuardedHttpClient
from usance.domain.integrations.answers import Answer
from usance.domain.integrations.faults import ConnectorError
from usance.domain.notifications.delivery import Fault

CLIENT = GuardedHttpClient(["127.0.0.1"], timeout_seconds=2)


def test_method_headers_and_body_arrive_and_the_answer_comes_back_whole() -> None:
    with receiver(answer("201 Created", "X-Request-Id: 7", body=b'{"id":1}')) as there:
        given = CLIENT.request("PUT", there.url, {"Authorization": "Bearer t"}, b"{}")
    assert (given.status, given.body, given.headers["x-request-id"]) == (201, b'{"id":1}', "7")
    head, _, body = there.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"PUT /hook HTTP/1.1\r\n")
    assert b"Authorization: Bearer t" in head
    assert body == b"{}"


def test_any_status_is_an_answer() -> None:
    with receiver(answer("429 Too Many Requests", "Retry-After: 9")) as there:
        given = CLIENT.request("GET", there.url, {})
    assert (given.status, given.retry_after) == (429, timedelta(seconds=9))
    assert not given.succeeded
    assert Answer(204).succeeded


def test_a_private_address_is_not_reached() -> None:
    with pytest.raises(ConnectorError) as raised:
        GuardedHttpClient(timeout_seconds=2).request("GET", "https://169.254.169.254/latest", {})
    assert raised.value.fault is Fault.REFUSED_ADDRESS


def test_silence_ends_in_a_time_out() -> None:
    with receiver(receivers.silence) as there, pytest.raises(ConnectorError) as raised:
        GuardedHttpClient(["127.0.0.1"], timeout_seconds=0.3).request("GET", there.url, {})
    assert raised.value.fault is Fault.TIMEOUT


def test_an_answer_beyond_the_limit_is_a_passing_fault_and_not_read_to_its_end() -> None:
    client = GuardedHttpClient(["127.0.0.1"], timeout_seconds=2, answer_max_bytes=10_000)
    with receiver(receivers.flood) as there, pytest.raises(ConnectorError, match="longer") as raised:
        client.request("GET", there.url, {})
    assert raised.value.fault is Fault.PASSING


def test_a_closed_port_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(ConnectorError) as raised:
        CLIENT.request("GET", f"http://127.0.0.1:{port}/", {})
    assert raised.value.fault is Fault.UNREACHABLE

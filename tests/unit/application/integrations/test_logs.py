"""The log of a run tells what was exchanged, and nothing that signs in."""

import base64
from typing import Any

import pytest

from tests.fakes.connectors import FakeHttpClient, answer
from tests.unit.application.integrations.test_bills import CALLER
from tests.unit.application.integrations.world import World
from usance.application.integrations.recorded_http import BODY_KEPT_CHARS, KEPT_MAX, RecordedHttp
from usance.application.notifications.read_runs import get_run_log
from usance.application.ports.connectors import BillJob, Outside, Sent
from usance.domain.integrations.answers import Answer
from usance.domain.integrations.faults import ConnectorError
from usance.domain.notifications.delivery import Fault
from usance.resources import wire


class Talking:
    """A connector that signs in, renews its credentials, and is refused."""

    def __init__(self, outside: Outside) -> None:
        self.outside = outside

    def send(self, job: BillJob) -> Sent:
        key = job.connection.credentials["apiKey"]
        http = self.outside.http
        http.request(
            "POST", f"https://x.example/token?key={key}", {"Authorization": key}, f"client_secret={key}".encode()
        )
        self.outside.memory.keep_credentials(job.connection, {"type": "STATIC_API_KEY", "apiKey": "the-renewed-key"})
        http.request("POST", "https://x.example/invoices", {}, b'{"total": 1, "echo": "the-renewed-key"}')
        raise ConnectorError(Fault.PAYLOAD_REFUSED, f"the key {key} is not for this")

    def void(self, job: BillJob) -> None:
        raise AssertionError(job)


def log_of(world: World) -> dict[str, Any]:
    shown = get_run_log(CALLER, world.runs()[0]["id"], world.entities, world.events)
    return dict(wire.loads(base64.b64decode(shown["Payload"])))


def test_credentials_are_masked_wherever_they_stand() -> None:
    world = World()
    world.http.answers = (
        answer(200, {"access_token": "fresh-token", "expires_in": 3600}),
        answer(400, {"message": "no"}),
    )
    world.make = Talking
    world.configure()
    world.map()
    world.bill()
    world.work()
    [run] = world.runs()
    assert run["error"] == f"{Fault.PAYLOAD_REFUSED.value}: the key *** is not for this"
    log = log_of(world)
    assert log["request"] is None
    [attempt] = log["attempts"]
    first, second = attempt["exchanges"]
    assert (first["method"], first["url"], first["status"]) == ("POST", "https://x.example/token?***", 200)
    assert first["request"] == "client_secret=***"
    assert second["request"] == '{"total": 1, "echo": "***"}'
    assert second["answer"] == '{"message": "no"}'
    text = str(log)
    assert not [secret for secret in ("the-api-key", "the-renewed-key", "fresh-token") if secret in text]


def test_renewed_credentials_are_kept_sealed_and_the_configuration_stays_as_it_is() -> None:
    world = World()
    world.http.answers = (answer(200, {}), answer(200, {}))
    world.make = Talking
    before = world.configure()
    world.map()
    world.bill()
    world.work()
    assert world.entities.get(world.org, "integrationConfiguration", "configuration") == before
    private = world.entities.get_private(world.org, "integrationConfiguration", ["configuration"])["configuration"]
    assert "the-renewed-key" in world.secrets.open(private["sealed"], context="configuration")


def test_of_many_exchanges_the_first_and_the_last_are_kept_and_bodies_are_cut() -> None:
    http = RecordedHttp(FakeHttpClient(lambda _: Answer(200, body=b"y" * 5_000)))
    for number in range(30):
        http.request("GET", f"https://x.example/{number}", {}, b"x" * 5_000)
    log = http.log([])
    assert len(log) == KEPT_MAX + 1
    assert log[2] == {"leftOut": 20}
    assert [one["url"].rpartition("/")[2] for one in log if "url" in one] == [
        "0", "1", "22", "23", "24", "25", "26", "27", "28", "29",
    ]  # fmt: skip
    assert len(log[0]["request"]) == len(log[0]["answer"]) == BODY_KEPT_CHARS


def test_a_request_without_answer_is_in_the_log() -> None:
    http = RecordedHttp(FakeHttpClient([ConnectorError(Fault.TIMEOUT, "")]))
    with pytest.raises(ConnectorError):
        http.request("GET", "https://x.example/", {})
    [one] = http.log([])
    assert (one["status"], one["error"]) == (None, f"{Fault.TIMEOUT.value}: ")


@pytest.mark.parametrize("name", ["Authorization", "X-M3ter-Signature", "x-api-key"])
def test_what_signed_a_request_is_masked_where_the_answer_repeats_it(name: str) -> None:
    http = RecordedHttp(FakeHttpClient((answer(200, {"got": {name: "c2lnbmVk"}}),)))
    http.request("POST", "https://x.example/", {name: "c2lnbmVk", "Content-Type": "text/plain"})
    assert http.log([])[0]["answer"] == f'{{"got": {{"{name}": "***"}}}}'


def test_a_token_that_signed_a_request_is_masked_without_its_scheme() -> None:
    http = RecordedHttp(FakeHttpClient([answer(200, {"bearer": "c2lnbmVk"})]))
    http.request("GET", "https://x.example/", {"Authorization": "Bearer c2lnbmVk"})
    assert http.log([])[0]["answer"] == '{"bearer": "***"}'


def test_what_signed_a_request_is_masked_in_the_error_of_the_run() -> None:
    class Refused(Talking):
        def send(self, job: BillJob) -> Sent:
            self.outside.http.request("POST", "https://x.example/", {"Authorization": "Bearer c2lnbmVk"})
            raise ConnectorError(Fault.PAYLOAD_REFUSED, "c2lnbmVk may not do this")

    world = World()
    world.http.answers = (answer(400),)
    world.make = Refused
    world.configure()
    world.map()
    world.bill()
    world.work()
    assert world.runs()[0]["error"] == f"{Fault.PAYLOAD_REFUSED.value}: *** may not do this"
    assert "c2lnbmVk" not in str(log_of(world))


def test_short_words_among_credentials_are_no_secrets() -> None:
    http = RecordedHttp(FakeHttpClient([answer(200, {"live": "yes"})]))
    http.request("GET", "https://x.example/", {})
    assert http.log(["yes"])[0]["answer"] == '{"live": "yes"}'


def test_what_a_client_signs_in_with_instead_of_a_secret_is_masked() -> None:
    http = RecordedHttp(FakeHttpClient([answer(200), answer(200)]))
    http.request("POST", "https://x.example/token", {}, b"client_assertion_type=urn%3Ajwt&client_assertion=e30.e30.sig")
    http.request("POST", "https://x.example/token", {}, b'{"client_assertion": "e30.e30.sig"}')
    assert [one["request"] for one in http.log([])] == [
        "client_assertion_type=urn%3Ajwt&client_assertion=***",
        '{"client_assertion": "***"}',
    ]

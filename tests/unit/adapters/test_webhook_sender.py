"""A webhook reaches the receiver it names, nobody else, and is never kept waiting."""

import socket
import ssl
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.fakes.clock import FrozenClock
from tests.unit.adapters import receivers
from tests.unit.adapters.receivers import answer, receiver
from usance.adapters.webhook_sender import ANSWER_KEPT_BYTES, ANSWER_MAX_BYTES, HttpWebhookSender
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.notifications.delivery import Fault, Outcome

BODY = b'{"id":"1"}'
HEADERS = {"Content-Type": "application/json", "X-M3ter-Signature": "abc"}
SENDER = HttpWebhookSender(["127.0.0.1"], timeout_seconds=2, clock=FrozenClock())
IMPATIENT = HttpWebhookSender(["127.0.0.1"], timeout_seconds=0.4)


def resolving(*addresses: str) -> HttpWebhookSender:
    """A sender for which every name leads to these addresses, in turn from call to call."""
    calls = iter([*addresses, *addresses[-1:] * 100])
    return HttpWebhookSender(resolve=lambda _host, _port: [next(calls)], timeout_seconds=2)


def test_a_delivery_arrives_whole_with_its_headers() -> None:
    with receiver(answer("200 OK", body=b"thanks")) as there:
        assert SENDER.send(there.url, BODY, HEADERS) == Outcome(status=200, answer="thanks")
    head, _, body = there.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /hook HTTP/1.1"
    assert body == BODY
    assert {"Content-Type: application/json", "X-M3ter-Signature: abc", f"Host: 127.0.0.1:{there.port}"} <= set(lines)


@pytest.mark.parametrize("status", [204, 400, 401, 500, 503])
def test_the_status_of_the_answer_is_reported(status: int) -> None:
    with receiver(answer(f"{status} Something")) as there:
        assert SENDER.send(there.url, BODY, HEADERS) == Outcome(status=status)


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    with receiver(answer("200 OK")) as elsewhere:
        redirect = answer("307 Temporary Redirect", f"Location: {elsewhere.url}")
        with receiver(redirect) as there:
            assert SENDER.send(there.url, BODY, HEADERS) == Outcome(status=307)
        assert elsewhere.requests == []


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("Retry-After: 120", timedelta(seconds=120)),
        ("retry-after:  7 ", timedelta(seconds=7)),
        ("Retry-After: Thu, 15 Jan 2026 12:10:00 GMT", timedelta(minutes=10)),
        ("Retry-After: Thu, 15 Jan 2026 11:00:00 GMT", timedelta(0)),
        ("Retry-After: -5", None),
        ("Retry-After: soon", None),
        ("Retry-After: " + "9" * 300, timedelta(seconds=10**8)),
        ("X-Other: 1", None),
    ],
)
def test_the_wait_that_a_receiver_asks_for_is_reported(header: str, wait: timedelta | None) -> None:
    with receiver(answer("429 Too Many Requests", header)) as there:
        assert SENDER.send(there.url, BODY, HEADERS) == Outcome(status=429, retry_after=wait)


@pytest.mark.parametrize("behaviour", [receivers.silence, receivers.trickle_head, receivers.trickle_body])
def test_no_receiver_holds_the_sender_beyond_its_time(behaviour: receivers.Behaviour) -> None:
    with receiver(behaviour) as there:
        began = time.monotonic()
        assert IMPATIENT.send(there.url, BODY, HEADERS) == Outcome(fault=Fault.TIMEOUT)
        assert time.monotonic() - began < 1.5


def test_a_huge_answer_is_not_read_to_its_end() -> None:
    with receiver(receivers.flood) as there:
        began = time.monotonic()
        outcome = SENDER.send(there.url, BODY, HEADERS)
        assert (outcome.status, len(outcome.answer)) == (200, ANSWER_KEPT_BYTES)
        assert time.monotonic() - began < 1
    assert ANSWER_MAX_BYTES < 100_000


@pytest.mark.parametrize("behaviour", [receivers.nonsense, receivers.hang_up])
def test_a_receiver_that_speaks_no_http_is_unreachable(behaviour: receivers.Behaviour) -> None:
    with receiver(behaviour) as there:
        assert SENDER.send(there.url, BODY, HEADERS).fault is Fault.UNREACHABLE


def test_a_closed_port_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert SENDER.send(f"http://127.0.0.1:{port}/", BODY, HEADERS).fault is Fault.UNREACHABLE


def test_credentials_that_no_header_can_hold_are_said_to_be_unusable_and_not_repeated() -> None:
    with receiver(answer("200 OK")) as there:
        outcome = SENDER.send(there.url, BODY, {"X-M3ter-Api-Key": "a\r\nX-Injected: 1"})
        assert outcome.fault is Fault.INVALID_REQUEST
        assert "Injected" not in outcome.error
        assert SENDER.send(there.url, BODY, {"X-M3ter-Api-Key": "schlüssel"}).fault is Fault.INVALID_REQUEST
    assert not any(b"Injected" in request for request in there.requests)


PRIVATE_URLS = [
    "https://127.0.0.1/",
    "https://10.0.0.1/",
    "https://192.168.1.1:8443/",
    "https://169.254.169.254/latest/meta-data/",
    "https://[::1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[::ffff:169.254.169.254]/",
    "https://[fd00:ec2::254]/",
    "https://0.0.0.0/",
    "https://0/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://localhost/",
    "https://LOCALHOST./",
]


@pytest.mark.parametrize("url", PRIVATE_URLS)
def test_a_private_address_is_refused_however_it_is_written(url: str) -> None:
    sender = HttpWebhookSender(timeout_seconds=2)
    assert sender.send(url, BODY, HEADERS).fault in {Fault.REFUSED_ADDRESS, Fault.UNREACHABLE}
    with pytest.raises(InvalidInputError, match="url"):
        sender.check(url)


@pytest.mark.parametrize("address", ["10.0.0.1", "127.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "fe80::1%1"])
def test_a_name_that_leads_to_a_private_address_is_refused(address: str) -> None:
    sender = resolving(address)
    assert sender.send("https://innocent.example/", BODY, HEADERS).fault is Fault.REFUSED_ADDRESS
    with pytest.raises(InvalidInputError, match=r"url: the host innocent\.example leads to a private address"):
        sender.check("https://innocent.example/")


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    sender = HttpWebhookSender(resolve=lambda _host, _port: ["93.184.216.34", "10.0.0.1"], timeout_seconds=2)
    assert sender.send("https://innocent.example/", BODY, HEADERS).fault is Fault.REFUSED_ADDRESS


def test_a_name_that_changes_between_check_and_connection_is_caught() -> None:
    sender = resolving("93.184.216.34", "127.0.0.1")
    sender.check("https://rebinding.example/")
    assert sender.send("https://rebinding.example/", BODY, HEADERS).fault is Fault.REFUSED_ADDRESS


def test_a_send_resolves_once_and_connects_to_what_it_checked() -> None:
    asked: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    with receiver(answer("200 OK")) as there:
        sender = HttpWebhookSender(["trusted.example"], resolve=resolve, timeout_seconds=2)
        assert sender.send(f"http://trusted.example:{there.port}/hook", BODY, HEADERS) == Outcome(status=200)
    assert asked == ["trusted.example"]
    assert f"Host: trusted.example:{there.port}".encode() in there.requests[0]


def test_a_host_is_allowed_by_name_or_by_name_and_port() -> None:
    with receiver(answer("200 OK")) as there:
        allowed = HttpWebhookSender([f" 127.0.0.1:{there.port} "], timeout_seconds=2)
        assert allowed.send(there.url, BODY, HEADERS) == Outcome(status=200)
        allowed.check(there.url)
        other = HttpWebhookSender([f"127.0.0.1:{there.port + 1}"], timeout_seconds=2)
        assert other.send(there.url, BODY, HEADERS).fault is Fault.REFUSED_ADDRESS


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "example.com",
        "https://",
        "https:///path",
        "https://user:password@example.com/",
        "https://@example.com/",
        "https://example.com/\0",
        "https://example.com/\x7f",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://exa mple.com/",
        "https://exam\nple.com/",
        "https://ex\u00e4mple.com/",
        "https://[::1/",
        "https://example.com/" + "a" * 2048,
        "",
    ],
)
def test_a_url_of_another_kind_is_refused_by_field(url: str) -> None:
    sender = resolving("93.184.216.34")
    with pytest.raises(InvalidInputError, match=r"^url: "):
        sender.check(url)
    assert sender.send(url, BODY, HEADERS).fault is Fault.REFUSED_ADDRESS


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000/", "https://127.0.0.1:9000/", "https://localhost/"])
def test_who_tries_a_receiver_of_his_own_is_told_which_parameter_allows_it(url: str) -> None:
    with pytest.raises(InvalidInputError, match="WebhookAllowedHosts"):
        resolving("127.0.0.1").check(url)


def test_a_host_that_does_not_resolve_is_refused_when_saved_and_unreachable_when_sent() -> None:
    def nowhere(_host: str, _port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    sender = HttpWebhookSender(resolve=nowhere, timeout_seconds=2)
    with pytest.raises(InvalidInputError, match="does not resolve"):
        sender.check("https://nowhere.example/")
    assert sender.send("https://nowhere.example/", BODY, HEADERS).fault is Fault.UNREACHABLE


def test_a_resolver_that_hangs_costs_the_time_of_an_attempt_and_no_more() -> None:
    def hang(_host: str, _port: int) -> list[str]:
        time.sleep(1)
        return ["93.184.216.34"]

    sender = HttpWebhookSender(resolve=hang, timeout_seconds=0.2)
    began = time.monotonic()
    assert sender.send("https://slow.example/", BODY, HEADERS).fault is Fault.TIMEOUT
    assert time.monotonic() - began < 0.8


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of `trusted.example` with its key, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "trusted.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("trusted.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def serving(certificate: Path) -> "ssl.SSLContext":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def over_tls(certificate: Path, host: str, *, trusting: bool) -> Outcome:
    """What a delivery to `host` ends with when a server with the certificate stands there."""
    context = serving(certificate)
    names: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    tls = ssl.create_default_context()
    if trusting:
        tls.load_verify_locations(certificate)
    with receiver(answer("200 OK"), lambda plain: context.wrap_socket(plain, server_side=True)) as there:
        sender = HttpWebhookSender([host], resolve=lambda _host, _port: ["127.0.0.1"], timeout_seconds=2, tls=tls)
        outcome = sender.send(f"https://{host}:{there.port}/hook", BODY, HEADERS)
    assert names == [host]
    return outcome


def test_tls_names_and_verifies_the_host_of_the_url_and_not_its_address(certificate: Path) -> None:
    assert over_tls(certificate, "trusted.example", trusting=True) == Outcome(status=200)


def test_a_certificate_nobody_vouches_for_is_refused(certificate: Path) -> None:
    assert over_tls(certificate, "trusted.example", trusting=False).fault is Fault.UNREACHABLE


def test_a_certificate_of_another_host_is_refused(certificate: Path) -> None:
    assert over_tls(certificate, "other.example", trusting=True).fault is Fault.UNREACHABLE

"""A signature convinces whoever knows the secret, for five minutes."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usance.domain.notifications.signature import SIGNATURES_MAX, sign, signatures, verify

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))


def test_the_signature_is_the_documented_one() -> None:
    expected = hmac.new(b"s", b"1768478400.{}", hashlib.sha256).hexdigest()
    assert sign("s", "1768478400", b"{}") == expected


@given(st.text(), st.binary())
def test_what_was_signed_verifies(secret: str, body: bytes) -> None:
    assert verify(secret, STAMP, sign(secret, STAMP, body), body, now=NOW)


@given(st.binary(min_size=1), st.integers(0, 10**6))
def test_a_changed_body_does_not_verify(body: bytes, where: int) -> None:
    index = where % len(body)
    changed = body[:index] + bytes([body[index] ^ 1]) + body[index + 1 :]
    assert not verify("s", STAMP, sign("s", STAMP, body), changed, now=NOW)


def test_another_secret_or_time_does_not_verify() -> None:
    signature = sign("s", STAMP, b"{}")
    assert not verify("t", STAMP, signature, b"{}", now=NOW)
    assert not verify("s", str(int(STAMP) + 1), signature, b"{}", now=NOW)


@pytest.mark.parametrize(("seconds", "accepted"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)])
def test_a_delivery_is_accepted_within_five_minutes_of_its_time(seconds: int, accepted: bool) -> None:
    signature = sign("s", STAMP, b"{}")
    assert verify("s", STAMP, signature, b"{}", now=NOW + timedelta(seconds=seconds)) is accepted


@given(st.text(), st.text())
def test_headers_of_any_content_are_refused_without_an_error(timestamp: str, signature: str) -> None:
    assert not verify("s", timestamp, signature, b"{}", now=NOW)


@pytest.mark.parametrize("timestamp", ["", "-1768478400", "1768478400.0", "²", "9" * 400, " 1768478400"])
def test_a_time_that_is_not_unix_seconds_is_refused(timestamp: str) -> None:
    assert not verify("s", timestamp, sign("s", timestamp, b"{}"), b"{}", now=NOW)


def test_a_signature_that_is_no_text_of_ours_is_refused() -> None:
    assert not verify("s", STAMP, "\ud800é", b"{}", now=NOW)


def test_while_a_secret_is_replaced_either_verifies() -> None:
    header = signatures(("new", "old"), STAMP, b"{}")
    assert header == f"{sign('new', STAMP, b'{}')},{sign('old', STAMP, b'{}')}"
    assert [verify(secret, STAMP, header, b"{}", now=NOW) for secret in ("new", "old", "other")] == [True, True, False]
    assert verify("old", STAMP, header.replace(",", " , "), b"{}", now=NOW)


def test_no_more_signatures_are_looked_at_than_a_sender_may_write() -> None:
    fitting = sign("s", STAMP, b"{}")
    assert verify("s", STAMP, "x," * (SIGNATURES_MAX - 1) + fitting, b"{}", now=NOW)
    assert not verify("s", STAMP, "x," * SIGNATURES_MAX + fitting, b"{}", now=NOW)

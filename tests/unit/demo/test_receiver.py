"""The demo's receiver of webhooks."""

import hashlib
import hmac
import time
import urllib.error
import urllib.request

import pytest

from demo.receiver import Receiver, running_receiver

BODY = b'{"id":"run-1"}'


def signed(secret: str = "secret", sent: int | None = None) -> dict[str, str]:
    stamp = str(int(time.time()) if sent is None else sent)
    signature = hmac.new(secret.encode(), f"{stamp}.".encode() + BODY, hashlib.sha256).hexdigest()
    return {"x-m3ter-api-key": "key", "x-m3ter-timestamp": stamp, "x-m3ter-signature": signature}


def test_what_is_signed_with_the_secret_is_verified() -> None:
    assert Receiver("key", "secret").verifies(signed(), BODY)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (signed("another"), BODY),
        (signed(), BODY + b" "),
        (signed(sent=1_600_000_000), BODY),
        ({**signed(), "x-m3ter-api-key": "another"}, BODY),
        ({**signed(), "x-m3ter-timestamp": "now"}, BODY),
        ({}, BODY),
    ],
)
def test_anything_else_is_not(headers: dict[str, str], body: bytes) -> None:
    assert not Receiver("key", "secret").verifies(headers, body)


def test_a_delivery_is_answered_and_kept() -> None:
    with running_receiver("key", "secret") as receiver:
        request = urllib.request.Request(receiver.url, BODY, signed())
        with urllib.request.urlopen(request, timeout=5) as answer:
            assert answer.status == 200
        delivery = receiver.next(timeout_seconds=1)
        assert (delivery.body, delivery.verified) == (BODY, True)
        forged = urllib.request.Request(receiver.url, BODY, signed("another"))
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(forged, timeout=5)
        refused.value.close()
        assert refused.value.code == 401

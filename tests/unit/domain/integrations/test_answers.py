"""What statuses of external systems mean."""

from datetime import timedelta

import pytest

from usance.domain.integrations.answers import Answer, fault_of, refused
from usance.domain.notifications.delivery import Fault


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (400, Fault.PAYLOAD_REFUSED),
        (401, Fault.CREDENTIALS_REFUSED),
        (403, Fault.CREDENTIALS_REFUSED),
        (409, Fault.PASSING),
        (429, Fault.RATE_LIMITED),
        (418, Fault.REFUSED),
        (302, Fault.REFUSED),
        (503, Fault.PASSING),
    ],
)
def test_a_status_means_one_fault(status: int, fault: Fault) -> None:
    assert fault_of(status) is fault


def test_an_error_tells_the_status_the_detail_and_when_to_ask_again() -> None:
    error = refused(Answer(429, retry_after=timedelta(seconds=7)), "too many")
    assert (error.fault, error.detail) == (Fault.RATE_LIMITED, "answered 429: too many")
    assert error.retry_after == timedelta(seconds=7)


def test_what_a_body_tells_counts_more_than_its_status() -> None:
    assert refused(Answer(400), "paid", Fault.ALREADY_PAID).fault is Fault.ALREADY_PAID

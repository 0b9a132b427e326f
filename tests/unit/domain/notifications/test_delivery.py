"""What follows an attempt."""

from datetime import UTC, datetime, timedelta

import pytest

from usance.domain.notifications.delivery import (
    ATTEMPTS_MAX,
    ERROR_MAX_CHARS,
    RETRY_AFTER_MAX,
    Fault,
    Next,
    Outcome,
    RunStatus,
    after_attempt,
    fails_in_a_row,
    firing_id,
    payload,
)

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_answer_completes_the_run(status: int) -> None:
    assert after_attempt(1, Outcome(status=status), NOW) == Next(RunStatus.COMPLETE)


def test_the_waits_grow_and_the_fifth_failure_is_the_last() -> None:
    waits = [after_attempt(attempt, Outcome(status=500), NOW).retry_at for attempt in range(1, ATTEMPTS_MAX + 1)]
    assert [at - NOW if at else None for at in waits] == [
        timedelta(seconds=30),
        timedelta(minutes=2),
        timedelta(minutes=10),
        timedelta(hours=1),
        None,
    ]
    assert after_attempt(ATTEMPTS_MAX, Outcome(status=500), NOW).status is RunStatus.ERROR


@pytest.mark.parametrize("status", [302, 404, 410, 500, 503])
def test_every_other_answer_is_tried_again(status: int) -> None:
    assert after_attempt(1, Outcome(status=status), NOW).status is RunStatus.AWAITING_RETRY


@pytest.mark.parametrize("status", [401, 403])
def test_rejected_credentials_fail_at_once(status: int) -> None:
    assert after_attempt(1, Outcome(status=status), NOW) == Next(RunStatus.AUTH_FAILED)


@pytest.mark.parametrize("fault", [Fault.REFUSED_ADDRESS, Fault.INVALID_REQUEST])
def test_what_is_set_up_wrongly_fails_at_once(fault: Fault) -> None:
    assert after_attempt(1, Outcome(fault=fault), NOW) == Next(RunStatus.ERROR)


def test_a_last_attempt_without_answer_in_time_says_so() -> None:
    assert after_attempt(1, Outcome(fault=Fault.TIMEOUT), NOW).status is RunStatus.AWAITING_RETRY
    assert after_attempt(ATTEMPTS_MAX, Outcome(fault=Fault.TIMEOUT), NOW).status is RunStatus.TIMEOUT_LIMIT_EXCEEDED
    assert after_attempt(ATTEMPTS_MAX, Outcome(fault=Fault.UNREACHABLE), NOW).status is RunStatus.ERROR


@pytest.mark.parametrize(
    ("asked", "wait"),
    [
        (None, timedelta(seconds=30)),
        (timedelta(seconds=5), timedelta(seconds=30)),
        (timedelta(minutes=7), timedelta(minutes=7)),
        (timedelta(days=9), RETRY_AFTER_MAX),
    ],
)
def test_a_busy_receiver_is_not_asked_before_the_time_it_names(asked: timedelta | None, wait: timedelta) -> None:
    then = after_attempt(1, Outcome(status=429, retry_after=asked), NOW)
    assert then == Next(RunStatus.RATE_LIMIT_RETRY, NOW + wait)


def test_a_receiver_that_stays_busy_fails_in_the_end() -> None:
    assert after_attempt(ATTEMPTS_MAX, Outcome(status=429), NOW) == Next(RunStatus.ERROR)


def test_an_error_is_a_sentence_of_bounded_length() -> None:
    assert Outcome(status=500).error == "the receiver answered 500"
    assert Outcome(fault=Fault.UNREACHABLE, detail="refused").error == "the receiver cannot be reached: refused"
    assert len(Outcome(fault=Fault.UNREACHABLE, detail="x" * 9999).error) == ERROR_MAX_CHARS


ERROR, DONE, WAITING = RunStatus.ERROR, RunStatus.COMPLETE, RunStatus.WAITING


@pytest.mark.parametrize(
    ("statuses", "disabled"),
    [
        ([ERROR] * 9, False),
        ([ERROR] * 10, True),
        ([WAITING, *[ERROR] * 5, WAITING, *[RunStatus.AUTH_FAILED] * 5], True),
        ([ERROR] * 5 + [DONE] + [ERROR] * 5, False),
        ([ERROR] * 10 + [DONE], True),
        ([DONE] + [ERROR] * 10, False),
        ([], False),
    ],
)
def test_ten_failures_without_a_success_between_are_too_many(statuses: list[RunStatus], disabled: bool) -> None:
    assert fails_in_a_row(statuses) is disabled


def test_a_firing_is_named_by_rule_and_event() -> None:
    ids = {firing_id("o", "r", "e"), firing_id("p", "r", "e"), firing_id("o", "s", "e"), firing_id("o", "r", "f")}
    assert len(ids) == 4
    assert firing_id("o", "r", "e") in ids


def test_a_payload_tells_cause_rule_and_data() -> None:
    cause = {"eventId": "e", "eventName": "n", "eventTime": "t"}
    rule = {"id": "r", "code": "c", "name": "Rule", "calculation": "true"}
    assert payload("run", "org", cause, rule, {"eventData": {"newDto": {"id": "a"}}}) == {
        "id": "run",
        "orgId": "org",
        **cause,
        "notification": {"id": "r", "code": "c", "name": "Rule", "description": None},
        "m3terEvent": {"eventData": {"newDto": {"id": "a"}}},
    }

"""What follows an attempt."""

from datetime import UTC, datetime, timedelta

import pytest

from usance.domain.notifications.delivery import (
    ATTEMPTS_MAX,
    ERROR_MAX_CHARS,
    LIFETIME,
    RETRY_AFTER_MAX,
    Fault,
    Next,
    Outcome,
    RunStatus,
    after_attempt,
    after_test,
    fails_in_a_row,
    firing_id,
    payload,
)

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)


def after(attempt: int, outcome: Outcome, now: datetime = NOW, born: datetime = NOW) -> Next:
    return after_attempt(attempt, outcome, now, run_id="run", born=born)


def waits_after(attempt: int, outcome: Outcome) -> timedelta:
    at = after(attempt, outcome).retry_at
    assert at
    return at - NOW


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_answer_completes_the_run(status: int) -> None:
    assert after(1, Outcome(status=status)) == Next(RunStatus.COMPLETE)


def test_the_waits_grow_last_more_than_a_day_together_and_the_ninth_failure_is_the_last() -> None:
    waits = [waits_after(attempt, Outcome(status=500)) for attempt in range(1, ATTEMPTS_MAX)]
    least = [timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10)]
    least += [timedelta(hours=hours) for hours in (1, 2, 4, 8, 12)]
    assert ATTEMPTS_MAX == 9
    assert all(wanted <= wait <= wanted * 6 / 5 for wanted, wait in zip(least, waits, strict=True))
    assert timedelta(days=1) < sum(waits, timedelta()) < LIFETIME
    assert after(ATTEMPTS_MAX, Outcome(status=500)) == Next(RunStatus.ERROR)


def test_what_failed_together_is_not_repeated_together() -> None:
    again = {after_attempt(4, Outcome(status=500), NOW, run_id=str(run), born=NOW).retry_at for run in range(100)}
    assert len(again) > 50
    assert max(filter(None, again)) - min(filter(None, again)) > timedelta(minutes=9)


def test_an_attempt_beyond_the_life_of_a_run_is_the_last() -> None:
    assert after(2, Outcome(status=500), NOW + LIFETIME).retry_at
    late = NOW + LIFETIME + timedelta(seconds=1)
    assert after(2, Outcome(status=500), late) == Next(RunStatus.ERROR)
    assert after(2, Outcome(status=200), late) == Next(RunStatus.COMPLETE)


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Outcome(status=204), RunStatus.COMPLETE),
        (Outcome(status=500), RunStatus.ERROR),
        (Outcome(status=429, retry_after=timedelta(1)), RunStatus.ERROR),
        (Outcome(status=401), RunStatus.AUTH_FAILED),
        (Outcome(fault=Fault.TIMEOUT), RunStatus.TIMEOUT_LIMIT_EXCEEDED),
        (Outcome(fault=Fault.REFUSED_ADDRESS), RunStatus.ERROR),
    ],
)
def test_a_test_send_is_made_once(outcome: Outcome, status: RunStatus) -> None:
    assert after_test(outcome) == Next(status)


@pytest.mark.parametrize("status", [302, 404, 410, 500, 503])
def test_every_other_answer_is_tried_again(status: int) -> None:
    assert after(1, Outcome(status=status)).status is RunStatus.AWAITING_RETRY


@pytest.mark.parametrize("status", [401, 403])
def test_rejected_credentials_fail_at_once(status: int) -> None:
    assert after(1, Outcome(status=status)) == Next(RunStatus.AUTH_FAILED)


@pytest.mark.parametrize("fault", [Fault.REFUSED_ADDRESS, Fault.INVALID_REQUEST])
def test_what_is_set_up_wrongly_fails_at_once(fault: Fault) -> None:
    assert after(1, Outcome(fault=fault)) == Next(RunStatus.ERROR)


def test_a_last_attempt_without_answer_in_time_says_so() -> None:
    assert after(1, Outcome(fault=Fault.TIMEOUT)).status is RunStatus.AWAITING_RETRY
    assert after(ATTEMPTS_MAX, Outcome(fault=Fault.TIMEOUT)).status is RunStatus.TIMEOUT_LIMIT_EXCEEDED
    assert after(ATTEMPTS_MAX, Outcome(fault=Fault.UNREACHABLE)).status is RunStatus.ERROR


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("asked", "least"),
    [
        (None, timedelta(seconds=30)),
        (timedelta(seconds=5), timedelta(seconds=30)),
        (timedelta(minutes=7), timedelta(minutes=7)),
        (timedelta(days=9), RETRY_AFTER_MAX),
    ],
)
def test_a_busy_receiver_is_not_asked_before_the_time_it_names(
    status: int, asked: timedelta | None, least: timedelta
) -> None:
    outcome = Outcome(status=status, retry_after=asked)
    assert least <= waits_after(1, outcome) <= max(least, timedelta(seconds=36))
    wanted = RunStatus.RATE_LIMIT_RETRY if status == 429 else RunStatus.AWAITING_RETRY
    assert after(1, outcome).status is wanted


def test_a_receiver_that_stays_busy_fails_in_the_end() -> None:
    assert after(ATTEMPTS_MAX, Outcome(status=429)) == Next(RunStatus.ERROR)


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

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from local.expressions import parse
from local.plan import Schedule
from local.schedules import Scheduler, build_event
from local.template import TemplateError

NOON = datetime(2026, 2, 1, 12, 0, tzinfo=UTC)
SCHEDULE = Schedule(
    "ScheduledFunctionNightly", "Nightly", "ScheduledFunction", "aws.events", "rate(1 hour)", None, 2, enabled=True
)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("rate(15 minutes)", datetime(2026, 2, 1, 12, 15, tzinfo=UTC)),
        ("rate(1 day)", datetime(2026, 2, 2, tzinfo=UTC)),
        ("cron(0 3 * * ? *)", datetime(2026, 2, 2, 3, tzinfo=UTC)),
        ("cron(0/10 * * * ? *)", datetime(2026, 2, 1, 12, 10, tzinfo=UTC)),
        ("cron(30 8 1 * ? *)", datetime(2026, 3, 1, 8, 30, tzinfo=UTC)),
        ("cron(0 18 ? * MON-FRI *)", datetime(2026, 2, 2, 18, tzinfo=UTC)),
        ("cron(0 0 L * ? *)", datetime(2026, 2, 28, tzinfo=UTC)),
        ("cron(15 10 ? JUN * 2027)", datetime(2027, 6, 1, 10, 15, tzinfo=UTC)),
        ("at(2026-02-01T13:00:00)", datetime(2026, 2, 1, 13, tzinfo=UTC)),
    ],
)
def test_a_schedule_fires_next_at(expression: str, expected: datetime) -> None:
    assert parse(expression)(NOON) == expected


def test_a_time_that_is_over_never_fires_again() -> None:
    assert parse("at(2026-02-01T11:00:00)")(NOON) is None
    assert parse("cron(0 0 1 1 ? 2020)")(NOON) is None


@pytest.mark.parametrize("expression", ["every day", "rate(1 week)", "cron(61 * * * ? *)", "cron(* * ? * MON#1 *)"])
def test_an_expression_that_is_not_known_is_named(expression: str) -> None:
    with pytest.raises(TemplateError, match=r"schedule expression|cron expression"):
        parse(expression)


def test_the_default_event_carries_the_time_it_was_due() -> None:
    event = build_event(SCHEDULE, NOON)
    assert (event["source"], event["detail-type"], event["time"]) == (
        "aws.events",
        "Scheduled Event",
        "2026-02-01T12:00:00Z",
    )


def test_the_schedulers_attributes_are_filled_into_the_input() -> None:
    schedule = replace(SCHEDULE, source="aws.scheduler", payload='{"time":"<aws.scheduler.scheduled-time>"}')
    assert build_event(schedule, NOON) == {"time": "2026-02-01T12:00:00Z"}


def test_a_schedule_is_found_by_either_name_and_an_unknown_one_is_refused() -> None:
    fired: list[Any] = []
    scheduler = Scheduler([SCHEDULE], lambda function, event, _: fired.append((function, event["time"])))
    scheduler.fire("Nightly", NOON)
    scheduler.fire("ScheduledFunctionNightly", NOON)
    assert fired == [("ScheduledFunction", "2026-02-01T12:00:00Z")] * 2
    with pytest.raises(TemplateError, match="Nightly"):
        scheduler.fire("Weekly", NOON)

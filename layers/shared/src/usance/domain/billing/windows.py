"""Service windows: the parts of an account plan that a bill settles (billing.md 6.2, 6.3)."""

from dataclasses import dataclass
from datetime import date, datetime, tzinfo

from usance.domain.billing.attached import Attachment
from usance.domain.kernel.period import Instants, Period
from usance.domain.kernel.timezones import days_of, local_day, midnight


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of service inside one billing period of an account plan.

    `index` counts the plan's windows from 0. `standard` is the whole calendar period, `days` the local days of it that
    are served, `span` the exact instants. Before the epoch lies at most one window, however long (Q1): there `days` may
    pass the length of `standard`, which is the period that ends on the epoch.
    """

    index: int
    standard: Period
    days: int
    span: Instants


def opening_day(plan: Attachment, zone: tzinfo) -> date:
    """The local day on which service begins."""
    return local_day(plan.start, zone)


def closing_window(plan: Attachment, day: date, zone: tzinfo) -> Window | None:
    """The window that a bill on `day` settles in arrears, or None: `day` ends no period in which the plan served."""
    calendar = plan.calendar
    k = calendar.index_of(day)
    if calendar.boundary(k) != day or k < 0:  # no bill falls before the epoch
        return None
    return _window(plan, k - 1, zone)


def starting_window(plan: Attachment, day: date, zone: tzinfo) -> Window | None:
    """The window that a bill on `day` charges in advance, or None.

    It is the period that begins on `day`; or, on the day service begins, the plan's first window.
    """
    calendar = plan.calendar
    first = opening_day(plan, zone)
    k = calendar.index_of(day)
    if day != first and (calendar.boundary(k) != day or k < 0 or day < first):
        return None
    return _window(plan, k, zone)


def ends_period_of(plan: Attachment, instant: datetime, day: date, zone: tzinfo) -> bool:
    """Whether a bill on `day` is the one that ends the calendar period which holds `instant`."""
    return plan.calendar.period(max(plan.calendar.index_of(local_day(instant, zone)), -1)).end == day


def window_at(plan: Attachment, day: date, zone: tzinfo) -> Window | None:
    """The window whose calendar period holds `day`, or None when the plan does not serve in it."""
    return _window(plan, plan.calendar.index_of(day), zone)


def numbered_window(plan: Attachment, index: int, zone: tzinfo) -> Window | None:
    """The plan's `index`-th window, or None when service ends before it. `index` is 0 or more."""
    return _window(plan, _first_period(plan, zone) + index, zone)


def spans_before(plan: Attachment, instant: datetime, zone: tzinfo) -> tuple[Instants, ...]:
    """The plan's windows up to `instant`, the last one cut there; together they tile `[plan.start, instant)`."""
    spans: list[Instants] = []
    while (window := numbered_window(plan, len(spans), zone)) and window.span.start < instant:
        spans.append(Instants(window.span.start, min(window.span.end, instant)))
    return tuple(spans)


def _first_period(plan: Attachment, zone: tzinfo) -> int:
    """The calendar index of window 0. Everything before the epoch counts as period -1."""
    return max(plan.calendar.index_of(opening_day(plan, zone)), -1)


def _window(plan: Attachment, k: int, zone: tzinfo) -> Window | None:
    k = max(k, -1)
    standard = plan.calendar.period(k)
    start = plan.start if k == -1 else max(plan.start, midnight(standard.start, zone))
    end = midnight(standard.end, zone)
    if plan.end is not None:
        end = min(end, plan.end)
    if start >= end:
        return None
    span = Instants(start, end)
    return Window(k - _first_period(plan, zone), standard, days_of(span, zone), span)

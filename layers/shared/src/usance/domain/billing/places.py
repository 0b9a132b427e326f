"""On which day a plan's time is billed, kind of charge by kind of charge."""

from collections.abc import Iterator
from datetime import date, tzinfo

from usance.domain.billing.attached import Attachment
from usance.domain.billing.billed import STANDING
from usance.domain.billing.served import in_advance
from usance.domain.billing.windows import Window, numbered_window, window_at
from usance.domain.kernel.period import Instants
from usance.domain.kernel.timezones import local_day


def days_billed(one: Attachment, what: str, span: Instants, zone: tzinfo) -> Iterator[tuple[Instants, date]]:
    """The parts of `span` in which the plan serves, each with the day of the bill that charges `what` for it."""
    early = what in frozenset(in_advance(one))
    window = window_at(one, local_day(max(span.start, one.start), zone), zone)
    while window and window.span.start < span.end:
        part = Instants(max(window.span.start, span.start), min(window.span.end, span.end))
        if part.start < part.end:
            carrying = _carrying(one, window, zone) if what == STANDING else window
            yield part, local_day(carrying.span.start, zone) if early else carrying.standard.end
        window = window_at(one, window.standard.end, zone)


def _carrying(one: Attachment, window: Window, zone: tzinfo) -> Window:
    """The window on whose bill the standing charge for `window` falls; its own where service ends before that one."""
    every = one.standing.interval
    index = window.index - window.index % every + one.standing.offset % every
    return numbered_window(one, index, zone) or window

"""The deployment for a machine that is busy with other things: functions have more time before they are ended."""

import re
from typing import Final

TIMES: Final = 10
SHORT_SECONDS: Final = 60  # what has more is worked on in the background and goes on where it was ended

_TIMEOUT: Final = re.compile(r"^( +Timeout: )(\d+)", re.MULTILINE)


def with_time(template: str) -> str:
    """The text of the template, the time-outs of its short functions multiplied: what is measured is not how idle the machine is."""
    return _TIMEOUT.sub(_longer, template)


def _longer(found: re.Match[str]) -> str:
    seconds = int(found[2])
    return f"{found[1]}{seconds * TIMES if seconds <= SHORT_SECONDS else seconds}"

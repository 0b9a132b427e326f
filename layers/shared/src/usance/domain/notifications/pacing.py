"""How fast deliveries go to one destination, so that a slow or dead one takes little from the others (our choice).

A destination has a few lanes. Who sends holds one; who finds none free waits, longer each time. A lane whose attempt was slow
rests three times as long as that took, and the other lanes with it: once a destination is known to be slow, it has one worker
busy for a quarter of the time.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

LANES: Final = 4  # attempts at a time to one destination
REST_TIMES: Final = 3  # the lengths of a slow attempt that follow it; our choice
FIRST_HOLD: Final = timedelta(seconds=1)
HOLD_MAX: Final = timedelta(minutes=15)
_DOUBLINGS_MAX: Final = 10  # FIRST_HOLD is beyond HOLD_MAX then
_SPREAD_THOUSANDTHS: Final = 200  # a wait grows by up to a fifth, so that what failed together is not repeated together


@dataclass(frozen=True, slots=True)
class Pace:
    """How long the attempts of a kind of destination may take.

    `lease`: longer than the function that makes them may run; then an attempt without outcome is made again. `slow`: an
    attempt that takes longer costs its lane a rest.
    """

    lease: timedelta
    slow: timedelta


WEBHOOKS: Final = Pace(lease=timedelta(seconds=60), slow=timedelta(seconds=1))
CONNECTORS: Final = Pace(lease=timedelta(minutes=6), slow=timedelta(minutes=1))  # many requests make one invoice


def rest_after(took: timedelta, pace: Pace) -> timedelta:
    """How long a lane rests after an attempt of this length."""
    return took * REST_TIMES if took > pace.slow else timedelta()


def hold(times_held: int, run_id: str) -> timedelta:
    """How long a delivery waits that was held back `times_held` times before: doubling, up to `HOLD_MAX`, spread."""
    wait = min(FIRST_HOLD * 2 ** min(times_held, _DOUBLINGS_MAX), HOLD_MAX)
    return min(spread(wait, run_id, str(times_held)), HOLD_MAX)


def spread(wait: timedelta, *parts: str) -> timedelta:
    """`wait` and up to a fifth more, which follows from `parts`: never less, and the same whenever it is asked."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return wait + wait * (int.from_bytes(digest[:4], "big") % (_SPREAD_THOUSANDTHS + 1)) // 1000

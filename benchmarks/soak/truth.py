"""What is sent, drawn by a seed, and what must come out: a count and a sum for each account."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum

METER = "soak"
FIELD = "units"
DAYS = 59  # January and February
SPREAD_SECONDS = 86_400  # measurements that go together happened within a day
UPLOAD_CHUNKS = 20  # in a file
THOUSANDTHS = 1_000


class Way(Enum):
    """How measurements get in."""

    REQUEST = "requests"
    UPLOAD = "uploads"
    BUFFERED = "buffered requests"


SHARES = {Way.REQUEST: 60, Way.UPLOAD: 20, Way.BUFFERED: 20}  # in 100 events
CHUNK_SHARE = {Way.REQUEST: 1, Way.UPLOAD: 1, Way.BUFFERED: 10}  # a buffered request is so much smaller
ACCOUNTS = {Way.REQUEST: 10, Way.UPLOAD: 10, Way.BUFFERED: 2}  # of a chunk: small items come about, which are merged

BUSY_ACCOUNTS = 20  # one of them is in every chunk: their items are many, and are merged


@dataclass(frozen=True)
class Plan:
    """How large, and how rough."""

    events: int = 5_000_000
    accounts: int = 2_000
    chunk_events: int = 1_000
    kills: int = 60
    faults_percent: float = 0.9  # of calls; bursts come on top
    senders: int = 4  # and as many workers of a function
    seed: int = 1
    minutes: float | None = None  # of sending: what is not sent by then is left
    visibility_seconds: int = 180  # on a busy machine less than some files take: their messages come again meanwhile

    def events_of(self, way: "Way") -> int:
        """How many measurements go this way."""
        return self.events * SHARES[way] // 100

    def chunk_of(self, way: "Way") -> int:
        """How many go together."""
        return max(1, self.chunk_events // CHUNK_SHARE[way])

    def steps(self, way: "Way") -> int:
        """About how many requests or files that makes."""
        return self.events_of(way) // self.chunk_of(way) // (UPLOAD_CHUNKS if way is Way.UPLOAD else 1)


@dataclass
class Truth:
    """Sums are in thousandths."""

    counts: Counter[str] = field(default_factory=Counter)
    sums: Counter[str] = field(default_factory=Counter)

    def of(self, account: str) -> tuple[int, Decimal]:
        """How many measurements an account has, and what they come to."""
        return self.counts[account], Decimal(self.sums[account]) / THOUSANDTHS


@dataclass(frozen=True)
class Chunk:
    """Measurements as JSON texts that go together. `altered` are copies under the same uids that must not count."""

    rows: Sequence[str]
    altered: Sequence[str]


def body_of(rows: Sequence[str]) -> bytes:
    """A request of measurements."""
    return f'{{"measurements":[{",".join(rows)}]}}'.encode()


def chunks(way: Way, plan: Plan, truth: Truth) -> Iterator[Chunk]:
    """The measurements that go this way, noted in `truth` as they are handed out."""
    rng = random.Random(f"{plan.seed} {way.name}")
    events, size = plan.events_of(way), plan.chunk_of(way)
    for start in range(0, events, size):
        some = rng.sample(range(plan.accounts), min(ACCOUNTS[way], plan.accounts))
        some[0] = rng.randrange(min(BUSY_ACCOUNTS, plan.accounts))
        since = rng.randrange(DAYS * 86_400 - SPREAD_SECONDS)
        rows, altered = [], []
        for number in range(start, min(start + size, events)):
            account, value = f"customer-{rng.choice(some)}", rng.randrange(1, 10_000_000)
            seconds = since + rng.randrange(SPREAD_SECONDS)
            truth.counts[account] += 1
            truth.sums[account] += value
            rows.append(_row(f"{way.name}-{number}", account, seconds, value))
            altered.append(_row(f"{way.name}-{number}", account, seconds, value + 1))
        yield Chunk(rows, altered)


def _row(uid: str, account: str, seconds: int, value: int) -> str:
    day, rest = divmod(seconds, 86_400)
    month, day = (1, day + 1) if day < 31 else (2, day - 30)
    time = f"2026-{month:02}-{day:02}T{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}Z"
    number = f"{value // THOUSANDTHS}.{value % THOUSANDTHS:03}"
    return f'{{"uid":"{uid}","meter":"{METER}","account":"{account}","ts":"{time}","measure":{{"{FIELD}":{number}}}}}'

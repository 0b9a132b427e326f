"""The demo's own trace: made up, the same each time. `python -m demo.sample` writes it again."""

import csv
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from demo.trace import COLUMNS

PATH: Final = Path(__file__).with_name("sample_usage.csv")
REQUESTS: Final = 480
START: Final = datetime(2025, 1, 1, tzinfo=UTC)
DAYS: Final = 31


def write(path: Path = PATH) -> None:
    """Requests spread over one month; mostly short prompts, some with a long context."""
    dice = random.Random("usance")  # noqa: S311 - a sample, not a secret
    moments = sorted(dice.randrange(DAYS * 86_400_000) for _ in range(REQUESTS))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for milliseconds in moments:
            time = START + timedelta(milliseconds=milliseconds)
            context = dice.choice((dice.randint(40, 900), dice.randint(900, 4_000), dice.randint(4_000, 7_900)))
            writer.writerow((time.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3], context, dice.randint(5, 1_200)))


if __name__ == "__main__":
    write()

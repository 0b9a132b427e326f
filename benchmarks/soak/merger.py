"""`python -m benchmarks.soak.merger ORG TABLE SEED MOST`: merges whatever was received, a line per pass.

A pass is over `MOST` meters of accounts, drawn anew each time, again and again; over all of them when that is 0, until nothing is left.

A process of its own, so that it can be killed in the middle; the functions leave alone what was received minutes ago.
"""

import random
import sys
import time
from datetime import UTC, datetime
from typing import Any

from usance.adapters.aws import client
from usance.adapters.dynamodb.usage_log import DynamoUsageLog
from usance.adapters.dynamodb.usage_merging import DynamoUsageMerger
from usance.application.ports.usage_log import UsageScope
from usance.domain.kernel.errors import UnavailableError

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
PAUSE_SECONDS = 2  # what is sent needs the processor too
MONTHS = ("2026-01", "2026-02")


def main(org_id: str, table: str, seed: str, most: str) -> None:
    """Print how many items each pass made."""
    rng, dynamodb = random.Random(seed), client("dynamodb")
    merger = DynamoUsageMerger(dynamodb, table)
    left = _places(dynamodb, table, org_id)
    while left or int(most):
        some = rng.sample(left, min(int(most) or len(left), len(left)))
        made = {place: _merged(merger, *place) for place in some}
        print(sum(count or 0 for count in made.values()), flush=True)
        if int(most):
            left = _places(dynamodb, table, org_id)
            time.sleep(PAUSE_SECONDS)
        else:  # with what was refused or may go on: a pass over all of them is never without a refusal
            left = [place for place, count in made.items() if count != 0]


def _places(dynamodb: Any, table: str, org_id: str) -> list[tuple[UsageScope, str]]:
    while True:
        try:
            scopes = DynamoUsageLog(dynamodb, table).scopes(org_id, START, END)
        except UnavailableError:
            continue
        return [(scope, month) for scope in scopes for month in MONTHS]


def _merged(merger: DynamoUsageMerger, scope: UsageScope, month: str) -> int | None:
    """How many items were made; None when the store refused."""
    try:
        return merger.merge(scope, month, datetime.now(UTC))
    except UnavailableError:
        return None


if __name__ == "__main__":
    main(*sys.argv[1:])

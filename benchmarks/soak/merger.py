"""`python -m benchmarks.soak.merger ORG TABLE SEED MOST`: merges whatever was received, a line per pass.

A pass is over `MOST` meters of accounts, drawn anew each time, again and again; over all of them when that is 0, until nothing is left.

A process of its own, so that it can be killed in the middle; the functions leave alone what was received minutes ago.
"""

import random
import sys
import time
from datetime import UTC, datetime

from usance.adapters.aws import client
from usance.adapters.dynamodb.usage_log import DynamoUsageLog
from usance.adapters.dynamodb.usage_merging import DynamoUsageMerger
from usance.domain.kernel.errors import UnavailableError

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
PAUSE_SECONDS = 2  # what is sent needs the processor too
MONTHS = ("2026-01", "2026-02")


def main(org_id: str, table: str, seed: str, most: str) -> None:
    """Print how many items each pass made."""
    rng, dynamodb = random.Random(seed), client("dynamodb")
    merger = DynamoUsageMerger(dynamodb, table)
    made = refused = -1
    while int(most) or made or refused:
        made = refused = 0
        try:
            scopes = list(DynamoUsageLog(dynamodb, table).scopes(org_id, START, END))
        except UnavailableError:
            refused = 1
            continue
        rng.shuffle(scopes)
        for scope in scopes[: int(most) or None]:
            for month in MONTHS:
                try:
                    made += merger.merge(scope, month, datetime.now(UTC))
                except UnavailableError:
                    refused += 1
        print(made, flush=True)
        if int(most):
            time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main(*sys.argv[1:])

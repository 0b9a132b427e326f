"""The usage of several accounts behind one line of a statement."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.fakes.usage_log import FakeUsageLog
from tests.unit.domain.statements.examples import LINE, NOVEMBER, TOKENS
from usance.application.ports.usage_log import UsageBatch, UsageScope
from usance.application.statements.usage import Source, usage_of
from usance.domain.billing.pool import Piece
from usance.domain.kernel.period import Instants
from usance.domain.metering.columns import Columns
from usance.domain.metering.instants import microseconds
from usance.domain.statements.definition import Definition, Frequency

HALF = Instants(NOVEMBER.start, NOVEMBER.start + timedelta(days=15))
# Account, day, tokens, region; the second account counts for the first half of the month.
SENT = [("a", 1, 4, "UK"), ("a", 20, 6, "FR"), ("b", 10, 1, "UK"), ("b", 20, 99, "UK")]


def shown(method: str, field: str, *sent: Any, frequency: Frequency = Frequency.WHOLE_PERIOD) -> list[Decimal]:
    log = FakeUsageLog()
    for number, (account, day, tokens, region) in enumerate(sent):
        at = datetime(2023, 11, day, tzinfo=UTC)
        columns = Columns([f"{number}"], [microseconds(at)], [None], {"context_tokens": [tokens]}, {"region": [region]})
        scope = UsageScope("org", "meter-1", account)
        log.append([UsageBatch(scope, "2023-11", f"{number:032x}", at, columns)])
    line = replace(LINE, metered=replace(TOKENS, method=method, target_field=field))
    source = Source((Piece("a", NOVEMBER), Piece("b", HALF)))
    rows = usage_of(log, "org", Definition(frequency), [line], {line.id: source}, UTC)[line.id]
    return [row.measures[field, method] for row in rows]


@pytest.mark.parametrize(
    ("method", "field", "expected"),
    [
        ("SUM", "context_tokens", 11),
        ("LATEST", "context_tokens", 6),
        ("UNIQUE", "region", 2),
        ("P50", "context_tokens", 4),
        ("TIME_WEIGHTED_SUM", "context_tokens", 24 * (4 * 9 + 1 * 10 + 6 * 11)),
    ],
)
def test_it_is_as_if_one_account_had_used_all_that_counts(method: str, field: str, expected: int) -> None:
    assert shown(method, field, *SENT) == [expected]


def test_a_piece_that_ends_inside_a_bucket_is_part_of_it() -> None:
    assert shown("SUM", "context_tokens", *SENT, frequency=Frequency.WEEK) == [4, 1, 6]
    assert shown("TIME_WEIGHTED_SUM", "context_tokens", *SENT, frequency=Frequency.WEEK)[1] == 24 * 3

"""Questions about usage through the official SDK."""

from collections.abc import Iterator
from typing import Any

import m3ter
import pytest
from m3ter import M3ter

from local.testing import RunningStack
from tests.conformance.conftest import new_organization

SPAN: Any = {"start_date": "2026-01-01T00:00:00Z", "end_date": "2026-02-01T00:00:00Z"}


@pytest.fixture(scope="module")
def strict(stack: RunningStack) -> Iterator[M3ter]:
    with M3ter(
        **new_organization(stack, __name__), base_url=stack.base_url, _strict_response_validation=True
    ) as client:
        yield client


@pytest.fixture(scope="module")
def meter_id(strict: M3ter) -> str:
    """A meter with three measurements of two accounts."""
    meter = strict.meters.create(
        code="calls",
        name="Calls",
        data_fields=[
            {"category": "MEASURE", "code": "tokens", "name": "Tokens", "unit": "1"},
            {"category": "WHERE", "code": "region", "name": "Region"},
        ],
        derived_fields=[],
    )
    sent = [("acme", 5, 0.1, "eu"), ("acme", 6, 0.2, "us"), ("bolt", 6, 7, "eu")]
    strict.usage.submit(
        measurements=[
            {
                "uid": f"{account}-{day}",
                "meter": "calls",
                "account": account,
                "ts": f"2026-01-{day:02d}T12:00:00Z",
                "measure": {"tokens": tokens},
                "where": {"region": region},
            }
            for account, day, tokens, region in sent
        ]
    )
    return meter.id


def test_measurements_are_found(strict: M3ter, meter_id: str) -> None:
    answer = strict.usage.query(**SPAN, meter_ids=[meter_id], limit=2)
    assert answer.has_more_data is True
    assert answer.data is not None
    assert len(answer.data) == 2
    assert {"uid", "ts", "receivedAt", "accountCode", "tokens", "region"} <= answer.data[0].keys()


def test_values_are_computed_by_group(strict: M3ter, meter_id: str) -> None:
    answer = strict.usage.query(
        **SPAN,
        dimension_filters=[{"meter_id": meter_id, "field_code": "region", "values": ["eu", "us"]}],
        aggregations=[
            {"meter_id": meter_id, "field_code": "tokens", "field_type": "MEASURE", "function": "SUM"},
            {"meter_id": meter_id, "field_code": "region", "field_type": "DIMENSION", "function": "UNIQUE"},
        ],
        groups=[{"group_type": "ACCOUNT"}, {"group_type": "TIME", "frequency": "MONTH"}],  # type: ignore[typeddict-unknown-key]
    )
    assert answer.data is not None
    values = [(row["accountCode"], row["ts"][:10], row["tokens.SUM"], row["region.UNIQUE"]) for row in answer.data]
    assert sorted(values, key=str) == [("acme", "2026-01-01", 0.3, 2), ("bolt", "2026-01-01", 7, 1)]
    assert answer.has_more_data is False


def test_a_wrong_question_says_what_is_wrong(strict: M3ter, meter_id: str) -> None:
    with pytest.raises(m3ter.BadRequestError, match="groups need aggregations"):
        strict.usage.query(**SPAN, meter_ids=[meter_id], groups=[{"group_type": "ACCOUNT"}])

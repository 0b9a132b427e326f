"""A deployment that takes measurements in by way of a queue, through the official SDK."""

import time
from collections.abc import Iterator
from typing import Any

import m3ter
import pytest
from m3ter import M3ter

from local.testing import RunningStack, running_stack
from tests.conformance.conftest import new_organization

WAIT_SECONDS = 60


@pytest.fixture(scope="module")
def buffered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with running_stack(tmp_path_factory.mktemp("buffered"), parameters={"IngestMode": "buffered"}) as running:
        yield running


def test_single_events_are_accepted_packed_and_counted_once(buffered: RunningStack) -> None:
    with M3ter(**new_organization(buffered, __name__), base_url=buffered.base_url) as client:
        meter = client.meters.create(
            code="single",
            name="Single",
            data_fields=[{"category": "MEASURE", "code": "n", "name": "N", "unit": "1"}],
            derived_fields=[],
        )
        client.accounts.create(code="single", name="Single", email_address="a@example.com")

        def row(number: int) -> Any:
            ts = f"2026-01-02T00:00:{number:02d}Z"
            return {"uid": f"s-{number}", "meter": "single", "account": "single", "ts": ts, "measure": {"n": number}}

        for number in (*range(30), 7, 8):
            assert client.usage.submit(measurements=[row(number)]).result == "accepted"
        with pytest.raises(m3ter.BadRequestError, match="meter"):
            client.usage.submit(measurements=[{**row(1), "meter": ""}])

        def counted() -> Any:
            answer = client.usage.query(
                start_date="2026-01-01T00:00:00Z",
                end_date="2026-02-01T00:00:00Z",
                aggregations=[
                    {"meter_id": meter.id, "field_code": "n", "field_type": "MEASURE", "function": function}
                    for function in ("COUNT", "SUM")
                ],
            )
            [values] = answer.data or [{}]
            return values.get("n.COUNT"), values.get("n.SUM")

        deadline = time.monotonic() + WAIT_SECONDS
        while counted() != (30, sum(range(30))):
            assert time.monotonic() < deadline, counted()
            time.sleep(0.2)
        assert buffered.settle()
        assert counted() == (30, sum(range(30)))

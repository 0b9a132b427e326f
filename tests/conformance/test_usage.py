"""Questions about usage through the official SDK."""

import json
import time
from typing import Any

import httpx
import m3ter
import pytest
from m3ter import M3ter

WAIT_SECONDS = 60
SPAN: Any = {"start_date": "2026-01-01T00:00:00Z", "end_date": "2026-02-01T00:00:00Z"}


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
    values = [
        (row["accountCode"], row["ts"][:10], row["tokens.SUM"], row["region.UNIQUE"])
        for row in answer.data
        if row["accountCode"] != "filed"
    ]
    assert sorted(values, key=str) == [("acme", "2026-01-01", 0.3, 2), ("bolt", "2026-01-01", 7, 1)]
    assert answer.has_more_data is False


def test_aggregations_and_compounds_are_computed_by_segment(strict: M3ter, meter_id: str) -> None:
    """The calls of each region, less ten of them, in the most specific segment each; `*` has what no other one has."""
    tokens = strict.aggregations.create(
        code="tokens_used",
        name="Tokens used",
        meter_id=meter_id,
        target_field="tokens",
        aggregation="SUM",
        quantity_per_unit=2,
        rounding="UP",
        unit="token",
        segmented_fields=["region"],
        segments=[{"region": "*"}, {"region": "us"}],
    )
    billable = strict.compound_aggregations.create(
        code="billable",
        name="Billable tokens",
        calculation="aggregation.tokens_used * 10",
        quantity_per_unit=1,
        rounding="UP",
        unit="token",
    )
    acme: Any = {**SPAN, "account_ids": [account.id for account in strict.accounts.list(codes=["acme"])]}
    asked: Any = [{"aggregationId": tokens.id}, {"compoundAggregationId": billable.id}]
    answer = strict.usage.query(**acme, aggregations=asked, groups=[{"group_type": "SEGMENT"}])  # type: ignore[typeddict-item]
    units = {
        row["segment"]["region"]: (row["aggregation.tokens_used.units"], row["compoundAggregation.billable.quantity"])
        for row in answer.data or ()
    }
    assert units == {"us": (1, 2), "*": (1, 1)}
    with pytest.raises(m3ter.BadRequestError, match="compoundAggregationId: there is no such aggregation"):
        strict.usage.query(**SPAN, aggregations=[{"compoundAggregationId": meter_id}])  # type: ignore[typeddict-item]


def test_a_wrong_question_says_what_is_wrong(strict: M3ter, meter_id: str) -> None:
    with pytest.raises(m3ter.BadRequestError, match="groups need aggregations"):
        strict.usage.query(**SPAN, meter_ids=[meter_id], groups=[{"group_type": "ACCOUNT"}])


def test_a_file_of_measurements_is_read(strict: M3ter, meter_id: str) -> None:
    rows = [
        {
            "meter": "calls",
            "account": "filed",
            "ts": "2026-01-09T00:00:00Z",
            "measure": {"tokens": number},
            "where": {"region": "eu"},
        }
        for number in range(1500)
    ]
    content = json.dumps([*rows, {"meter": "calls"}]).encode()
    uploads = strict.usage.file_uploads
    made = uploads.generate_upload_url(
        content_length=len(content), content_type="application/json", file_name="january.json"
    )
    assert made.job_id
    assert made.url
    assert made.headers
    assert uploads.jobs.retrieve(made.job_id).status == "notUploaded"
    httpx.put(made.url, content=content, headers=made.headers).raise_for_status()
    deadline = time.monotonic() + WAIT_SECONDS
    while (job := uploads.jobs.retrieve(made.job_id)).status in {"notUploaded", "running"}:
        assert time.monotonic() < deadline, job
        time.sleep(0.1)
    assert (job.status, job.total_rows, job.processed_rows, job.failed_rows) == ("succeeded", 1501, 1500, 1)
    assert [one.id for one in uploads.jobs.list(date_created_start="2026-01-01T00:00:00Z")] == [made.job_id]
    original = uploads.jobs.get_original_download_url(made.job_id)
    assert original.url
    assert httpx.get(original.url).content == content
    counted = strict.usage.query(
        **SPAN,
        aggregations=[{"meter_id": meter_id, "field_code": "tokens", "field_type": "MEASURE", "function": "COUNT"}],
        groups=[{"group_type": "ACCOUNT"}],
    )
    assert counted.data is not None
    assert [row["tokens.COUNT"] for row in counted.data if row["accountCode"] == "filed"] == [1500]
    lenient = strict.copy(_extra_kwargs={"_strict_response_validation": False})  # dtActioned is null until then
    [failure] = lenient.events.list(event_type="IngestValidationFailure").data
    assert failure.m3ter_event["type"] == "InvalidMeasurement"
    with pytest.raises(m3ter.BadRequestError, match="contentLength"):
        uploads.generate_upload_url(content_length=0, content_type="application/json", file_name="a.json")

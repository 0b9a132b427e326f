"""Data exports through the official SDK, which judges the answers' types."""

import csv
import gzip
import io
import time
import zipfile
from typing import Any

import boto3
import httpx
import m3ter
import pytest
from m3ter import M3ter

from local.aws import CREDENTIALS
from local.testing import RunningStack

WAIT_SECONDS = 30
ROLE = "arn:aws:iam::000000000000:role/exports"  # the account of the store, which keeps accounts apart


def finished(client: M3ter, job_id: str | None) -> Any:
    assert job_id
    deadline = time.monotonic() + WAIT_SECONDS
    while (job := client.data_exports.jobs.retrieve(job_id)).status in {"PENDING", "RUNNING"}:
        assert time.monotonic() < deadline, job
        time.sleep(0.1)
    return job


def downloaded(client: M3ter, job_id: str) -> bytes:
    link = client.data_exports.jobs.get_download_url(job_id)
    assert link.url
    assert link.expiration_time
    return httpx.get(link.url).raise_for_status().content


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(gzip.decompress(content).decode())))


def test_entities_go_to_a_bucket_and_are_downloaded(strict: M3ter, stack: RunningStack) -> None:
    s3 = boto3.client("s3", endpoint_url=stack.store_endpoint, region_name="us-east-1", **_keys())
    s3.create_bucket(Bucket="their-lake")
    account = strict.accounts.create(code="exported", email_address="a@example.com", name="Exported, Inc")
    destination: Any = strict.data_exports.destinations.create(
        bucket_name="their-lake",
        iam_role_arn=ROLE,
        prefix="raw",
        extra_body={"name": "Lake", "code": "lake"},
    )
    assert (destination.destination_type, destination.partition_order) == ("S3", "TIME_FIRST")
    started = strict.data_exports.create_adhoc(
        source_type="OPERATIONAL",
        operational_data_types=["ACCOUNTS", "PRODUCTS"],
        extra_body={"destinationIds": [destination.id]},
    )
    job = finished(strict, started.job_id)
    assert (job.status, job.source_type, job.schedule_id) == ("SUCCEEDED", "OPERATIONAL", None)
    with zipfile.ZipFile(io.BytesIO(downloaded(strict, job.id))) as archive:
        [name] = [name for name in archive.namelist() if name.endswith("_account.csv.gz")]
        content = archive.read(name)
    assert {row["id"]: row["name"] for row in rows(content)}[account.id] == "Exported, Inc"
    mine = s3.list_objects_v2(Bucket="their-lake", Prefix=f"raw/orgId={strict.org_id}/date=")["Contents"]
    [key] = [one["Key"] for one in mine if "/type=account/" in one["Key"]]
    assert key.endswith(f"/type=account/{name}")
    assert s3.get_object(Bucket="their-lake", Key=key)["Body"].read() == content


def test_a_bucket_that_is_not_there_fails_the_job_with_an_event(strict: M3ter) -> None:
    destination: Any = strict.data_exports.destinations.create(
        bucket_name="no-such-bucket", iam_role_arn=ROLE, extra_body={"name": "Gone", "code": "gone"}
    )
    started = strict.data_exports.create_adhoc(
        source_type="OPERATIONAL",
        operational_data_types=["ACCOUNTS"],
        extra_body={"destinationIds": [destination.id]},
    )
    job = finished(strict, started.job_id)
    assert job.status == "FAILED"
    lenient = strict.copy(_extra_kwargs={"_strict_response_validation": False})  # dtActioned is null until then
    events = lenient.events.list(event_type="DataExportJobFailure").data or []
    [event] = [one for one in events if _detail(one)["jobId"] == job.id]
    assert "NoSuchBucket" in _detail(event)["message"]
    with pytest.raises(m3ter.BadRequestError, match="FAILED"):
        strict.data_exports.jobs.get_download_url(job.id)


def test_usage_is_exported_by_a_schedule(strict: M3ter) -> None:
    meter = strict.meters.create(
        code="calls",
        name="Calls",
        data_fields=[{"category": "MEASURE", "code": "tokens", "name": "Tokens", "unit": "1"}],
        derived_fields=[],
    )
    strict.accounts.create(code="metered", email_address="a@example.com", name="Metered")
    now = time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime())
    strict.usage.submit(
        measurements=[{"uid": "m-1", "meter": "calls", "account": "metered", "ts": now, "measure": {"tokens": 12.5}}]
    )
    schedule: Any = strict.data_exports.schedules.create(
        source_type="USAGE",
        time_period="TODAY",
        meter_ids=[meter.id],
        extra_body={"name": "Hourly", "code": "hourly", "scheduleType": "HOUR", "period": 1},
    )
    assert schedule.time_period == "TODAY"
    [first] = strict.data_exports.jobs.list(schedule_id=schedule.id)
    job = finished(strict, first.id)
    assert (job.status, job.schedule_id) == ("SUCCEEDED", schedule.id)
    [row] = rows(downloaded(strict, job.id))
    assert (row["uid"], row["meterCode"], row["accountCode"], row["measure.tokens"]) == (
        "m-1",
        "calls",
        "metered",
        "12.5",
    )


def test_destinations_and_schedules_are_kept(strict: M3ter) -> None:
    destinations, schedules = strict.data_exports.destinations, strict.data_exports.schedules
    made: Any = destinations.create(
        bucket_name="google-lake",
        project_number="1",
        pool_id="p",
        provider_id="q",
        destination_type="GCS",
        extra_body={"name": "Google", "code": "google"},
    )
    assert made.destination_type == "GCS"
    changed: Any = destinations.update(
        made.id,
        bucket_name="other-lake",
        iam_role_arn=ROLE,
        partition_order="TYPE_FIRST",
        version=made.version,
        extra_body={"name": "Amazon", "code": "google"},
    )
    assert (changed.destination_type, changed.bucket_name, changed.version) == ("S3", "other-lake", 2)
    schedule: Any = schedules.create(
        source_type="OPERATIONAL",
        operational_data_types=["PLANS"],
        extra_body={"name": "Nightly", "code": "nightly", "cronExpression": "0 3 * * *", "destinationIds": [made.id]},
    )
    assert schedule.operational_data_types == ["PLANS"]
    [listed] = schedules.list(ids=[schedule.id])
    assert (listed.cron_expression, listed.destination_ids, listed.code) == ("0 3 * * *", [made.id], "nightly")
    with pytest.raises(m3ter.BadRequestError, match="nightly"):
        destinations.delete(made.id)
    replaced: Any = schedules.update(
        schedule.id,
        source_type="OPERATIONAL",
        operational_data_types=["PLANS", "METERS"],
        version=schedule.version,
        extra_body={"name": "Nightly", "code": "nightly", "scheduleType": "DAY", "period": 2, "offset": 3},
    )
    assert replaced.operational_data_types == ["PLANS", "METERS"]
    read: Any = schedules.retrieve(schedule.id)
    assert read.version == 2
    assert schedules.delete(schedule.id).id == schedule.id
    assert destinations.retrieve(made.id).id in {one.id for one in destinations.list()}
    assert destinations.delete(made.id).id == made.id
    with pytest.raises(m3ter.BadRequestError, match="iamRoleArn"):
        destinations.create(bucket_name="lake", iam_role_arn="nobody", extra_body={"name": "No", "code": "no"})


def _detail(event: Any) -> dict[str, Any]:
    return dict(event.m3ter_event)


def _keys() -> dict[str, str]:
    return {
        "aws_access_key_id": CREDENTIALS["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    }

"""Statements through the official SDK: made on approval, asked for, listed, downloaded."""

import csv
import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import httpx
import m3ter
import pytest
from m3ter import M3ter

WAIT_SECONDS = 60


@dataclass(frozen=True)
class Billed:
    """An approved bill, and the meter its usage came from."""

    bill_id: str
    meter_id: str


def until(read: Callable[[], Any], done: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + WAIT_SECONDS
    while not done(answer := read()):
        assert time.monotonic() < deadline, answer
        time.sleep(0.1)
    return answer


@pytest.fixture(scope="module")
def billed(client: M3ter) -> Billed:
    """The bill that the tests look at and leave as it is."""
    return bill_of(client, "stm")


def bill_of(client: M3ter, prefix: str) -> Billed:
    """Two regions' usage in November 2023, billed by the month and approved; the account wants weekly statements."""
    product = client.products.create(code=f"{prefix}_product", name="Storage")
    meter = client.meters.create(
        code=f"{prefix}_meter",
        name="Storage",
        product_id=product.id,
        data_fields=[
            {"category": "MEASURE", "code": "bytes", "name": "Bytes", "unit": "By"},
            {"category": "WHERE", "code": "region", "name": "Region"},
        ],
        derived_fields=[],
    )
    aggregation = client.aggregations.create(
        code=f"{prefix}_bytes",
        name="Bytes",
        meter_id=meter.id,
        target_field="bytes",
        aggregation="SUM",
        quantity_per_unit=1,
        rounding="NONE",
        unit="By",
    )
    template = client.plan_templates.create(
        name="Storage", product_id=product.id, currency="USD", bill_frequency="MONTHLY", standing_charge=0
    )
    plan = client.plans.create(code=f"{prefix}_plan", name="Storage", plan_template_id=template.id)
    client.pricings.create(
        plan_id=plan.id,
        aggregation_id=aggregation.id,
        start_date="2023-11-01T00:00:00Z",
        pricing_bands=[{"lower_limit": 0, "fixed_price": 0, "unit_price": 0.5}],
    )
    definition = client.statements.statement_definitions.create(
        name="Weekly by region",
        aggregation_frequency="WEEK",
        dimensions=[{"name": "region", "filter": ["*"], "meter_id": meter.id}],
        measures=[{"name": "bytes", "aggregations": ["MAX"], "meter_id": meter.id}],
        include_price_per_unit=True,
    )
    account = client.accounts.create(
        code=f"{prefix}_account",
        name="Acme Ltd",
        email_address="billing@example.com",
        statement_definition_id=definition.id,
        auto_generate_statement_mode="JSON_AND_CSV",
    )
    client.account_plans.create(account_id=account.id, plan_id=plan.id, start_date="2023-11-01T00:00:00Z")
    used = (("2023-11-01T10:00:00Z", 10, "UK"), ("2023-11-05T23:59:59Z", 5, "UK"), ("2023-11-06T00:00:00Z", 7, "FR"))
    client.usage.submit(
        measurements=[
            {
                "uid": f"{prefix}-{moment}",
                "meter": f"{prefix}_meter",
                "account": f"{prefix}_account",
                "ts": moment,
                "measure": {"bytes": amount},
                "where": {"region": region},
            }
            for moment, amount, region in used
        ]
    )
    job = client.bill_jobs.create(
        account_ids=[account.id], billing_frequency="MONTHLY", last_date_in_billing_period=date(2023, 11, 30)
    )
    done = until(lambda: client.bill_jobs.retrieve(job.id or ""), lambda it: it.status == "COMPLETE")
    (bill_id,) = done.bill_ids
    client.bills.approve(bill_ids=[bill_id])
    return Billed(bill_id, meter.id)


def complete(client: M3ter, job_id: str) -> Any:
    return until(
        lambda: client.statements.statement_jobs.retrieve(job_id),
        lambda job: job.statement_job_status not in {"PENDING", "RUNNING"},
    )


def test_approval_makes_the_statement_that_the_account_wants(client: M3ter, billed: Billed) -> None:
    bill = until(lambda: client.bills.retrieve(billed.bill_id), lambda it: it.csv_statement_generated)
    assert bill.json_statement_generated
    assert not bill.statement_stale
    (job, *_) = client.statements.statement_jobs.list(bill_id=billed.bill_id)
    assert (job.statement_job_status, job.json_statement_status) == ("COMPLETE", "LATEST")
    url = client.statements.get_json(billed.bill_id).download_url
    line = httpx.get(str(url)).raise_for_status().json()["lineItems"][0]
    assert [(row["start"], row["end"], row["dimensions"], row["measures"]) for row in line["usage"]] == [
        ("2023-11-01T00:00:00Z", "2023-11-06T00:00:00Z", {"region": "UK"}, {"bytes": {"SUM": 15, "MAX": 10}}),
        ("2023-11-06T00:00:00Z", "2023-11-13T00:00:00Z", {"region": "FR"}, {"bytes": {"SUM": 7, "MAX": 7}}),
    ]
    assert line["quantity"] == sum(row["measures"]["bytes"]["SUM"] for row in line["usage"])
    assert line["quantityNotOnBill"] == 0


def test_csv_is_made_when_asked_for(client: M3ter, billed: Billed) -> None:
    url = client.statements.create_csv(billed.bill_id).download_url
    answer = httpx.get(str(url)).raise_for_status()
    assert answer.headers["content-disposition"] == f'attachment; filename="statement-{billed.bill_id}.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["region"], row["bytes SUM"], row["price per unit"]) for row in rows if row["bytes SUM"]] == [
        ("UK", "15", "0.5"),
        ("FR", "7", "0.5"),
    ]
    assert client.statements.get_csv(billed.bill_id).download_url


def test_jobs_are_made_in_batches_and_listed(client: M3ter, billed: Billed) -> None:
    (job,) = client.statements.statement_jobs.create_batch(
        bill_ids=[billed.bill_id], include_csv_format=False, filters={"meter_ids": [billed.meter_id]}
    )
    done = complete(client, job.id)
    assert done.presigned_csv_statement_url is None
    statement = httpx.get(str(done.presigned_json_statement_url)).raise_for_status().json()
    assert [line["meterCode"] for line in statement["lineItems"]] == ["stm_meter"]
    assert job.id in [found.id for found in client.statements.statement_jobs.list(status="COMPLETE")]
    assert job.id not in [found.id for found in client.statements.statement_jobs.list(active="true")]


def test_two_filters_of_the_list_are_refused(client: M3ter, billed: Billed) -> None:
    with pytest.raises(m3ter.BadRequestError, match="only one of"):
        client.statements.statement_jobs.list(status="COMPLETE", bill_id=billed.bill_id)


def test_a_complete_job_cannot_be_cancelled(client: M3ter, billed: Billed) -> None:
    job = client.statements.statement_jobs.create(bill_id=billed.bill_id)
    complete(client, job.id)
    with pytest.raises(m3ter.BadRequestError, match="COMPLETE"):
        client.statements.statement_jobs.cancel(job.id)


def test_an_unknown_bill_has_no_statement(client: M3ter) -> None:
    with pytest.raises(m3ter.NotFoundError):
        client.statements.get_json("00000000-0000-7000-8000-000000000000")


def test_usage_that_came_after_the_lock_is_told_apart(client: M3ter) -> None:
    locked = bill_of(client, "late")
    client.bills.lock(locked.bill_id)
    late = {"uid": "late", "meter": "late_meter", "account": "late_account", "ts": "2023-11-20T00:00:00Z"}
    client.usage.submit(measurements=[{**late, "measure": {"bytes": 3}, "where": {"region": "FR"}}])
    job = client.statements.statement_jobs.create(bill_id=locked.bill_id, include_csv_format=True)
    done = complete(client, job.id)
    line = httpx.get(str(done.presigned_json_statement_url)).raise_for_status().json()["lineItems"][0]
    assert sum(row["measures"]["bytes"]["SUM"] for row in line["usage"]) == 25
    assert (line["quantity"], line["quantityNotOnBill"]) == (22, 3)
    rows = csv.DictReader(io.StringIO(httpx.get(str(done.presigned_csv_statement_url)).raise_for_status().text))
    assert {row["quantity not on bill"] for row in rows if row["line item id"] == line["lineItemId"]} == {"3"}

"""What changes and ends, method by method: updates, deletions, locks and cancellations through the official SDK."""

import time
from collections.abc import Callable
from datetime import date
from typing import Any

import httpx
import m3ter
import pytest
from m3ter import M3ter

from tests.conformance.subscribed import subscribed

WAIT_SECONDS = 60
BANDS: Any = [{"lower_limit": 0, "fixed_price": 0, "unit_price": 1}]
START = "2023-01-01T00:00:00Z"


def waited(read: Callable[[], Any]) -> Any:
    """What `read` answers once it answers anything."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not (found := read()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


def lenient(client: M3ter) -> M3ter:
    """For answers that the SDK's own types describe wrongly; see docs/compatibility.md."""
    return client.copy(_extra_kwargs={"_strict_response_validation": False})


def test_a_catalogue_is_changed_and_taken_apart(strict: M3ter) -> None:
    product = strict.products.create(code="changed", name="Changed")
    fields: Any = [{"category": "MEASURE", "code": "calls", "name": "Calls", "unit": "call"}]
    meter = strict.meters.create(
        code="changed", name="Calls", product_id=product.id, data_fields=fields, derived_fields=[]
    )
    renamed = strict.meters.update(
        meter.id,
        code="changed",
        name="API calls",
        product_id=product.id,
        data_fields=fields,
        derived_fields=[],
        version=meter.version,
    )
    assert (renamed.name, renamed.version) == ("API calls", 2)
    summed: Any = {
        "meter_id": meter.id,
        "target_field": "calls",
        "aggregation": "SUM",
        "quantity_per_unit": 1,
        "rounding": "NONE",
        "unit": "call",
        "code": "changed",
    }
    aggregation = strict.aggregations.create(name="Calls", **summed)
    maximum = strict.aggregations.update(
        aggregation.id, name="Peak", **{**summed, "aggregation": "MAX"}, version=aggregation.version
    )
    assert (maximum.name, maximum.aggregation) == ("Peak", "MAX")
    monthly: Any = {"product_id": product.id, "currency": "USD", "bill_frequency": "MONTHLY"}
    template = strict.plan_templates.create(name="Monthly", standing_charge=20, **monthly)
    dearer = strict.plan_templates.update(
        template.id, name="Monthly", standing_charge=30, version=template.version, **monthly
    )
    assert dearer.standing_charge == 30
    plan = strict.plans.create(code="changed", name="Basic", plan_template_id=template.id)
    better = strict.plans.update(
        plan.id, code="changed", name="Better", plan_template_id=template.id, minimum_spend=5, version=plan.version
    )
    assert (better.name, better.minimum_spend) == ("Better", 5)
    priced: Any = {"plan_id": plan.id, "aggregation_id": aggregation.id, "start_date": START}
    pricing = strict.pricings.create(pricing_bands=BANDS, **priced)
    cheaper = strict.pricings.update(
        pricing.id,
        pricing_bands=[{"lower_limit": 0, "fixed_price": 0, "unit_price": 0.25}],
        version=pricing.version,
        **priced,
    )
    assert cheaper.pricing_bands is not None
    assert cheaper.pricing_bands[0].unit_price == 0.25
    account = strict.accounts.create(code="changed", name="Changed", email_address="a@example.com")
    on: Any = {"account_id": account.id, "plan_id": plan.id, "start_date": START}
    attached = strict.account_plans.create(**on)
    ended = strict.account_plans.update(
        attached.id, end_date="2023-02-01T00:00:00Z", version=attached.version or 0, **on
    )
    assert ended.end_date is not None
    with pytest.raises(m3ter.BadRequestError, match=r"accountPlan"):
        strict.plans.delete(plan.id)
    strict.account_plans.delete(attached.id)
    for resource, made in (
        (strict.pricings, pricing),
        (strict.plans, plan),
        (strict.plan_templates, template),
        (strict.aggregations, aggregation),
        (strict.meters, meter),
        (strict.products, product),
    ):
        assert resource.delete(made.id).id == made.id
        with pytest.raises(m3ter.NotFoundError):
            resource.retrieve(made.id)


def test_currencies_rules_and_definitions_are_changed_and_deleted(strict: M3ter) -> None:
    currency = strict.currencies.create(name="Yen", code="JPY", max_decimal_places=0, rounding_mode="HALF_UP")
    archived = strict.currencies.update(
        currency.id, name="Japanese yen", code="JPY", archived=True, max_decimal_places=0, version=currency.version
    )
    assert (archived.name, archived.archived) == ("Japanese yen", True)
    assert strict.currencies.delete(currency.id).id == currency.id

    meter = strict.meters.create(
        code="told",
        name="Told",
        data_fields=[{"category": "MEASURE", "code": "n", "name": "N", "unit": "1"}],
        derived_fields=[],
    )
    definitions = strict.statements.statement_definitions
    measures: Any = [{"name": "n", "aggregations": ["SUM"], "meter_id": meter.id}]
    definition = definitions.create(name="Daily", aggregation_frequency="DAY", measures=measures)
    weekly = definitions.update(
        definition.id, name="Weekly", aggregation_frequency="WEEK", measures=measures, version=definition.version
    )
    assert weekly.aggregation_frequency == "WEEK"
    assert definitions.delete(definition.id).id == definition.id


def test_rules_and_where_they_are_told_are_changed_and_deleted(strict: M3ter) -> None:
    said: Any = {"code": "told", "description": "A bill", "event_name": "billing.bill.updated"}
    rule = strict.notification_configurations.create(name="Bills", calculation="new.billTotal > 1", **said)
    louder = strict.notification_configurations.update(
        rule.id, name="Big bills", calculation="new.billTotal > 9", version=rule.version, **said
    )
    assert (louder.name, louder.calculation) == ("Big bills", "new.billTotal > 9")
    credentials: Any = {"type": "M3TER_SIGNED_REQUEST", "api_key": "key", "secret": "hush"}
    where: Any = {"description": "Takes notifications", "credentials": credentials}
    webhook = strict.webhooks.create(name="Receiver", url="http://127.0.0.1:9/", **where)
    moved = strict.webhooks.update(
        webhook.id, name="Receiver", url="http://127.0.0.1:9/other", version=webhook.version, **where
    )
    assert moved.url == "http://127.0.0.1:9/other"
    assert [one.id for one in strict.webhooks.list(ids=[webhook.id])] == [webhook.id]
    link: Any = {
        "entity_type": "Notification",
        "entity_id": rule.id,
        "destination": "Webhook",
        "destination_id": webhook.id,
        "config_data": {},
    }
    links = strict.integration_configurations
    made = links.create(name="Tell", **link)
    read = lenient(strict).integration_configurations.retrieve(made.id)  # the SDK takes it for a run of one
    assert read.entity_id == rule.id
    assert links.update(made.id, name="Tell all", version=made.version, **link).id == made.id
    with pytest.raises(m3ter.BadRequestError, match="Tell all"):
        strict.webhooks.delete(webhook.id)
    assert links.delete(made.id).id == made.id
    assert strict.webhooks.delete(webhook.id).id == webhook.id
    assert strict.notification_configurations.delete(rule.id).id == rule.id


@pytest.fixture(scope="module")
def account_id(strict: M3ter) -> str:
    """An account that has been on a plan of 20.00 a month since 2023."""
    return subscribed(strict, "billed", START)


def bill_of(client: M3ter, account_id: str, last: date) -> str:
    job = client.bill_jobs.create(
        account_ids=[account_id], billing_frequency="MONTHLY", last_date_in_billing_period=last
    )

    def done() -> Any:
        read = client.bill_jobs.retrieve(job.id)
        return read if read.status == "COMPLETE" else None

    ids = waited(done).bill_ids
    assert ids
    return str(ids[0])


def test_a_bill_is_listed_approved_recalculated_locked_and_deleted(strict: M3ter, account_id: str) -> None:
    bill_id = bill_of(strict, account_id, date(2023, 5, 31))
    [listed] = strict.bills.list(ids=[bill_id], include_bill_total=True)
    assert (listed.status, listed.bill_total, listed.account_id) == ("PENDING", 20, account_id)
    [line] = strict.bills.line_items.list(bill_id)
    assert line.id
    assert strict.bills.line_items.retrieve(line.id, bill_id=bill_id).subtotal == 20
    latest = strict.bills.latest_by_account(account_id)
    assert latest.end_date is not None
    assert listed.end_date is not None
    assert latest.end_date >= listed.end_date
    assert strict.bills.update_status(bill_id, status="APPROVED").status == "APPROVED"
    again = strict.bill_jobs.recalculate(bill_ids=[bill_id])
    waited(lambda: strict.bill_jobs.retrieve(again.id).status == "COMPLETE")
    assert again.id in {one.id for one in strict.bill_jobs.list()}
    with pytest.raises(m3ter.BadRequestError):
        strict.bill_jobs.cancel(again.id)
    assert strict.bills.retrieve(bill_id).status == "PENDING"
    strict.bills.update_status(bill_id, status="APPROVED")
    assert strict.bills.lock(bill_id).locked is True
    with pytest.raises(m3ter.BadRequestError, match="locked"):
        strict.bills.delete(bill_id)
    other = bill_of(strict, account_id, date(2023, 6, 30))
    assert strict.bills.delete(other).id == other
    with pytest.raises(m3ter.NotFoundError):
        strict.bills.retrieve(other)


def test_a_job_is_cancelled_while_it_waits(strict: M3ter, account_id: str) -> None:
    """A job is over within moments; one that is caught in time is cancelled, and its answer says so."""

    def cancelled() -> Any:
        job = strict.bill_jobs.create(
            account_ids=[account_id], billing_frequency="MONTHLY", last_date_in_billing_period=date(2023, 8, 31)
        )
        try:
            return strict.bill_jobs.cancel(job.id)
        except m3ter.BadRequestError:
            return None  # over already

    assert waited(cancelled).status == "CANCELLED"


def test_bills_up_to_a_day_are_locked(strict: M3ter) -> None:
    config = strict.bill_config.retrieve()
    changed = strict.bill_config.update(bill_lock_date=date(2022, 1, 31), version=config.version or 0)
    assert changed.bill_lock_date == date(2022, 1, 31)
    assert strict.bill_config.retrieve().bill_lock_date == date(2022, 1, 31)


def test_a_statement_job_is_cancelled_while_it_waits(strict: M3ter, account_id: str) -> None:
    bill_id = bill_of(strict, account_id, date(2023, 9, 30))
    jobs = strict.statements.statement_jobs

    def cancelled() -> Any:
        job = jobs.create(bill_id=bill_id)
        assert job.id
        try:
            return jobs.cancel(job.id)
        except m3ter.BadRequestError:
            return None  # over already

    assert waited(cancelled).statement_job_status == "CANCELLED"


def test_measurements_are_sent_in_lots_and_what_failed_is_downloaded(strict: M3ter) -> None:
    strict.meters.create(
        code="lots",
        name="Lots",
        data_fields=[{"category": "MEASURE", "code": "n", "name": "N", "unit": "1"}],
        derived_fields=[],
    )
    rows: Any = [
        {"uid": f"lot-{number}", "meter": "lots", "account": "lots", "ts": "2023-01-02T00:00:00Z", "measure": {"n": 1}}
        for number in range(1_500)
    ]
    rows.append({**rows[0], "uid": "lot-bad", "measure": {"other": 1}})
    assert [answer.result for answer in strict.usage.submit_all(measurements=rows)] == ["accepted", "accepted"]

    def failed() -> Any:
        return lenient(strict).events.list(event_type="IngestValidationFailure").data

    [event] = waited(failed)
    url = event.m3ter_event["getDownloadUrl"]
    assert url.startswith(
        f"{str(strict.base_url).rstrip('/')}/organizations/{strict.org_id}/measurements/failedIngest/"
    )
    file = httpx.URL(url).params["file"]
    link = strict.usage.get_failed_ingest_download_url(file=file)
    assert link.url
    assert httpx.get(link.url).json()["measurement"]["uid"] == "lot-bad"


def test_a_query_of_ones_own_is_billed(strict: M3ter) -> None:
    product = strict.products.create(code="queried", name="Queried")
    fields: Any = [
        {"category": "MEASURE", "code": "tokens", "name": "Tokens", "unit": "1"},
        {"category": "WHERE", "code": "region", "name": "Region"},
    ]
    meter = strict.meters.create(
        code="queried", name="Queried", product_id=product.id, data_fields=fields, derived_fields=[]
    )
    asked: Any = {
        "meter_id": meter.id,
        "target_field": "tokens",
        "aggregation": "CUSTOM_SQL",
        "quantity_per_unit": 1,
        "rounding": "NONE",
        "unit": "token",
        "name": "Peaks",
    }
    with pytest.raises(m3ter.BadRequestError, match="customSql"):
        strict.aggregations.create(**asked)
    refused = {
        "DROP TABLE measurements": "one SELECT",
        "SELECT random()": "calculated again",
        "SELECT sum(peak) FROM measurements": "peak",
        "SELECT len(range(600000000))": "memory",
    }
    for sql, word in refused.items():
        with pytest.raises(m3ter.BadRequestError, match=f"customSql.*{word}"):
            strict.aggregations.create(**asked, custom_sql=sql)
    peaks = (
        "SELECT sum(peak) FROM (SELECT max(tokens) AS peak FROM measurements GROUP BY region, date_trunc('day', ts))"
    )
    aggregation = strict.aggregations.create(**asked, custom_sql=peaks)
    assert aggregation.custom_sql == peaks
    template = strict.plan_templates.create(
        name="Monthly", product_id=product.id, currency="USD", bill_frequency="MONTHLY", standing_charge=0
    )
    plan = strict.plans.create(code="queried", name="Queried", plan_template_id=template.id)
    strict.pricings.create(plan_id=plan.id, aggregation_id=aggregation.id, start_date=START, pricing_bands=BANDS)
    account = strict.accounts.create(code="queried", name="Queried", email_address="billing@example.com")
    strict.account_plans.create(account_id=account.id, plan_id=plan.id, start_date=START)
    rows: Any = [
        {
            "uid": f"q-{number}",
            "meter": "queried",
            "account": "queried",
            "ts": f"2023-04-{day:02d}T10:00:00Z",
            "measure": {"tokens": tokens},
            "where": {"region": region},
        }
        for number, (day, tokens, region) in enumerate(((1, 2.5, "eu"), (1, 1, "eu"), (1, 4, "us"), (2, 3, "eu")))
    ]
    strict.usage.submit(measurements=rows)
    bill = strict.bills.retrieve(bill_of(strict, account.id, date(2023, 4, 30)))
    [usage] = [line for line in bill.line_items if line.line_item_type == "USAGE"]
    assert (usage.quantity, usage.subtotal) == (9.5, 9.5)

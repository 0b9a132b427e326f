"""Bill jobs from request to bill."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.application.billing.world import World
from usance.application.billing.run_message import ATTEMPTS_MAX, DELIVERIES_MAX, run_message
from usance.application.ports.entities import Page
from usance.domain.kernel.errors import UnavailableError


@pytest.fixture
def world() -> World:
    return World()


def lines(bill: dict[str, Any]) -> list[tuple[str, str]]:
    return [(line["lineItemType"], str(line["convertedSubtotal"])) for line in bill["lineItems"]]


def test_a_job_bills_usage_and_the_standing_charge(world: World) -> None:
    account = world.subscribe()
    world.use(account, "2025-12-01T00:00:00Z", "1.5")
    world.use(account, "2025-12-31T23:59:59Z", 2)
    world.use(account, "2026-01-01T00:00:00Z", 100)
    job = world.run()
    assert (job["status"], job["total"], job["pending"], job["type"]) == ("COMPLETE", 1, 0, "CREATE")
    bill = world.bill(job)
    assert lines(bill) == [("USAGE", "3.50"), ("STANDING_CHARGE", "20.00")]
    assert str(bill["billTotal"]) == "23.50"


def test_a_bill_has_the_fields_of_the_api(world: World) -> None:
    account = world.subscribe()
    world.use(account, "2025-12-05T00:00:00Z", 7)
    job = world.run()
    bill = world.bill(job)
    line = bill.pop("lineItems")[0]
    assert bill == {
        "id": job["billIds"][0],
        "version": 1,
        "orgId": world.org.id,
        "accountId": account["id"],
        "accountCode": account["code"],
        "startDate": "2025-12-01",
        "endDate": "2026-01-01",
        "startDateTimeUTC": "2025-12-01T00:00:00.000000Z",
        "endDateTimeUTC": "2026-01-01T00:00:00.000000Z",
        "billDate": "2026-01-01",
        "dueDate": "2026-01-02",
        "externalInvoiceDate": "2026-01-01",
        "billingFrequency": "MONTHLY",
        "billFrequencyInterval": 1,
        "timezone": "UTC",
        "currency": "USD",
        "currencyConversions": [],
        "billTotal": Decimal("27.00"),
        "status": "PENDING",
        "locked": False,
        "billJobId": job["id"],
        "createdDate": "2026-01-15T12:00:00.000000Z",
        "lastCalculatedDate": "2026-01-15T12:00:00.000000Z",
        "jsonStatementGenerated": False,
        "csvStatementGenerated": False,
        "statementStale": False,
        "dtCreated": "2026-01-15T12:00:00.000000Z",
        "dtLastModified": "2026-01-15T12:00:00.000000Z",
        "createdBy": "SERVICE_USER_99999999-9999-7999-8999-999999999999",
        "lastModifiedBy": "SERVICE_USER_99999999-9999-7999-8999-999999999999",
    }
    product = world.org.store.get(world.org.id, "product", line["productId"])
    assert product is not None
    band = line.pop("usagePerPricingBand")[0]
    assert line.pop("pricingId")
    assert line.pop("id")
    assert line == {
        "sequenceNumber": 1,
        "lineItemType": "USAGE",
        "description": "Tokens",
        "currency": "USD",
        "quantity": 7,
        "unit": "tokens",
        "units": 7,
        "averageUnitPrice": 1,
        "subtotal": Decimal("7.00"),
        "conversionRate": 1,
        "convertedSubtotal": Decimal("7.00"),
        "servicePeriodStartDate": "2025-12-01T00:00:00.000000Z",
        "servicePeriodEndDate": "2026-01-01T00:00:00.000000Z",
        "planId": world.plan["id"],
        "aggregationId": world.aggregation["id"],
        "meterId": world.aggregation["meterId"],
        "productId": product["id"],
        "productName": product["name"],
        "productCode": product["code"],
        "accountingProductId": product["id"],
        "accountingProductName": product["name"],
        "accountingProductCode": product["code"],
    }
    assert band.pop("pricingBandId")
    assert band == {
        "lowerLimit": 0,
        "fixedPrice": 0,
        "unitPrice": 1,
        "bandUnits": 7,
        "bandQuantity": 7,
        "unitSubtotal": 7,
        "bandSubtotal": 7,
        "convertedBandSubtotal": 7,
    }


def test_line_items_are_listed_under_their_other_names(world: World) -> None:
    account = world.subscribe()
    world.use(account, "2025-12-05T00:00:00Z", 7)
    bill = world.bill(world.run())
    first = world.get(f"/bills/{bill['id']}/lineitems", pageSize=1)
    second = world.get(f"/bills/{bill['id']}/lineitems", pageSize=1, nextToken=first["nextToken"])
    assert [page["data"][0]["lineItemType"] for page in (first, second)] == ["USAGE", "STANDING_CHARGE"]
    assert second["nextToken"] is None
    line = first["data"][0]
    assert line["bandUsage"] == bill["lineItems"][0]["usagePerPricingBand"]
    assert "usagePerPricingBand" not in line
    assert (line["billId"], line["version"], line["jsonUsageGenerated"]) == (bill["id"], 1, True)
    assert world.get(f"/bills/{bill['id']}/lineitems/{line['id']}") == line
    assert world.client.get(f"/bills/{bill['id']}/lineitems/none").status == 404


def test_without_account_ids_every_account_is_billed(world: World) -> None:
    world.subscribe()
    world.subscribe()
    world.org.make("account")  # on no plan: done, with no bill
    job = world.run()
    assert (job["total"], job["pending"], len(job["billIds"])) == (3, 0, 2)


def test_account_ids_choose(world: World) -> None:
    first, _ = world.subscribe(), world.subscribe()
    job = world.run(accountIds=[first["id"]])
    assert world.bill(job)["accountId"] == first["id"]


def test_a_frequency_chooses(world: World) -> None:
    account = world.subscribe()
    world.subscribe(account=account, template={"billFrequency": "WEEKLY"})
    job = world.run(billingFrequency="WEEKLY")
    assert world.bill(job)["billingFrequency"] == "WEEKLY"
    assert len(world.run()["billIds"]) == 2
    assert world.run(billFrequencyInterval=2)["billIds"] == []


def test_without_a_date_the_period_of_yesterday_is_billed(world: World) -> None:
    world.subscribe()
    job = world.post("/billjobs")
    assert job["lastDateInBillingPeriod"] == "2026-01-14"
    job = world.post("/billjobs", {"billDate": "2026-01-01"})
    assert job["lastDateInBillingPeriod"] == "2025-12-31"


def test_running_again_updates_the_bill_in_place(world: World) -> None:
    account = world.subscribe()
    first = world.bill(world.run())
    world.use(account, "2025-12-05T00:00:00Z", 7)
    world.clock.advance(hours=1)
    job = world.run()
    second = world.bill(job)
    assert (second["id"], second["version"], str(second["billTotal"])) == (first["id"], 2, "27.00")
    assert (second["billJobId"], second["createdDate"]) == (job["id"], first["createdDate"])
    assert second["lastCalculatedDate"] > first["lastCalculatedDate"]


def test_the_same_inputs_give_the_same_bill_byte_for_byte(world: World) -> None:
    account = world.subscribe()
    world.use(account, "2025-12-05T00:00:00Z", "7.10")
    bill_id = world.run()["billIds"][0]
    before = world.bills.lines[world.org.id, bill_id]
    world.bills.headers.clear()
    world.bills.lines.clear()
    assert world.run()["billIds"] == [bill_id]
    assert world.bills.lines[world.org.id, bill_id] == before


def test_a_redelivered_message_changes_and_counts_nothing(world: World) -> None:
    world.subscribe()
    job = world.post("/billjobs", {"lastDateInBillingPeriod": "2025-12-31"})
    (expand,) = [message for message, _ in world.queue.take()]
    for _ in range(2):
        run_message(world.bench, {}, expand)
    account_messages = [message for message, _ in world.queue.take()]
    assert len(account_messages) == 2
    run_message(world.bench, {}, account_messages[0])
    writes = world.bills.writes
    run_message(world.bench, {}, account_messages[1])
    run_message(world.bench, {}, expand)
    assert world.bills.writes == writes
    done = world.get(f"/billjobs/{job['id']}")
    assert (done["status"], done["total"], done["pending"]) == ("COMPLETE", 1, 0)


def test_a_message_that_failed_finishes_the_job_when_it_comes_again(world: World) -> None:
    world.subscribe()
    job = world.post("/billjobs", {"lastDateInBillingPeriod": "2025-12-31"})
    world.usage.outages = 1
    (expand,) = [message for message, _ in world.queue.take()]
    run_message(world.bench, {}, expand)
    (message,) = [message for message, _ in world.queue.take()]
    with pytest.raises(UnavailableError):
        run_message(world.bench, {}, message)
    assert world.get(f"/billjobs/{job['id']}")["pending"] == 1
    run_message(world.bench, {}, message)
    assert world.get(f"/billjobs/{job['id']}")["status"] == "COMPLETE"


def test_what_fails_for_good_becomes_an_event_and_the_job_still_ends(world: World) -> None:
    world.subscribe()
    world.usage.outages = 99
    created = world.post("/billjobs", {"lastDateInBillingPeriod": "2025-12-31"})
    world.drain(delivery=ATTEMPTS_MAX)
    assert world.get(f"/billjobs/{created['id']}")["status"] == "COMPLETE"
    (event,) = world.events.events("billing.job.failure")
    assert "given up" in event.detail["eventData"]["message"]


def test_an_account_that_killed_every_attempt_is_given_up_and_the_job_still_ends(world: World) -> None:
    world.subscribe()
    created = world.post("/billjobs", {"lastDateInBillingPeriod": "2025-12-31"})
    world.drain(delivery=DELIVERIES_MAX)
    assert (world.get(f"/billjobs/{created['id']}")["status"], world.usage.reads) == ("COMPLETE", 0)
    (event,) = world.events.events("billing.job.failure")
    assert "memory or time" in event.detail["eventData"]["message"]
    assert len(world.run()["billIds"]) == 1


def test_an_account_that_cannot_be_billed_tells_why_and_the_others_are_billed(world: World) -> None:
    world.org.make("currency", code="EUR", name="Euro")
    failing = world.subscribe(template={"currency": "EUR"})
    world.use(failing, "2025-12-05T00:00:00Z", 7)
    world.subscribe()
    job = world.run()
    assert (job["status"], len(job["billIds"])) == ("COMPLETE", 1)
    (event,) = world.events.events("billing.job.failure")
    assert (event.account_id, event.resource_id) == (failing["id"], job["id"])
    assert event.detail["eventData"]["message"].startswith("currencyConversions has no rate from EUR to USD")


def test_a_currency_without_a_code_stops_no_bill(world: World) -> None:
    world.org.make("currency", name="Points", code=None)
    world.subscribe()
    assert len(world.run()["billIds"]) == 1


@pytest.mark.parametrize("value", ["9" * 38, "9" * 36])
def test_an_account_whose_amounts_have_too_many_digits_tells_so(world: World, value: str) -> None:
    failing = world.subscribe()
    world.use(failing, "2025-12-05T00:00:00Z", value)
    world.use(failing, "2025-12-06T00:00:00Z", "0.01")
    assert world.run()["status"] == "COMPLETE"
    (event,) = world.events.events("billing.job.failure")
    assert "more than 38 digits" in event.detail["eventData"]["message"]


def test_a_job_may_set_currency_conversion_and_dates(world: World) -> None:
    world.org.make("currency", code="EUR", name="Euro")
    account = world.subscribe(template={"currency": "EUR"})
    rate = {"from": "EUR", "to": "USD", "multiplier": Decimal("1.12")}
    bill = world.bill(
        world.run(
            currencyConversions=[rate],
            billDate="2026-01-05",
            dueDate="2026-02-01T00:00:00Z",
            externalInvoiceDate="2025-12-31",
        )
    )
    assert (bill["billDate"], bill["dueDate"], bill["externalInvoiceDate"]) == (
        "2026-01-05",
        "2026-02-01",
        "2025-12-31",
    )
    assert bill["currencyConversions"] == [rate]
    assert lines(bill) == [("STANDING_CHARGE", "22.40")]
    world.use(account, "2025-12-05T00:00:00Z", 100)
    job = world.post("/billjobs/recalculate", {"billIds": [bill["id"]]})
    world.drain()
    again = world.get(f"/bills/{bill['id']}")
    assert (again["billDate"], str(again["billTotal"])) == ("2026-01-05", "134.40")
    assert world.get(f"/billjobs/{job['id']}")["type"] == "RECALCULATE"


def test_dates_that_a_job_set_are_kept_until_another_job(world: World) -> None:
    world.configure(scheduledBillInterval=1)
    account = world.subscribe()
    (bill_id,) = world.run(lastDateInBillingPeriod="2026-01-31", dueDate="2026-06-01")["billIds"]
    world.use(account, "2026-01-10T00:00:00Z", 5)
    world.tick("2026-01-16T00:00:00Z")
    kept = world.get(f"/bills/{bill_id}")
    assert (kept["dueDate"], str(kept["billTotal"])) == ("2026-06-01", "25.00")
    world.run(lastDateInBillingPeriod="2026-01-31")
    assert world.get(f"/bills/{bill_id}")["dueDate"] == "2026-02-02"


def test_a_job_may_set_time_zone_currency_and_epoch(world: World) -> None:
    world.subscribe()
    rate = {"from": "USD", "to": "EUR", "multiplier": Decimal("0.5")}
    job = world.run(
        timezone="America/New_York", targetCurrency="EUR", currencyConversions=[rate], monthEpoch="2025-01-15"
    )
    bill = world.bill(job)
    assert (bill["startDateTimeUTC"], bill["endDate"]) == ("2025-12-15T05:00:00.000000Z", "2026-01-15")
    assert (bill["currency"], str(bill["billTotal"])) == ("EUR", "10.00")


@pytest.mark.parametrize("level", ["account", "accountPlan"])
def test_epochs_of_account_and_account_plan_come_before_the_organizations(world: World, level: str) -> None:
    epoch = {"billEpoch": "2025-06-15"}
    if level == "account":
        world.subscribe(account=world.org.make("account", **epoch))
    else:
        world.subscribe(**epoch)
    bill = world.bill(world.run(lastDateInBillingPeriod="2025-12-14"))
    assert (bill["startDate"], bill["endDate"]) == ("2025-11-15", "2025-12-15")


def test_bills_in_advance_begin_when_service_begins(world: World) -> None:
    world.subscribe(template={"standingChargeBillInAdvance": True}, startDate="2025-12-10T00:00:00Z")
    job = world.run()
    bills = {bill["billDate"]: lines(bill) for bill in (world.get(f"/bills/{id_}") for id_ in job["billIds"])}
    assert bills == {
        "2025-12-10": [("STANDING_CHARGE", "14.19")],
        "2026-01-01": [("STANDING_CHARGE", "20.00")],
    }


def test_the_first_bill_in_advance_is_made_up_for_but_never_made_twice(world: World) -> None:
    world.subscribe(template={"standingChargeBillInAdvance": True}, startDate="2025-12-01T00:00:00Z")
    first = world.run()
    assert len(first["billIds"]) == 2
    assert len(world.run()["billIds"]) == 1


def test_plan_settings_come_before_the_templates_and_these_before_the_organizations(world: World) -> None:
    world.configure(standingChargeBillInAdvance=True, minimumSpendBillInAdvance=True)
    world.subscribe(
        template={"standingCharge": 99, "minimumSpend": 50, "minimumSpendBillInAdvance": False},
        plan={"standingCharge": 7, "standingChargeBillInAdvance": False},
    )
    assert lines(world.bill(world.run())) == [("STANDING_CHARGE", "7.00"), ("MINIMUM_SPEND", "50.00")]


def test_a_plans_pricing_replaces_its_templates(world: World) -> None:
    account = world.subscribe()
    price = [{"lowerLimit": 0, "fixedPrice": 0, "unitPrice": 9}]
    world.price(world.aggregation["id"], planTemplateId=world.plan["planTemplateId"], pricingBands=price)
    world.use(account, "2025-12-05T00:00:00Z", 1)
    assert lines(world.bill(world.run()))[0] == ("USAGE", "1.00")


def test_tiers_that_span_the_plan_read_all_periods_at_once(world: World) -> None:
    account = world.subscribe(startDate="2025-10-01T00:00:00Z")
    bands = [
        {"lowerLimit": 0, "fixedPrice": 0, "unitPrice": Decimal("0.15")},
        {"lowerLimit": 500, "fixedPrice": 0, "unitPrice": Decimal("0.10")},
    ]
    spanning = world.org.make("aggregation", meterId=world.aggregation["meterId"])
    world.price(spanning["id"], planId=world.plan["id"], cumulative=True, tiersSpanPlan=True, pricingBands=bands)
    world.use(account, "2025-10-05T00:00:00Z", 300)
    world.use(account, "2025-11-05T00:00:00Z", 100)
    world.use(account, "2025-12-05T00:00:00Z", 500)
    assert lines(world.bill(world.run()))[:2] == [("USAGE", "500.00"), ("USAGE", "55.00")]
    assert world.usage.reads == 1


def test_segments_take_what_no_more_specific_one_claims(world: World) -> None:
    account = world.subscribe()
    segments = [{"region": "eu"}, {"region": "us"}, {"region": "*"}]
    by_region = world.org.make(
        "aggregation", meterId=world.aggregation["meterId"], segmentedFields=["region"], segments=segments
    )
    for segment in segments:
        world.price(by_region["id"], planId=world.plan["id"], segment=segment)
    for region, value in (("eu", 1), ("eu", 2), ("us", 10), ("jp", 100), ("br", 1000)):
        world.use(account, "2025-12-05T00:00:00Z", value, region=region)
    bill = world.bill(world.run())
    shown = [
        (line["segment"], line["description"], line["quantity"]) for line in bill["lineItems"] if "segment" in line
    ]
    assert shown == [
        ({"region": "eu"}, "Tokens (eu)", 3),
        ({"region": "us"}, "Tokens (us)", 10),
        ({"region": "*"}, "Tokens (*)", 1100),
    ]


@pytest.mark.parametrize(("method", "expected"), [("MEAN", "3.00"), ("MAX", "6.00"), ("COUNT", "4.00")])
def test_a_wildcard_segment_puts_its_groups_together(world: World, method: str, expected: str) -> None:
    account = world.subscribe()
    combined = world.org.make(
        "aggregation",
        meterId=world.aggregation["meterId"],
        aggregation=method,
        segmentedFields=["region"],
        segments=[{"region": "*"}],
    )
    world.price(combined["id"], planId=world.plan["id"], segment={"region": "*"})
    for region, value in (("eu", 1), ("eu", 2), ("eu", 3), ("us", 6)):
        world.use(account, "2025-12-05T00:00:00Z", value, region=region)
    assert lines(world.bill(world.run()))[1] == ("USAGE", expected)


def test_a_query_of_the_customers_own_sees_all_values_of_a_wildcard_segment_at_once(world: World) -> None:
    account = world.subscribe()
    own = world.org.make(
        "aggregation",
        meterId=world.aggregation["meterId"],
        aggregation="CUSTOM_SQL",
        customSql="SELECT max(tokens) - min(tokens) FROM measurements",
        segmentedFields=["region"],
        segments=[{"region": "*"}],
    )
    world.price(own["id"], planId=world.plan["id"], segment={"region": "*"})
    for region, value in (("eu", 1), ("us", 8)):
        world.use(account, "2025-12-05T00:00:00Z", value, region=region)
    assert lines(world.bill(world.run()))[1] == ("USAGE", "7.00")  # of all measurements the greatest less the least


def test_empty_bills_are_made_unless_they_are_suppressed(world: World) -> None:
    world.subscribe(template={"standingCharge": 0})
    assert str(world.bill(world.run())["billTotal"]) == "0.00"
    other = World()
    other.configure(suppressedEmptyBills=True)
    other.subscribe(template={"standingCharge": 0})
    assert other.run()["billIds"] == []


def test_bills_are_numbered_in_order_when_a_prefix_is_set(world: World) -> None:
    world.subscribe()
    assert "sequentialInvoiceNumber" not in world.bill(world.run(lastDateInBillingPeriod="2025-10-31"))
    world.configure(billPrefix="INVOICE-", sequenceStartNumber=100)
    first = world.bill(world.run(lastDateInBillingPeriod="2025-11-30"))
    second = world.bill(world.run())
    assert [bill["sequentialInvoiceNumber"] for bill in (first, second)] == ["INVOICE-101", "INVOICE-102"]
    assert world.bill(world.run())["sequentialInvoiceNumber"] == "INVOICE-102"


def test_due_date_and_purchase_order_come_from_the_account(world: World) -> None:
    world.subscribe(account=world.org.make("account", daysBeforeBillDue=30, purchaseOrderNumber="PO 7"))
    bill = world.bill(world.run())
    assert (bill["dueDate"], bill["purchaseOrderNumber"]) == ("2026-01-31", "PO 7")


def test_a_long_list_of_accounts_goes_on_in_a_message_of_its_own(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("usance.application.billing.expand_job.PAGE_ACCOUNTS", 1)
    monkeypatch.setattr("usance.application.billing.expand_job.PAGES_PER_MESSAGE", 2)
    for _ in range(5):
        world.subscribe()
    job = world.run()
    assert (job["status"], job["total"], len(job["billIds"])) == ("COMPLETE", 5, 5)


def test_a_job_of_a_hundred_thousand_accounts_is_cut_into_each_of_them_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids, real = [f"account-{n:06}" for n in range(100_000)], world.org.store.list_page

    def accounts(org_id: str, type_: str, **more: Any) -> Page:
        if type_ != "account":
            return real(org_id, type_, **more)
        start = int(more["next_token"] or 0)
        following = start + more["page_size"]
        token = str(following) if following < len(ids) else None
        return Page([{"id": id_} for id_ in ids[start:following]], token)

    monkeypatch.setattr(world.org.store, "list_page", accounts)
    job = world.post("/billjobs", {"lastDateInBillingPeriod": "2025-12-31"})
    found: list[str] = []
    cuts, waiting = 0, [message for message, _ in world.queue.take()]
    while waiting:
        message = waiting.pop()
        for _ in range(2):  # each comes twice
            run_message(world.bench, {}, message)
            sent = [one for one, _ in world.queue.take()]
            found += [one["accountId"] for one in sent if one["kind"] == "bill"]
            following = [one for one in sent if one["kind"] == "expand"]
        cuts, waiting = cuts + 1, waiting + following
    assert (cuts, len(found), sorted(set(found)) == ids) == (50, 200_000, True)
    running = world.get(f"/billjobs/{job['id']}")
    assert (running["status"], running["total"], running["pending"]) == ("RUNNING", 100_000, 100_000)
    for id_ in ids[1:]:
        world.stores.progress.finish_account(world.org.id, job["id"], id_, [])
    last = {"kind": "bill", "orgId": world.org.id, "jobId": job["id"], "accountId": ids[0]}
    run_message(world.bench, {}, last)
    ended = world.get(f"/billjobs/{job['id']}")
    assert (ended["status"], ended["total"], ended["pending"]) == ("COMPLETE", 100_000, 0)


def test_an_account_made_while_a_job_is_cut_takes_nobodys_place(world: World) -> None:
    accounts = [world.subscribe(), world.subscribe()]
    job = world.post("/billjobs", {"lastDateInBillingPeriod": "2025-12-31"})
    (expand,) = [message for message, _ in world.queue.take()]
    run_message(world.bench, {}, expand)
    world.queue.take()  # late, while the message that cut the job comes again
    world.subscribe()
    run_message(world.bench, {}, expand)
    world.drain()
    done = world.get(f"/billjobs/{job['id']}")
    assert (done["status"], done["total"], done["pending"]) == ("COMPLETE", 2, 0)
    assert {bill["accountId"] for bill in world.all_bills()} == {account["id"] for account in accounts}


def test_a_page_of_accounts_stays_as_it_was_cut(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("usance.application.billing.expand_job.PAGE_ACCOUNTS", 2)
    accounts = [world.subscribe() for _ in range(4)]
    job = world.post("/billjobs", {"lastDateInBillingPeriod": "2025-12-31"})
    (expand,) = [message for message, _ in world.queue.take()]
    run_message(world.bench, {}, expand)
    world.subscribe()  # every page would begin one account earlier now
    run_message(world.bench, {}, expand)
    world.drain()
    done = world.get(f"/billjobs/{job['id']}")
    assert (done["status"], done["total"]) == ("COMPLETE", 4)
    assert {bill["accountId"] for bill in world.all_bills()} == {account["id"] for account in accounts}


def test_a_bill_that_cannot_be_made_keeps_no_other_from_being_made(world: World) -> None:
    world.org.make("currency", code="EUR", name="Euro")
    account = world.subscribe(template={"currency": "EUR", "billFrequency": "ANNUALLY"})
    world.subscribe(account=account)
    job = world.run()
    assert world.bill(job)["billingFrequency"] == "MONTHLY"
    (event,) = world.events.events("billing.job.failure")
    assert "from EUR to USD" in event.detail["eventData"]["message"]


def test_two_requests_at_once_start_no_eleventh_job(world: World) -> None:
    for _ in range(9):
        world.post("/billjobs")
    listing, rivals = world.org.store.list_page, [True]

    def slow(org_id: str, type_: str, **more: Any) -> Any:
        page = listing(org_id, type_, **more)
        if type_ == "billJob" and rivals.pop() if rivals else False:
            world.post("/billjobs")
        return page

    world.org.store.list_page = slow  # type: ignore[method-assign]
    assert world.client.post("/billjobs").status == 429
    world.org.store.list_page = listing  # type: ignore[method-assign]
    assert len(world.get("/billjobs", active="true")["data"]) == 10


def test_ten_jobs_run_at_a_time(world: World) -> None:
    jobs = [world.post("/billjobs") for _ in range(10)]
    refused = world.client.post("/billjobs")
    assert (refused.status, refused.json["errorCode"]) == (429, "LIMIT_EXCEEDED")
    world.post(f"/billjobs/{jobs[0]['id']}/cancel")
    world.post("/billjobs")


def test_jobs_whose_messages_were_lost_take_no_place_after_half_a_day(world: World) -> None:
    """A process that is killed after it stored a job and before it sent its message leaves one that nobody runs."""
    lost = [world.post("/billjobs", {}) for _ in range(10)]
    world.queue.take()
    world.clock.instant += timedelta(hours=11, minutes=59)
    assert world.client.post("/billjobs", {}).status == 429
    world.clock.instant += timedelta(minutes=1)
    assert world.run()["status"] == "COMPLETE"
    assert {world.get(f"/billjobs/{job['id']}")["status"] for job in lost} == {"CANCELLED"}


def test_a_cancelled_job_bills_nobody_any_more(world: World) -> None:
    world.subscribe()
    job = world.post("/billjobs")
    assert world.post(f"/billjobs/{job['id']}/cancel")["status"] == "CANCELLED"
    world.drain()
    assert world.all_bills() == []
    again = world.client.post(f"/billjobs/{job['id']}/cancel")
    assert again.status == 200
    assert world.client.post("/billjobs/00000000-0000-7000-8000-00000000ffff/cancel").status == 404


def test_a_finished_job_cannot_be_cancelled(world: World) -> None:
    job = world.run()
    refused = world.client.post(f"/billjobs/{job['id']}/cancel")
    assert (refused.status, refused.json["message"].split(":")[0]) == (400, "status")


def test_jobs_are_listed_by_status(world: World) -> None:
    done = world.run()
    running = world.post("/billjobs")
    assert [job["id"] for job in world.get("/billjobs")["data"]] == [running["id"], done["id"]]
    assert [job["id"] for job in world.get("/billjobs", active="true")["data"]] == [running["id"]]
    assert [job["id"] for job in world.get("/billjobs", status="COMPLETE")["data"]] == [done["id"]]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"accountIds": ["00000000-0000-7000-8000-00000000ffff"]}, "accountIds"),
        ({"accountIds": []}, "accountIds"),
        ({"accountIds": "all"}, "accountIds"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"billingFrequency": "MIXED"}, "billingFrequency"),
        ({"billFrequencyInterval": 0}, "billFrequencyInterval"),
        ({"lastDateInBillingPeriod": "yesterday"}, "lastDateInBillingPeriod"),
        ({"billDate": "9999-12-31"}, "billDate"),
        ({"targetCurrency": "EURO"}, "targetCurrency"),
        ({"currencyConversions": [{"from": "EUR", "to": "USD", "multiplier": 0}]}, "currencyConversions[0].multiplier"),
        ({"currencyConversions": [{"from": "EUR", "to": "USD", "multiplier": 1}] * 2}, "currencyConversions"),
        (
            {"currencyConversions": [{"from": "EUR", "to": "USD", "multiplier": "NaN"}]},
            "currencyConversions[0].multiplier",
        ),
    ],
)
def test_a_bad_request_names_its_field(world: World, body: dict[str, Any], field: str) -> None:
    answer = world.client.post("/billjobs", body)
    assert answer.status == 400
    assert field in answer.message
    assert world.get("/billjobs")["data"] == []


def test_who_may_not_create_jobs_is_refused(world: World) -> None:
    world.client.statements = [{"effect": "ALLOW", "action": ["CONFIG_RETRIEVE"], "resource": ["*"]}]
    assert world.client.post("/billjobs").status == 403
    assert world.client.get("/billjobs").status == 200

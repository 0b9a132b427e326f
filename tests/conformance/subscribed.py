"""Accounts that something is billed to, and their bills."""

import time
from datetime import date, timedelta

from m3ter import M3ter
from m3ter.types import BillResponse

WAIT_SECONDS = 60
NOVEMBER = date(2023, 11, 1)


def subscribed(client: M3ter, code: str, since: str) -> str:
    """The id of a new account, on a plan of 20.00 a month since then."""
    product = client.products.create(code=code, name=code)
    template = client.plan_templates.create(
        name="Monthly", product_id=product.id, currency="USD", bill_frequency="MONTHLY", standing_charge=20
    )
    plan = client.plans.create(code=code, name=code, plan_template_id=template.id)
    account = client.accounts.create(code=code, name=code, email_address="billing@example.com")
    client.account_plans.create(account_id=account.id, plan_id=plan.id, start_date=since)
    return account.id


def billed(client: M3ter, *account_ids: str, month: date = NOVEMBER) -> list[BillResponse]:
    """The bills of the accounts for `month`."""
    last_day = (month + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    job = client.bill_jobs.create(account_ids=list(account_ids), last_date_in_billing_period=last_day)
    deadline = time.monotonic() + WAIT_SECONDS
    while (job := client.bill_jobs.retrieve(job.id)).status != "COMPLETE":
        assert time.monotonic() < deadline, job
        time.sleep(0.1)
    return [client.bills.retrieve(bill_id) for bill_id in job.bill_ids or []]

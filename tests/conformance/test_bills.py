"""Credit and debit line items and the search of bills through the official SDK, which judges the answers' types."""

import time
from datetime import date
from typing import Any

import m3ter
import pytest
from m3ter import M3ter

from tests.conformance.subscribed import subscribed

WAIT_SECONDS = 60


@pytest.fixture(scope="module")
def bill_id(strict: M3ter) -> str:
    """A bill of 20.00 for November 2023."""
    subscribed(strict, "northwind", "2023-11-01T00:00:00Z")
    return billed(strict)


def billed(client: M3ter) -> str:
    """The only bill of a finished job for November 2023."""
    job = client.bill_jobs.create(billing_frequency="MONTHLY", last_date_in_billing_period=date(2023, 11, 30))
    deadline = time.monotonic() + WAIT_SECONDS
    while (job := client.bill_jobs.retrieve(job.id)).status != "COMPLETE":
        assert time.monotonic() < deadline, job
        time.sleep(0.1)
    assert job.bill_ids
    return job.bill_ids[0]


def memo(client: M3ter, bill_id: str, **more: Any) -> dict[str, Any]:
    line = client.bills.retrieve(bill_id).line_items[0]
    assert line.id
    assert line.product_id
    return {
        "bill_id": bill_id,
        "product_id": line.product_id,
        "accounting_product_id": line.product_id,
        "amount": 2.5,
        "description": "Outage",
        "referenced_bill_id": bill_id,
        "referenced_line_item_id": line.id,
        "service_period_start_date": "2023-11-01T00:00:00Z",
        "service_period_end_date": "2023-12-01T00:00:00Z",
        **more,
    }


def test_memos_move_the_total_and_outlive_a_calculation(strict: M3ter, bill_id: str) -> None:
    reason = strict.credit_reasons.create(code="outage", name="Outage")
    for memos, kind, sign in (
        (strict.bills.credit_line_items, "CREDIT_MEMO", -1),
        (strict.bills.debit_line_items, "DEBIT_MEMO", 1),
    ):
        more = {"credit_reason_id": reason.id} if sign < 0 else {}
        made = memos.create(**memo(strict, bill_id, **more))
        assert (made.line_item_type, made.version, made.amount) == (kind, 1, 2.5)
        assert memos.retrieve(made.id, bill_id=bill_id).to_dict() == made.to_dict()
        assert [item.id for item in memos.list(bill_id=bill_id)] == [made.id]
        changed = memos.update(made.id, **memo(strict, bill_id, amount=3, version=made.version, **more))
        assert changed.version == 2
        billed(strict)
        assert strict.bills.retrieve(bill_id).bill_total == 20 + 3 * sign
        with pytest.raises(m3ter.ConflictError):
            memos.update(made.id, **memo(strict, bill_id, amount=9, version=1, **more))
        assert memos.delete(made.id, bill_id=bill_id).id == made.id
        assert strict.bills.retrieve(bill_id).bill_total == 20
        with pytest.raises(m3ter.NotFoundError):
            memos.retrieve(made.id, bill_id=bill_id)


def test_bills_are_searched(strict: M3ter, bill_id: str) -> None:
    account_id = strict.bills.retrieve(bill_id).account_id
    found = strict.bills.search(search_query=f"accountId:{account_id}$billDate>=2023-12-01", sort_by="billDate")
    assert found.data
    assert [bill.id for bill in found.data] == [bill_id]
    assert found.data[0].line_items[0].line_item_type == "STANDING_CHARGE"
    assert strict.bills.search(search_query="billDate<2023-01-01").data == []
    with pytest.raises(m3ter.BadRequestError, match="searchQuery"):
        strict.bills.search(search_query="colour:red")

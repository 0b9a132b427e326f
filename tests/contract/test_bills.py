"""What every store of bills promises; the fake and the real one answer alike."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.contract.stores import DYNAMODB_TARGETS
from tests.fakes.bill_progress import FakeBillJobProgress
from tests.fakes.bills import FakeBillRepository
from tests.fakes.clock import FrozenClock
from usance.adapters.dynamodb.bill_progress import DynamoBillJobProgress
from usance.adapters.dynamodb.bills import DynamoBillRepository
from usance.application.ports.bill_progress import AccountPage, BillJobProgress, Progress
from usance.application.ports.bills import BillQuery, BillRepository, DateRange
from usance.domain.billing.numbering import Numbering
from usance.domain.kernel.errors import NotFoundError, VersionConflictError
from usance.domain.kernel.ids import dated_id
from usance.resources.wire import Document

ORG, OTHER = "11111111-1111-7111-8111-111111111111", "22222222-2222-7222-8222-222222222222"


@pytest.fixture(params=["fake", *DYNAMODB_TARGETS])
def store(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def bills(store: str, fresh_table: Callable[[str, str], tuple[Any, str]]) -> BillRepository:
    return FakeBillRepository() if store == "fake" else DynamoBillRepository(*fresh_table(store, "EntitiesTable"))


@pytest.fixture
def progress(store: str, fresh_table: Callable[[str, str], tuple[Any, str]]) -> BillJobProgress:
    if store == "fake":
        return FakeBillJobProgress()
    return DynamoBillJobProgress(*fresh_table(store, "EntitiesTable"), FrozenClock())


def header(day: str, account: str = "acme", **more: Any) -> Document:
    return {
        "id": dated_id(date.fromisoformat(day), ORG, account),
        "version": 1,
        "orgId": ORG,
        "accountId": account,
        "status": "PENDING",
        "locked": False,
        "billingFrequency": "MONTHLY",
        "billDate": day,
        "endDate": day,
        "externalInvoiceDate": day,
        "billJobId": "job",
        "billTotal": Decimal("70.78"),
        **more,
    }


@dataclass
class Filled:
    """A store that holds the bills of some months."""

    bills: BillRepository
    headers: list[Document] = field(default_factory=list)

    def add(self, day: str, account: str = "acme", **more: Any) -> Document:
        made = header(day, account, **more)
        self.bills.create(ORG, made, [], private={}, numbering=None)
        self.headers.append(made)
        return made

    def found(self, *, page_size: int = 100, **query: Any) -> list[tuple[str, str]]:
        page = self.bills.list_page(ORG, BillQuery(**query), page_size=page_size)
        assert page.next_token is None
        return [(bill["endDate"], bill["accountId"]) for bill in page.data]


@pytest.fixture
def filled(bills: BillRepository) -> Filled:
    filled = Filled(bills)
    for month in range(1, 5):
        for account in ("acme", "zeta"):
            filled.add(f"2026-{month:02}-01", account)
    return filled


def test_a_bill_comes_back_with_every_digit_and_its_lines(bills: BillRepository) -> None:
    made = header("2026-02-01", billTotal=Decimal("70.780"))
    lines = [{"id": "a", "subtotal": Decimal("0.0000030")}, {"id": "b", "subtotal": Decimal(1)}]
    assert bills.create(ORG, made, lines, private={"digest": "x"}, numbering=None) == made
    stored = bills.get_stored(ORG, made["id"])
    assert stored is not None
    assert (stored.header, stored.private["digest"]) == (made, "x")
    assert str(stored.header["billTotal"]) == "70.780"
    other = bills.create(ORG, header("2026-03-01"), [], private={}, numbering=None)
    missing = header("2026-04-01")["id"]
    found = bills.get_many_stored(ORG, [other["id"], missing, made["id"], made["id"]])
    assert [one.header for one in found] == [other, made]
    assert found[1] == stored
    assert list(bills.line_items(ORG, made["id"])) == lines
    assert bills.get(ORG, made["id"]) == made


def test_organizations_do_not_see_each_others_bills(filled: Filled) -> None:
    bill_id = filled.headers[0]["id"]
    assert filled.bills.get(OTHER, bill_id) is None
    assert filled.bills.get_stored(OTHER, bill_id) is None
    assert list(filled.bills.line_items(OTHER, bill_id)) == []
    assert list(filled.bills.list_page(OTHER, BillQuery(), page_size=10).data) == []


def test_a_bill_is_created_once(bills: BillRepository) -> None:
    bills.create(ORG, header("2026-02-01"), [], private={}, numbering=Numbering("N", 0))
    with pytest.raises(VersionConflictError):
        bills.create(ORG, header("2026-02-01"), [{"id": "other"}], private={}, numbering=Numbering("N", 0))
    assert list(bills.line_items(ORG, header("2026-02-01")["id"])) == []
    third = bills.create(ORG, header("2026-03-01"), [], private={}, numbering=Numbering("N", 0))
    assert third["sequentialInvoiceNumber"] == "N2"


def test_numbers_have_no_gap_although_many_are_given_at_once(bills: BillRepository) -> None:
    days = [(date(2026, 1, 1) + timedelta(days=n)).isoformat() for n in range(24)]

    def number(day: str) -> str:
        made = bills.create(ORG, header(day), [], private={}, numbering=Numbering("INVOICE-", 100))
        return str(made["sequentialInvoiceNumber"])

    with ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(number, days))
    assert sorted(numbers) == [f"INVOICE-{n}" for n in range(101, 125)]


def test_a_bill_is_replaced_at_the_version_that_was_read(bills: BillRepository) -> None:
    first = header("2026-02-01")
    bills.create(ORG, first, [{"id": "a"}], private={"digest": "x"}, numbering=None)
    second = {**first, "version": 2, "status": "APPROVED"}
    bills.replace(ORG, second, expected_version=1)
    assert list(bills.line_items(ORG, first["id"])) == [{"id": "a"}]
    stored = bills.get_stored(ORG, first["id"])
    assert stored is not None
    assert (stored.header, stored.private["digest"]) == (second, "x")
    with pytest.raises(VersionConflictError):
        bills.replace(ORG, second, expected_version=1)
    with pytest.raises(NotFoundError):
        bills.replace(ORG, header("2026-05-01"), expected_version=1)


def test_a_deleted_bill_leaves_nothing(filled: Filled) -> None:
    gone = filled.headers[0]
    with pytest.raises(VersionConflictError):
        filled.bills.delete(ORG, gone["id"], 2)
    filled.bills.delete(ORG, gone["id"], 1)
    assert filled.bills.get(ORG, gone["id"]) is None
    assert list(filled.bills.line_items(ORG, gone["id"])) == []
    assert ("2026-01-01", "acme") not in filled.found(filters={"accountId": ["acme"]})
    filled.add("2026-01-01")


def test_lists_come_newest_first_in_pages(filled: Filled) -> None:
    seen: list[str] = []
    token: str | None = None
    while True:
        page = filled.bills.list_page(ORG, BillQuery(), page_size=3, next_token=token)
        seen += [bill["id"] for bill in page.data]
        token = page.next_token
        if token is None:
            break
    assert seen == sorted((made["id"] for made in filled.headers), reverse=True)


def test_bills_are_found_by_equal_values(filled: Filled) -> None:
    assert filled.found(filters={"accountId": ["acme"], "billDate": ["2026-03-01"]}) == [("2026-03-01", "acme")]
    assert len(filled.found(filters={"billJobId": ["job"], "status": ["PENDING"]})) == 8
    assert filled.found(filters={"status": ["APPROVED"]}) == []
    assert filled.found(filters={"billingFrequency": ["WEEKLY"]}) == []
    wanted = [filled.headers[0]["id"], dated_id(date(2026, 1, 1), "unknown")]
    assert filled.found(filters={"id": wanted}) == [("2026-01-01", "acme")]


def test_a_change_of_a_filtered_value_moves_the_bill(filled: Filled) -> None:
    first = filled.headers[0]
    filled.bills.replace(ORG, {**first, "version": 2, "status": "APPROVED"}, expected_version=1)
    assert filled.found(filters={"status": ["APPROVED"]}) == [("2026-01-01", "acme")]
    assert len(filled.found(filters={"status": ["PENDING"]})) == 7


def test_bills_are_found_by_ranges_of_days(filled: Filled) -> None:
    spring = DateRange(date(2026, 2, 1), date(2026, 4, 1))
    assert {day for day, _ in filled.found(bill_dates=spring)} == {"2026-02-01", "2026-03-01"}
    assert {day for day, _ in filled.found(bill_dates=DateRange(end=date(2026, 2, 1)))} == {"2026-01-01"}
    assert {day for day, _ in filled.found(external_invoice_dates=DateRange(start=date(2026, 4, 1)))} == {"2026-04-01"}


def test_the_bills_of_an_account_are_told_by_their_ids(filled: Filled) -> None:
    days = DateRange(date(2026, 2, 1), date(2026, 4, 1))
    expected = [one["id"] for one in filled.headers if one["accountId"] == "acme"][1:3]
    assert sorted(filled.bills.ids_between(ORG, "acme", days)) == expected
    assert not filled.bills.ids_between(ORG, "nobody", days)


def test_bills_are_found_by_the_end_of_their_period(filled: Filled) -> None:
    wanted = filled.headers[1]
    ends = date.fromisoformat(wanted["endDate"])
    expected = sorted((one["id"] for one in filled.headers if one["endDate"] == wanted["endDate"]), reverse=True)
    assert [one["id"] for one in filled.bills.list_page(ORG, BillQuery(end_date=ends), page_size=100).data] == expected
    assert not filled.bills.list_page(ORG, BillQuery(end_date=ends + timedelta(days=1)), page_size=100).data


def test_bills_are_found_by_what_their_line_items_are(bills: BillRepository) -> None:
    def found(**filters: str) -> list[str]:
        query = BillQuery({name: [value] for name, value in filters.items()})
        return [one["id"] for one in bills.list_page(ORG, query, page_size=10).data]

    one, other = header("2026-02-01"), header("2026-03-01")
    usage, fee = (
        {"id": "1", "lineItemType": "USAGE"},
        {"id": "2", "lineItemType": "COMMITMENT_FEE", "commitmentId": "c"},
    )
    bills.create(ORG, one, [usage, usage], private={}, numbering=None)
    bills.create(ORG, other, [usage, fee], private={}, numbering=None)
    assert found(lineItemType="USAGE") == [other["id"], one["id"]]
    assert found(lineItemType="COMMITMENT_FEE", commitmentId="c") == [other["id"]]
    bills.replace(ORG, {**other, "version": 2, "status": "APPROVED"}, expected_version=1)
    assert found(commitmentId="c", status="APPROVED") == [other["id"]]
    bills.replace(ORG, {**other, "version": 3}, expected_version=2, line_items=[usage])
    assert found(commitmentId="c") == []
    assert found(lineItemType="USAGE") == [other["id"], one["id"]]
    bills.delete(ORG, other["id"], 3)
    assert found(lineItemType="USAGE") == [one["id"]]


def test_ranges_find_bills_whose_dates_were_set_by_a_job(filled: Filled) -> None:
    filled.add("2026-05-01", billDate="2026-02-10", externalInvoiceDate="2025-06-01")
    filled.add("2026-06-01", externalInvoiceDate="2026-05-31")
    february = DateRange(date(2026, 2, 2), date(2026, 3, 1))
    assert filled.found(bill_dates=february) == [("2026-05-01", "acme")]
    old = DateRange(end=date(2026, 1, 1))
    assert filled.found(external_invoice_dates=old) == [("2026-05-01", "acme")]
    assert filled.found(external_invoice_dates=DateRange(date(2026, 5, 2), date(2026, 6, 1))) == [
        ("2026-06-01", "acme")
    ]


def test_a_lock_date_locks_all_that_ends_before(filled: Filled) -> None:
    late = filled.headers[-1]
    filled.bills.replace(ORG, {**late, "version": 2, "locked": True}, expected_version=1)
    assert filled.found(locked=True) == [("2026-04-01", "zeta")]
    locked = filled.found(locked=True, lock_date=date(2026, 1, 31))
    assert {day for day, _ in locked} == {"2026-01-01", "2026-02-01", "2026-04-01"}
    free = filled.found(locked=False, lock_date=date(2026, 1, 31))
    assert sorted(free) == [("2026-03-01", "acme"), ("2026-03-01", "zeta"), ("2026-04-01", "acme")]


def test_pending_bills_up_to_a_day_are_noticed(filled: Filled) -> None:
    assert filled.bills.exists_up_to(ORG, "PENDING", date(2025, 12, 31))
    assert not filled.bills.exists_up_to(ORG, "PENDING", date(2025, 12, 30))
    assert not filled.bills.exists_up_to(ORG, "APPROVED", date(2026, 12, 31))


def test_a_bill_of_many_line_items_is_stored_whole_and_shrinks(bills: BillRepository) -> None:
    source = random.Random(1)
    lines = [
        {
            "id": f"{source.getrandbits(128):032x}",
            "description": f"Requests (customer {n})",
            "quantity": source.randrange(10**9),
            "subtotal": Decimal(source.randrange(10**7)) / 100,
            "usagePerPricingBand": [{"bandUnits": source.randrange(10**6), "bandSubtotal": source.randrange(10**6)}],
        }
        for n in range(30_000)
    ]
    first = header("2026-02-01")
    bills.create(ORG, first, lines, private={}, numbering=None)
    assert list(bills.line_items(ORG, first["id"])) == lines
    bills.replace(ORG, {**first, "version": 2}, expected_version=1, line_items=lines[:1], private={})
    assert list(bills.line_items(ORG, first["id"])) == lines[:1]
    bills.replace(ORG, {**first, "version": 3}, expected_version=2, line_items=[], private={})
    assert list(bills.line_items(ORG, first["id"])) == []


def test_progress_counts_each_account_and_page_once(progress: BillJobProgress) -> None:
    assert progress.read(ORG, "job") == Progress(0, 0, expanded=False)
    for _ in range(2):
        progress.add_page(ORG, "job", "first", AccountPage(["account-1", "account-2"], "token"))
        progress.add_page(ORG, "job", "token", AccountPage(["account-f"], None))
        progress.finish_account(ORG, "job", "account-1", ["bill-2", "bill-1"])
    assert progress.read(ORG, "job") == Progress(3, 1, expanded=True)
    progress.finish_account(ORG, "job", "account-1", ["another"])
    progress.finish_account(ORG, "job", "account-2", [])
    progress.finish_account(ORG, "job", "account-f", ["bill-3"])
    assert progress.read(ORG, "job").complete
    assert list(progress.bill_ids(ORG, "job")) == ["bill-1", "bill-2", "bill-3"]
    assert progress.read(ORG, "other") == Progress(0, 0, expanded=False)
    assert progress.read(OTHER, "job") == Progress(0, 0, expanded=False)


def test_the_first_record_of_a_page_stays(progress: BillJobProgress) -> None:
    first, second = AccountPage(["account-1"], "token"), AccountPage(["account-2", "account-3"], None)
    assert progress.page(ORG, "cut", "first") is None
    assert progress.add_page(ORG, "cut", "first", first) == first
    assert progress.add_page(ORG, "cut", "first", second) == first
    assert progress.page(ORG, "cut", "first") == first
    assert progress.page(OTHER, "cut", "first") is None
    assert progress.add_page(ORG, "cut", "token", second) == second
    assert progress.read(ORG, "cut") == Progress(3, 0, expanded=True)


def test_progress_survives_workers_that_end_together(progress: BillJobProgress) -> None:
    accounts = [f"account-{n:x}" for n in range(32)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda account: progress.finish_account(ORG, "job", account, [account]), accounts))
    assert progress.read(ORG, "job").done == 32
    assert len(progress.bill_ids(ORG, "job")) == 32

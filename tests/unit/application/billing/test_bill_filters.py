"""Every filter of the lists of bills and bill jobs finds all that it should, alone, with any other, and in pages of one."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from itertools import combinations
from typing import Any

import pytest

from tests.unit.application.billing.world import World
from usance.application.audit import created
from usance.application.billing.jobs import ACTIVE, STATUSES, put
from usance.domain.kernel.ids import dated_id
from usance.entrypoints.http.billing import EQUAL_FILTERS, routes

Document = dict[str, Any]
DAYS = ("2025-12-31", "2026-01-01", "2026-02-01", "2026-02-02", "2026-03-01")
MEANS: Mapping[str, Callable[[Document, str], bool]] = {
    **{name: lambda bill, value, name=name: bill[name] == value for name in EQUAL_FILTERS},  # type: ignore[misc]
    "ids": lambda bill, value: bill["id"] in value.split(","),
    "locked": lambda bill, value: str(bill["locked"] or bill["endDate"] <= LOCKED_UP_TO).lower() == value,
    "billDateStart": lambda bill, value: bill["billDate"] >= value,
    "billDateEnd": lambda bill, value: bill["billDate"] < value,
    "externalInvoiceDateStart": lambda bill, value: bill["externalInvoiceDate"] >= value,
    "externalInvoiceDateEnd": lambda bill, value: bill["externalInvoiceDate"] < value,
}
SHOWING = {"excludeLineItems", "includeBillTotal", "additional", "pageSize", "nextToken"}  # what of bills, not which
LOCKED_UP_TO = "2026-01-02"  # a bill until the lock date ends on the day after it


class Bills:
    """Bills of two accounts, periods and frequencies, some with dates of their own, and a lock date after the first."""

    def __init__(self) -> None:
        self.world = World()
        self.bills: list[Document] = []
        accounts, jobs = ([f"{letter}{'0' * 35}" for letter in letters] for letters in ("ab", "cd"))
        for at, (account, day) in enumerate((a, day) for day in DAYS[1:4:2] + DAYS[2:3] for a in accounts):
            status = "PENDING" if at in {2, 4} else "APPROVED"  # nothing pending keeps its period from being locked
            self.add(account, day, jobs[at % 2], ("MONTHLY", "WEEKLY")[at // 3], status)
        self.add(accounts[0], DAYS[4], jobs[0], "MONTHLY", "APPROVED", locked=True, billDate=DAYS[0])
        self.add(accounts[1], DAYS[4], jobs[1], "MONTHLY", "APPROVED", externalInvoiceDate=DAYS[1])
        self.bills.sort(key=lambda bill: str(bill["id"]), reverse=True)
        config = self.world.get("/billconfig")
        self.world.put("/billconfig", {"billLockDate": DAYS[1], "version": config["version"]})

    def add(self, account: str, day: str, job: str, frequency: str, status: str, **more: Any) -> None:
        header = {
            "id": dated_id(date.fromisoformat(day), account, frequency),
            "version": 1,
            "accountId": account,
            "status": status,
            "locked": False,
            "billingFrequency": frequency,
            "billDate": day,
            "endDate": day,
            "externalInvoiceDate": day,
            "billJobId": job,
            "billTotal": 1,
            "lastCalculatedDate": f"{day}T00:00:00Z",
            **more,
        }
        self.world.bills.create(self.world.org.id, header, [], private={}, numbering=None)
        self.bills.append(header)

    def values(self, name: str) -> list[str]:
        if name == "locked":
            return ["true", "false"]
        if name.startswith(("billDate", "externalInvoiceDate")):
            return list(DAYS)
        if name == "ids":
            return [self.bills[1]["id"], ",".join(bill["id"] for bill in self.bills[::2])]
        return sorted({bill[name] for bill in self.bills})

    def expected(self, query: Mapping[str, str]) -> list[str]:
        return [bill["id"] for bill in self.bills if all(MEANS[name](bill, value) for name, value in query.items())]

    def pages(self, path: str, query: Mapping[str, str], size: int) -> Iterator[list[str]]:
        token: dict[str, str] = {}
        while True:
            answer = self.world.get(path, **query, **token, pageSize=size)
            yield [one["id"] for one in answer["data"]]
            if answer["nextToken"] is None:
                return
            token = {"nextToken": answer["nextToken"]}


@pytest.fixture(scope="module")
def bills() -> Bills:
    return Bills()


def test_every_filter_is_tried() -> None:
    [operation] = [route.operation for route in routes() if route.method == "GET" and route.path.endswith("}/bills")]
    assert {one.name for one in operation.query} - SHOWING == MEANS.keys()


@pytest.mark.parametrize("name", MEANS)
def test_a_filter_finds_all_bills_that_it_should_and_no_others(bills: Bills, name: str) -> None:
    distinct = set()
    for value in bills.values(name):
        query = {name: value}
        expected = bills.expected(query)
        assert list(bills.pages("/bills", query, 100)) == [expected], query
        distinct.add(tuple(expected))
    assert len(distinct) > 1


def test_pages_of_one_of_any_two_filters_are_what_both_find(bills: Bills) -> None:
    found = 0
    for one, other in combinations(MEANS, 2):
        for first in bills.values(one)[:3]:
            for second in bills.values(other)[-3:]:
                query = {one: first, other: second}
                pages = list(bills.pages("/bills", query, 1))
                expected = bills.expected(query)
                assert [id_ for page in pages for id_ in page] == expected, query
                assert all(pages[:-1])
                found += len(expected)
    assert found > 100


def test_jobs_of_bills_are_found_by_status_and_by_being_active(bills: Bills) -> None:
    org, made = bills.world.org, list[Document]()
    for status in STATUSES * 2:
        job = created(
            {"orgId": org.id, "type": "CREATE", "status": status}, org.ids.new(), "SCHEDULER", org.clock.now()
        )
        org.store.commit(org.id, [put(job, None)])
        made.insert(0, job)
    for query in ({"active": "true"}, *({"status": status} for status in STATUSES)):
        wanted = ACTIVE if "active" in query else {query["status"]}
        expected = [job["id"] for job in made if job["status"] in wanted]
        assert [id_ for page in bills.pages("/billjobs", query, 1) for id_ in page] == expected

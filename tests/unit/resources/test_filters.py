"""Every filter of every list finds all that it should and nothing else, alone, with others, and in pages of one.

The filters are those of the registry: a new one is tried by the field that it is named after, or fails until this file says
what it finds.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import combinations
from typing import Any

import pytest

from tests.fakes.organization import Organization
from usance.application.audit import created
from usance.application.entities.puts import entity_put
from usance.domain.catalog.proposal import Proposal
from usance.resources.registry import BY_TYPE, REGISTRY
from usance.resources.resource import Resource, Verb

Document = dict[str, Any]
Query = dict[str, str]
NOTHING = "no such value"
DAYS = ("2025-12-31", "2026-01-01", "2026-01-15", "2026-02-01", "2026-03-01", "2027-01-01")
INSTANTS = ("2026-01-15T12:00:00Z", "2026-02-01T01:00:00+01:00", "2026-02-01T00:00:00.000001Z", "2026-02-01T00:00:00")
JOBS = {"fileUploadJob": {"status": "NOT_UPLOADED"}, "dataExportJob": {}}  # made by operations of their own
LISTS = [row for row in REGISTRY if Verb.LIST in row.verbs and (row.filters or row.selection)]


# What is in the lists: some share the values that filters look for, some have none.


def four(org: Organization, type_: str, **values: Sequence[Any]) -> None:
    """Four entities, of which each has its own of the values of a field (None: does not have the field)."""
    for at in range(4):
        org.make(type_, **{name: one[at] for name, one in values.items()})


def two(org: Organization, type_: str, **more: Any) -> list[str]:
    """The ids of two of a type, each twice."""
    a, b = (org.make(type_, **more)["id"] for _ in range(2))
    return [a, a, b, b]


def plans(org: Organization) -> list[str]:
    """The ids of four plans, the first two and the last two of one product."""
    return [org.make("plan", planTemplateId=template)["id"] for template in templates(org)]


def templates(org: Organization) -> list[str]:
    return [org.make("planTemplate", productId=product)["id"] for product in two(org, "product")]


def _picklist(type_: str) -> Callable[[Organization], None]:
    return lambda org: four(org, type_, archived=[True, False, None, True])


def _of_a_product(type_: str) -> Callable[[Organization], None]:
    return lambda org: four(org, type_, productId=[*two(org, "product")[:3], None])


def _aggregations(org: Organization) -> None:
    a, b = (org.make("meter", productId=product)["id"] for product in two(org, "product")[1:3])
    four(org, "aggregation", meterId=[a, a, b, org.make("meter")["id"]])


def _pricings(org: Organization) -> None:
    plan, template, aggregations = org.make("plan")["id"], org.make("planTemplate")["id"], two(org, "aggregation")
    for aggregation in (aggregations[0], aggregations[2]):
        for parent in ({"planId": plan}, {"planTemplateId": template}):
            org.make("pricing", aggregationId=aggregation, endDate="2026-02-01T00:00:00Z", **parent)
            org.make("pricing", aggregationId=aggregation, startDate="2026-02-01T00:00:00Z", **parent)


def _counter_pricings(org: Organization) -> None:
    plan, template = org.make("plan")["id"], org.make("planTemplate")["id"]
    for parent in ({"planId": plan}, {"planTemplateId": template}):
        counter = org.make("counter")["id"]
        org.make("counterPricing", counterId=counter, endDate="2026-02-01T00:00:00Z", **parent)
        org.make("counterPricing", counterId=counter, startDate="2026-02-01T00:00:00Z", **parent)


def _account_plans(org: Organization) -> None:
    a, b = (org.make("account")["id"] for _ in range(2))
    contract = org.make("contract", accountId=a, startDate="2025-01-01")["id"]
    one, two_, three, four_ = plans(org)
    org.make("accountPlan", accountId=a, planId=one, startDate="2025-12-01T00:00:00Z", endDate="2026-01-01T00:00:00Z")
    org.make("accountPlan", accountId=a, planId=two_, contractId=contract)
    org.make("accountPlan", accountId=a, planId=three, startDate="2026-02-01T00:00:00Z", contractId=contract)
    org.make("accountPlan", accountId=b, planId=one, endDate="2026-02-01T00:00:00Z")
    org.make("accountPlan", accountId=b, planId=four_)


def _adjustments(org: Organization) -> None:
    for account in two(org, "account")[1:3]:
        for date in ("2026-01-01", "2026-01-15", "2026-02-01"):
            org.make("counterAdjustment", accountId=account, date=date)
    org.make("counterAdjustment", counterId=org.make("counter")["id"], accountId=account)


def _with_contracts(org: Organization, type_: str, ends: Sequence[str], **more: Any) -> None:
    """Four of two accounts, the first of each with a contract."""
    for at, account in enumerate(two(org, "account")):
        contract = org.make("contract", accountId=account)["id"] if at % 2 == 0 else None
        own = {name: value[at] for name, value in more.items()}
        org.make(type_, accountId=account, contractId=contract, endDate=ends[at], **own)


def _commitments(org: Organization) -> None:
    a, _, b, _ = two(org, "product")
    ends = ["2026-02-01", "2026-03-01", "2026-03-01", "2027-01-01"]
    _with_contracts(org, "commitment", ends, productIds=[[a], [a, b], [b], None])


def _balances(org: Organization) -> None:
    ends = [f"{day}T00:00:00Z" for day in ("2026-02-01", "2026-03-01", "2026-03-01", "2027-01-01")]
    rollovers = [None, "2027-01-01T00:00:00Z", None, None]
    _with_contracts(org, "balance", ends, rolloverEndDate=rollovers)


def _charges(org: Organization) -> None:
    balance = org.make("balance")
    four(org, "charge", accountId=two(org, "account"), billDate=["2026-02-01", "2026-02-01", "2026-03-01", None])
    of_it = {"entityType": "BALANCE", "entityId": balance["id"], "lineItemType": "BALANCE_FEE"}
    org.make("charge", accountId=balance["accountId"], **of_it)
    schedule = org.make("balanceChargeSchedule")
    for day in DAYS[1:3]:
        body = org.body("charge", accountId=balance["accountId"], **of_it)
        put_directly(org, "charge", {**body, "billDate": day, "scheduleId": schedule["id"]})


def _transactions(org: Organization) -> None:
    balance = org.shared("balance")["id"]
    a, _, b, _ = two(org, "transactionType")
    for principal, type_ in (("1" * 36, "USER"), ("2" * 36, "SERVICE_USER")):
        for kind in (a, b):
            body = org.body("balanceTransaction", transactionTypeId=kind)
            org.as_principal(principal, type_).post(f"/balances/{balance}/transactions", body)


def _links(org: Organization) -> None:
    groups = two(org, "planGroup")
    for group, plan in zip(groups[::2] * 2, plans(org), strict=True):  # a group has one plan of a product
        org.make("planGroupLink", planGroupId=group, planId=plan)


def _mappings(org: Organization) -> None:
    configuration = org.make("integrationConfiguration")["id"]
    ids = [f"00000000-0000-7000-8000-{at:012}" for at in (1, 1, 2, 2)]
    systems, tables = ["Stripe", "Xero", "Stripe", "Xero"], ["Customer", "Contact", "Customer", "Contact"]
    configurations = [configuration, None, None, configuration]
    four(org, "externalMapping", m3terId=ids, externalSystem=systems, externalTable=tables, integrationConfigId=configurations)  # fmt: skip


def _export_jobs(org: Organization) -> None:
    schedules = two(org, "dataExportSchedule")
    for at, status in enumerate(("PENDING", "RUNNING", "SUCCEEDED", "FAILED")):
        org.clock.advance(hours=1)
        put_directly(org, "dataExportJob", {"scheduleId": schedules[at], "status": status})


def _upload_jobs(org: Organization) -> None:
    for _ in range(4):
        org.clock.advance(hours=1)
        put_directly(org, "fileUploadJob", {"fileName": "usage.json"})


def put_directly(org: Organization, type_: str, body: Mapping[str, Any]) -> None:
    """What another function makes."""
    document = created(dict(body), org.ids.new(), "SCHEDULER", org.clock.now())
    org.store.commit(org.id, [entity_put(BY_TYPE[type_], Proposal(document, None))])


MAKE: Mapping[str, Callable[[Organization], None]] = {
    **{type_: _picklist(type_) for type_ in ("currency", "creditReason", "debitReason", "transactionType")},
    "billGroupingKey": _picklist("billGroupingKey"),
    "meter": _of_a_product("meter"),
    "counter": _of_a_product("counter"),
    "compoundAggregation": _of_a_product("compoundAggregation"),
    "planTemplate": lambda org: four(org, "planTemplate", productId=two(org, "product")),
    "plan": lambda org: four(
        org, "plan", planTemplateId=templates(org), accountId=[None, *two(org, "account")[1:3], None]
    ),
    "planGroup": lambda org: four(org, "planGroup", accountId=[None, *two(org, "account")[1:]]),
    "planGroupLink": _links,
    "contract": lambda org: four(org, "contract", accountId=two(org, "account")),
    "notificationConfiguration": lambda org: four(
        org,
        "notificationConfiguration",
        active=[True, False, None, False],
        eventName=["billing.bill.updated", "billing.bill.updated", "billing.bill.created", "billing.bill.created"],
    ),
    "integrationConfiguration": lambda org: four(
        org, "integrationConfiguration", destinationId=two(org, "webhook"), entityId=two(org, "notificationConfiguration")
    ),
    "user": lambda org: [org.make_user() for _ in range(4)] and None,
    "aggregation": _aggregations,
    "pricing": _pricings,
    "counterPricing": _counter_pricings,
    "accountPlan": _account_plans,
    "counterAdjustment": _adjustments,
    "commitment": _commitments,
    "balance": _balances,
    "charge": _charges,
    "balanceTransaction": _transactions,
    "externalMapping": _mappings,
    "dataExportJob": _export_jobs,
    "fileUploadJob": _upload_jobs,
}  # fmt: skip


# What each parameter means.


def at(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def in_force(document: Document, value: str) -> bool:
    return at(document["startDate"]) <= at(value) and ("endDate" not in document or at(value) < at(document["endDate"]))


def ends(document: Document) -> datetime:
    return at(document.get("rolloverEndDate") or document.get("endDate") or document["date"])


Means = Callable[[Document, str], bool]
FIELDS = {"codes": "code", "account": "accountId", "plan": "planId", "product": "productId", "contract": "contractId"}
FIELDS |= {"planGroup": "planGroupId", "ids": "id", "m3terIds": "m3terId", "externalSystemId": "externalSystem"}
MEANS: Mapping[str, Means] = {
    "date": in_force,
    "counterAdjustment.date": lambda one, value: one["date"] == value[:10],
    "dateStart": lambda one, value: one["date"] >= value[:10],
    "dateEnd": lambda one, value: one["date"] < value[:10],
    "endDateStart": lambda one, value: ends(one) >= at(value),
    "endDateEnd": lambda one, value: ends(one) < at(value),
    "dateCreatedStart": lambda one, value: at(one["dtCreated"]) >= at(value),
    "dateCreatedEnd": lambda one, value: at(one["dtCreated"]) < at(value),
    "includeall": lambda _, __: True,
    "fileKey": lambda one, value: one["id"] in value,
    "charge.billDate": lambda one, value: one.get("billDate") == value[:10],
}


def means(row: Resource, parameter: str) -> Means:
    known = MEANS.get(f"{row.type}.{parameter}") or MEANS.get(parameter)
    return known or (lambda one, value: not set(value.split(",")).isdisjoint(texts(one, parameter)))


def texts(document: Document, parameter: str) -> list[str]:
    """The values of the field that a parameter is named after."""
    value = document.get(FIELDS.get(parameter, parameter))
    values = value if isinstance(value, list) else [] if value is None else [value]
    return [str(one).lower() if isinstance(one, bool) else str(one) for one in values]


def held(row: Resource, document: Document, query: Query) -> bool:
    """Whether a list that is asked so holds the document."""
    if row.type == "accountPlan" and "date" not in query and query.get("includeall") != "true":
        query = {**query, "date": INSTANTS[0]}
    return all(means(row, name)(document, value) for name, value in query.items())


# Asking.


class World:
    """A row with its entities, newest first."""

    def __init__(self, row: Resource) -> None:
        self.row, self.org = row, Organization()
        MAKE.get(row.type, lambda org: four(org, row.type))(self.org)
        store, id_ = self.org.store, self.org.id
        self.documents = [dict(one) for one in store.list_all(id_, row.type, filters={})]
        products = {one["id"]: one.get("productId") for one in store.list_all(id_, "meter", filters={})}
        for one in self.documents:
            if row.type == "aggregation":
                one["productId"] = products[one["meterId"]]
            if row.type == "commitment":
                one["productId"] = one.get("productIds")

    def parameters(self) -> list[str]:
        selected = self.row.selection.parameters if self.row.selection else ()
        return [*(one.parameter for one in self.row.filters), *selected]

    def values(self, parameter: str) -> list[str]:
        filter_ = next((one for one in self.row.filters if one.parameter == parameter), None)
        if filter_ is None or filter_.day:
            return self.moments(parameter)
        if filter_.boolean:
            return ["true", "false"]
        if filter_.choices:
            return list(filter_.choices)
        found = sorted({value for one in self.documents for value in texts(one, parameter)})
        assert found, f"no entity has a value that {parameter} asks for"
        joined = [",".join(found[:2])] if filter_.many and len(found) > 1 else []
        return [*found, *joined, NOTHING]

    def moments(self, parameter: str) -> list[str]:
        if parameter == "includeall":
            return ["true", "false"]
        if parameter == "fileKey":
            return [f"{self.org.id}/uploads/{one['id']}.json" for one in self.documents[:2]] + ["x"]
        if parameter.startswith("dateCreated"):
            return [one["dtCreated"] for one in self.documents]
        return [*DAYS, *INSTANTS]

    def beside(self, query: Query) -> Query:
        """What the list must be asked besides."""
        newest = self.documents[0]
        match self.row.type:
            case "counterAdjustment":
                dated = query.keys() - {"counterId", "accountId"}
                account = {"accountId": self.documents[1]["accountId"]} if dated else {}
                return {"counterId": self.org.shared("counter")["id"], **account, **query}
            case "accountPlan" if query.get("includeall") == "true" and not query.keys() & {
                "account",
                "plan",
                "contract",
            }:
                return {"account": newest["accountId"], **query}
            case "accountPlan" if "product" in query:
                return {"account": newest["accountId"], **query}
            case _:
                return query

    def queries(self, *parameters: str) -> Iterator[Query]:
        """Each value of a parameter; of several, some of each."""
        if len(parameters) == 1:
            yield from (self.beside({parameters[0]: value}) for value in self.values(parameters[0]))
            return
        one, other = parameters
        yield from (
            self.beside({one: first, other: second})
            for first in self.values(one)[:3]
            for second in self.values(other)[:3]
        )

    def pages(self, query: Query, size: int) -> Iterator[list[str]]:
        token: Query = {}
        while True:
            answer = self.org.client.get(f"/{self.org.path(self.row)}", **query, **token, pageSize=size)
            assert answer.status == 200, (query, answer.text)
            yield [one["id"] for one in answer.json["data"]]
            if answer.json["nextToken"] is None:
                return
            token = {"nextToken": answer.json["nextToken"]}

    def expected(self, query: Query) -> list[str]:
        return [one["id"] for one in self.documents if held(self.row, one, query)]


WORLDS: dict[str, World] = {}


def world_of(row: Resource) -> World:
    if row.type not in WORLDS:
        WORLDS[row.type] = World(row)
    return WORLDS[row.type]


rows = pytest.mark.parametrize("row", LISTS, ids=lambda row: row.type)


@rows
def test_a_filter_finds_all_that_it_should_and_nothing_else(row: Resource) -> None:
    world = world_of(row)
    for parameter in world.parameters():
        found, distinct = set[str](), set[tuple[str, ...]]()
        for query in world.queries(parameter):
            ids = list(world.pages(query, row.page_size_max))
            assert ids == [world.expected(query)], query
            found.update(ids[0])
            distinct.add(tuple(ids[0]))
        assert found, f"{parameter} found nothing at all"
        assert len(distinct) > 1, f"{parameter} made no difference"


@rows
def test_pages_of_one_of_any_two_filters_are_what_both_find(row: Resource) -> None:
    world = world_of(row)
    parameters = world.parameters()
    together = list(combinations(parameters, 2)) or [(parameters[0],)]
    seen = 0
    for pair in together:
        for query in world.queries(*pair):
            pages = list(world.pages(query, 1))
            expected = world.expected(query)
            assert [id_ for page in pages for id_ in page] == expected, query
            assert all(pages[:-1])
            assert len(pages) <= len(expected) + 1, query
            seen += len(expected)
    assert seen > 1


def test_an_empty_contract_id_finds_balances_without_one() -> None:
    world = world_of(BY_TYPE["balance"])
    [found] = world.pages({"contractId": ""}, 100)
    assert found == [one["id"] for one in world.documents if "contractId" not in one]
    assert found


def test_configurations_of_an_entity_type_are_found_by_any_two_filters() -> None:
    world = world_of(BY_TYPE["integrationConfiguration"])
    one, path = world.documents[0], "/integrationconfigs/entity/notification"  # in any case
    for first, second in combinations(("entityId", "destinationId", "destination"), 2):
        for value in (one[second], one[second].upper(), NOTHING):
            query = {first: one[first], second: value}
            same = second == "destination" or value == one[second]  # the kind of a destination has no case, its id has
            expected = [
                document["id"] for document in world.documents
                if same and value != NOTHING and document[first] == one[first] and document[second] == one[second]
            ]  # fmt: skip
            answers = [world.org.client.get(path, **query, pageSize=1).json]
            while token := answers[-1]["nextToken"]:
                answers.append(world.org.client.get(path, **query, pageSize=1, nextToken=token).json)
            assert [found["id"] for answer in answers for found in answer["data"]] == expected, query

"""A statement adds up to its bill, whatever usage came after the bill was calculated."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.application.billing.world import World
from usance.application.billing.priced_usage import priced_usage
from usance.application.statements.gather import gather
from usance.domain.kernel.errors import InvalidInputError, NotFoundError, VersionConflictError
from usance.domain.statements.csv_layout import to_csv
from usance.domain.statements.json_layout import to_document
from usance.domain.statements.statement import Statement

MID_DECEMBER = "2025-12-16T00:00:00Z"
TIERS = [{"lowerLimit": 0, "fixedPrice": 0, "unitPrice": 2}, {"lowerLimit": 20, "fixedPrice": 3, "unitPrice": 1}]


def statement(world: World, bill_id: str, **shown: Any) -> Statement:
    """Of a bill, made now."""
    stored = world.bills.get_stored(world.org.id, bill_id)
    assert stored is not None
    return gather(
        world.org.store,
        world.usage,
        org_id=world.org.id,
        bill=stored,
        line_items=world.bills.line_items(world.org.id, bill_id),
        priced=priced_usage(world.bills, world.org.blobs, world.org.id, stored),
        **shown,
    )


def not_on_bill(made: Statement) -> Mapping[str, Decimal | None]:
    """By line: what the JSON says is not on the bill, after adding up its rows, and those of the CSV, as a reader would."""
    lines = to_document(made)["lineItems"]
    billed = {line["lineItemId"]: line["quantity"] for line in lines}
    for line in lines:
        if "referencedLineItemId" in line:
            billed[line["referencedLineItemId"]] += line["quantity"]
    told: dict[str, Decimal | None] = {}
    for line in lines:
        told[line["lineItemId"]] = part = line["quantityNotOnBill"]
        if part is not None:
            rows = sum(row["measures"]["tokens"][line["aggregation"]] for row in line["usage"])
            assert rows - part == billed[line["lineItemId"]]
    assert _of_csv(made) == {line: part for line, part in told.items() if part is not None}
    return told


def _of_csv(made: Statement) -> Mapping[str, Decimal]:
    rows = list(csv.DictReader(io.StringIO(to_csv(made))))
    quantities = {row["line item id"]: (row["referenced line item id"], row["billed quantity"]) for row in rows}
    told = {}
    for id_, (_, quantity) in quantities.items():
        own = [row for row in rows if row["line item id"] == id_]
        if not own[0]["quantity not on bill"]:
            continue
        [part] = {Decimal(row["quantity not on bill"]) for row in own}
        method = next(line.line.metered.method for line in made.lines if line.line.id == id_ and line.line.metered)
        apart = sum(Decimal(other) for shower, other in quantities.values() if shower == id_)
        assert sum(Decimal(row[f"tokens {method}"] or 0) for row in own) - part == Decimal(quantity) + apart
        told[id_] = part
    return told


@dataclass(frozen=True)
class Agreement:
    """How usage is priced."""

    method: str = "SUM"
    segments: bool = False
    meeting: bool = False  # two pricings meet in the middle of December
    earns: bool = False  # a credit on the same usage
    default: int | None = None
    filtered: bool = False
    committed: int = 0  # usage beyond it is on a line of its own
    mode: str | None = None  # of a parent of two children
    definition: tuple[tuple[str, Any], ...] = ()


AGREEMENTS = st.builds(
    Agreement,
    method=st.sampled_from(["SUM", "COUNT"]),
    segments=st.booleans(),
    meeting=st.booleans(),
    earns=st.booleans(),
    default=st.sampled_from([None, None, 3]),
    filtered=st.booleans(),
    committed=st.sampled_from([0, 1, 40]),
    mode=st.sampled_from([None, "CHILD", "PARENT_BREAKDOWN", "PARENT_SUMMARY"]),
    definition=st.sampled_from(
        [
            (),
            (("aggregationFrequency", "WEEK"), ("dimensions", [{"name": "region", "filter": ["*"]}])),
            (("aggregationFrequency", "WHOLE_PERIOD"), ("measures", [{"name": "", "aggregations": ["MAX", "SUM"]}])),
        ]
    ),
)
USED = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(1, 31),
        st.decimals(min_value=-20, max_value=60, places=2),
        st.sampled_from(["eu", "us", ""]),
    ),
    max_size=6,
)


class Company:
    """A world under an agreement, and its accounts."""

    def __init__(self, agreed: Agreement) -> None:
        self.world = world = World()
        self.aggregations = []
        if agreed.definition:
            definition = world.org.make("statementDefinition", **dict(agreed.definition))
            world.configure(defaultStatementDefinitionId=definition["id"])
        parent = world.org.make("account", code="parent")
        more: dict[str, Any] = {"childBillingMode": agreed.mode} if agreed.mode else {}
        if agreed.filtered:
            filters = [{"dimensionCode": "region", "mode": "EXCLUDE", "value": "us"}]
            contract = world.org.make("contract", accountId=parent["id"], usageFilters=filters)
            more["contractId"] = contract["id"]
        world.subscribe(account=parent, template={"standingCharge": 0}, **more)
        children = [
            world.org.make("account", code=code, parentAccountId=parent["id"]) for code in ("a", "b") if agreed.mode
        ]
        self.accounts = [parent, *children]
        self.price(agreed)
        if agreed.committed:
            body = {"amount": agreed.committed, "amountPrePaid": agreed.committed, "separateOverageUsage": True}
            span = {"startDate": "2025-12-01", "endDate": "2026-12-01", "currency": "USD"}
            world.org.make("commitment", accountId=parent["id"], billingPlanId=world.plan["id"], **body, **span)

    def price(self, agreed: Agreement) -> None:
        """The prices on the plan, besides the one of the world."""
        world = self.world
        body: dict[str, Any] = {"meterId": world.aggregation["meterId"], "aggregation": agreed.method}
        segments: list[dict[str, Any]] = [{}]
        if agreed.segments:
            segments = [{"region": "eu"}, {"region": "*"}]
            body |= {"segmentedFields": ["region"], "segments": segments}
        if agreed.default is not None:
            body["defaultValue"] = agreed.default
        aggregation = world.org.make("aggregation", **body)
        self.aggregations.append(aggregation)
        for segment in segments:
            price = {"planId": world.plan["id"], "pricingBands": TIERS, "cumulative": True, "segment": segment}
            if not segment:
                del price["segment"]
            if agreed.meeting:
                world.price(aggregation["id"], **price, endDate=MID_DECEMBER)
                world.price(aggregation["id"], **{**price, "startDate": MID_DECEMBER})
            else:
                world.price(aggregation["id"], **price)
            if agreed.earns:
                world.price(aggregation["id"], **{**price, "type": "PRODUCT_CREDIT"})

    def use(self, used: list[tuple[int, int, Decimal, str]]) -> None:
        for who, day, value, region in used:
            account = self.accounts[who % len(self.accounts)]
            self.world.use(account, f"2025-12-{day:02}T09:00:00Z", value, region=region)

    def run(self) -> list[str]:
        """The bills of December."""
        job = self.world.run(accountIds=[self.accounts[0]["id"]])
        return list(job["billIds"])


@settings(max_examples=40, deadline=None)
@given(agreed=AGREEMENTS, before=USED, later=USED, locked=st.booleans())
def test_a_statement_reconciles_with_its_bill_whatever_usage_comes_later(
    agreed: Agreement, before: Any, later: Any, *, locked: bool
) -> None:
    company = Company(agreed)
    company.use(before)
    bills = company.run()
    for bill_id in bills:
        assert set(not_on_bill(statement(company.world, bill_id)).values()) <= {0, None}
        if locked:
            company.world.put(f"/bills/{bill_id}/status", {"status": "APPROVED"})
            company.world.put(f"/bills/{bill_id}/lock")
    company.use(later)
    for bill_id in bills:
        not_on_bill(statement(company.world, bill_id))
    if not locked:
        for bill_id in company.run():
            assert set(not_on_bill(statement(company.world, bill_id)).values()) <= {0, None}


@pytest.fixture
def company() -> Company:
    company = Company(Agreement())
    company.use([(0, 5, Decimal(40), "eu")])
    return company


def line_of(company: Company, bill_id: str) -> str:
    """The line of the company's own aggregation."""
    aggregation_id = company.aggregations[0]["id"]
    lines = company.world.bills.line_items(company.world.org.id, bill_id)
    [line] = [line["id"] for line in lines if line.get("aggregationId") == aggregation_id]
    return str(line)


def test_usage_after_a_lock_is_told_apart(company: Company) -> None:
    [bill_id] = company.run()
    company.world.put(f"/bills/{bill_id}/status", {"status": "APPROVED"})
    company.world.put(f"/bills/{bill_id}/lock")
    company.use([(0, 5, Decimal("2.5"), "eu"), (0, 9, Decimal(7), "us")])
    assert not_on_bill(statement(company.world, bill_id))[line_of(company, bill_id)] == Decimal("9.5")


def test_an_aggregation_that_was_changed_counts_as_it_was_billed(company: Company) -> None:
    [bill_id] = company.run()
    changed = {**company.aggregations[0], "aggregation": "COUNT"}
    assert company.world.org.client.put(f"/aggregations/{changed['id']}", changed).status == 200
    assert not_on_bill(statement(company.world, bill_id))[line_of(company, bill_id)] == 0


def test_a_contract_whose_filters_were_changed_shows_what_it_billed() -> None:
    company = Company(Agreement(filtered=True))
    company.use([(0, 5, Decimal(40), "eu"), (0, 5, Decimal(9), "us")])
    [bill_id] = company.run()
    [contract] = company.world.org.client.get("/contracts").json["data"]
    path = f"/contracts/{contract['id']}"
    current = company.world.org.client.get(path).json
    assert company.world.org.client.put(path, {**current, "usageFilters": []}).status == 200
    assert not_on_bill(statement(company.world, bill_id))[line_of(company, bill_id)] == 0


def test_a_bill_that_is_calculated_again_while_its_record_is_read_is_asked_for_again(company: Company) -> None:
    [bill_id] = company.run()
    bills, blobs, org_id = company.world.bills, company.world.org.blobs, company.world.org.id
    read = bills.get_stored(org_id, bill_id)
    assert read is not None
    company.use([(0, 6, Decimal(1), "eu")])
    company.run()
    with pytest.raises(VersionConflictError, match="again"):
        priced_usage(bills, blobs, org_id, read)
    company.world.client.delete(f"/bills/{bill_id}")
    with pytest.raises(NotFoundError, match="no bill"):
        priced_usage(bills, blobs, org_id, read)


def test_a_bill_whose_record_was_lost_says_so(company: Company) -> None:
    [bill_id] = company.run()
    company.world.org.blobs.objects.clear()
    with pytest.raises(InvalidInputError, match="record of the bill"):
        statement(company.world, bill_id)


def test_usage_that_a_commitment_covers_in_part_adds_up_to_both_lines() -> None:
    company = Company(Agreement(committed=60))
    company.use([(0, 5, Decimal(50), "eu")])
    [bill_id] = company.run()
    company.use([(0, 6, Decimal(1), "eu")])
    lines = to_document(statement(company.world, bill_id))["lineItems"]
    [over] = [line for line in lines if "referencedLineItemId" in line]
    [within] = [line for line in lines if line["lineItemId"] == over["referencedLineItemId"]]
    assert over["lineItemType"] == "OVERAGE_USAGE"
    assert (within["quantity"] + over["quantity"], within["quantityNotOnBill"]) == (50, 1)
    flags = {
        line["id"]: line["jsonUsageGenerated"] for line in company.world.get(f"/bills/{bill_id}/lineitems")["data"]
    }
    assert (flags[within["lineItemId"]], flags[over["lineItemId"]]) == (True, False)
    alone = statement(company.world, bill_id, line_id=within["lineItemId"])
    assert [line.not_on_bill for line in alone.lines] == [1]


def test_usage_that_is_all_beyond_a_commitment_keeps_its_own_service_period() -> None:
    company = Company(Agreement())
    world = company.world
    body = {"amount": 1, "amountPrePaid": 1, "separateOverageUsage": True, "currency": "USD"}
    span = {"startDate": "2025-12-10", "endDate": "2026-12-10"}
    world.org.make("commitment", accountId=company.accounts[0]["id"], billingPlanId=world.plan["id"], **body, **span)
    cheap = world.org.make("aggregation", meterId=world.aggregation["meterId"])
    bands = [{"lowerLimit": 0, "fixedPrice": 0, "unitPrice": Decimal("0.001")}]
    world.price(cheap["id"], planId=world.plan["id"], pricingBands=bands)
    company.use([(0, 3, Decimal(10), "eu")])  # 0.01, of which the days from the tenth on have the one cent
    [bill_id] = company.run()
    [line] = [one for one in statement(world, bill_id).lines if one.line.subtotal == Decimal("0.01")]
    assert (line.line.line_item_type, line.line.quantity, line.not_on_bill) == ("OVERAGE_USAGE", 10, 0)

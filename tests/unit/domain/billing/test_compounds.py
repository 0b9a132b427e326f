"""Pricings of compound aggregations (metering.md 5, W20)."""

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.domain.billing.agreements import aggregation, bill, inputs, instant, lines, plan, pricing
from usance.domain.billing.pipeline import plan_usage
from usance.domain.billing.pricings import Aggregation, Compound, Minimum, PricingType
from usance.domain.billing.usage import UsageQuery
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.quantity import Rounding


def compound(calculation: str, *parts: Aggregation, **changes: Any) -> Compound:
    named = tuple((part.id, part) for part in parts)
    more = {"unit": "units", "quantity_per_unit": Decimal(1), "rounding": Rounding.NONE, **changes}
    id_ = more.pop("id", "compound")
    return Compound(id_, "Billable", calculation, named, **more)


REQUESTS, APPS = aggregation("req"), aggregation("apps", method="MAX")
BONUS = compound("Math.max(aggregation.req - aggregation.apps * 100, 0)", REQUESTS, APPS)


@pytest.mark.parametrize(("requests", "apps", "billable"), [(1000, 3, "700.00"), (1000, 5, "500.00"), (250, 3, "0.00")])
def test_w20_the_first_hundred_requests_of_each_app_are_free(requests: int, apps: int, billable: str) -> None:
    draft = bill(inputs("2024-02-01", plan(pricing(aggregation=BONUS))), {"req": requests, "apps": apps})
    assert lines(draft) == [("USAGE", billable)]
    item = draft.lines[0].item
    assert (item.description, item.compound_aggregation_id, item.aggregation_id) == ("Billable", "compound", None)
    assert (item.meter_id, item.unit) == (None, "units")


def test_the_units_of_its_parts_play_no_part_but_its_own_do() -> None:
    seconds = [aggregation(id_, quantity_per_unit=Decimal(10), rounding=Rounding.UP) for id_ in ("a", "b", "c")]
    minutes = compound("(aggregation.a + aggregation.b + aggregation.c) / 60", *seconds, rounding=Rounding.UP)
    draft = bill(inputs("2024-02-01", plan(pricing(aggregation=minutes))), {"a": 600, "b": 300, "c": 90})
    item = draft.lines[0].item
    assert (item.quantity, item.units) == (Decimal("16.5"), 17)


@pytest.mark.parametrize(
    ("evaluates", "default", "calculation", "expected"),
    [
        (False, None, "aggregation.req + aggregation.apps", []),
        (True, None, "aggregation.req + aggregation.apps", []),  # arithmetic with null is null
        (True, None, "aggregation.req + isnull(aggregation.apps, 7)", [("USAGE", "12.00")]),
        (False, 0, "aggregation.req + aggregation.apps", [("USAGE", "5.00")]),
    ],
)
def test_a_part_without_usage(
    evaluates: bool, default: int | None, calculation: str, expected: list[tuple[str, str]]
) -> None:
    apps = aggregation("apps", default_value=None if default is None else Decimal(default))
    both = compound(calculation, REQUESTS, apps, evaluate_nulls=evaluates)
    assert lines(bill(inputs("2024-02-01", plan(pricing(aggregation=both))), {"req": 5})) == expected


def test_a_calculation_may_be_of_custom_fields_alone() -> None:
    fee = compound("organization.hosts * 2")
    attached = plan(pricing(aggregation=fee), custom_fields={"organization.hosts": Decimal("1.5")})
    assert plan_usage(inputs("2024-02-01", attached)) == ()
    assert lines(bill(inputs("2024-02-01", attached))) == [("USAGE", "3.00")]


@pytest.mark.parametrize(
    ("calculation", "words"),
    [
        ("aggregation.req / aggregation.apps", "Billable"),
        ("aggregation.req > 1", "number"),
        ("aggregation.req * account.discount", "account.discount"),
    ],
)
def test_a_calculation_without_a_number_keeps_the_bill_from_being_made(calculation: str, words: str) -> None:
    broken = compound(calculation, REQUESTS, APPS)
    with pytest.raises(InvalidInputError, match=words):
        bill(inputs("2024-02-01", plan(pricing(aggregation=broken))), {"req": 5, "apps": 0})


def test_segments_of_parts_are_calculated_apart_and_parts_without_count_whole_in_each() -> None:
    eu, other = (("region", "EU"),), (("region", "*"),)
    segmented = aggregation("req", segmented_fields=("region",), segments=(eu, other))
    share = compound("aggregation.req / aggregation.apps", segmented, APPS)
    attached = plan(pricing("eu", aggregation=share, segment=eu), pricing("rest", aggregation=share, segment=other))

    def usage(query: UsageQuery) -> int:
        return 10 if query.segment is None else {eu: 100, other: 30}[query.segment]

    draft = bill(inputs("2024-02-01", attached), usage)
    assert [(line.item.description, str(line.converted_subtotal)) for line in draft.lines] == [
        ("Billable (EU)", "10.00"),
        ("Billable (*)", "3.00"),
    ]


def test_tiers_minimums_and_credits_work_as_for_simple_aggregations() -> None:
    doubled = compound("aggregation.req * 2", REQUESTS)
    attached = plan(
        pricing("used", aggregation=doubled, rows=((0, 0, 1), (10, 0, 2)), cumulative=True, tiers_span_plan=True),
        pricing(
            "floored", aggregation=compound("aggregation.req * 0", REQUESTS, id="nothing"), minimum=Minimum(Decimal(50))
        ),
        pricing("bonus", aggregation=compound("aggregation.req", REQUESTS), type=PricingType.PRODUCT_CREDIT),
        start=instant("2024-01-01"),
    )
    assert lines(bill(inputs("2024-03-01", attached), {"req": 3})) == [
        ("USAGE", "8.00"),  # units 7 to 12: four of the first tier, two of the second
        ("USAGE", "0.00"),
        ("MINIMUM_SPEND", "50.00"),
        ("USAGE_CREDIT", "-3.00"),
    ]

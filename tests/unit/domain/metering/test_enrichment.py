"""Which measurements can be ingested, what is derived, and which accounts come into being (metering.md 1, 3.1)."""

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.domain.metering.test_submission import Sent
from usance.domain.expressions.grammar import parse
from usance.domain.metering.columns import Columns
from usance.domain.metering.derivation import Surroundings, derive, entities_used
from usance.domain.metering.enrichment import FailureType, columns_of, sort_out
from usance.domain.metering.meter import Category, DerivedField, Meter
from usance.domain.metering.skeleton import folded, may_name_an_account, skeleton_fields

METER = Meter("m", None, {"tokens": Category.MEASURE, "fee": Category.COST, "model": Category.WHAT}, ())
GOOD: dict[str, Any] = {"measure": {"tokens": 1}, "cost": {"fee": 2}, "what": {"model": "x"}}


def good(**more: Any) -> Sent:
    return Sent(**{**GOOD, **more})


def test_flawless_measurements_are_kept_in_place() -> None:
    outcome = sort_out(METER, [good(uid="a"), good(uid="b"), good(), good()], [0, 2, 3])
    assert (list(outcome.positions), list(outcome.failures)) == ([0, 2, 3], [])


def test_each_flaw_has_its_type_and_names_the_fields() -> None:
    sent = [
        good(uid="a"),
        good(uid="a"),
        good(cost=None, what={"other": "x"}),
        good(income={"tokens": 5}),
        good(),
        good(uid="b", who={"extra": "kept out, not a flaw"}),
    ]
    outcome = sort_out(METER, sent, range(6))
    assert list(outcome.positions) == [0, 4, 5]
    assert [(failure.position, failure.type) for failure in outcome.failures] == [
        (1, FailureType.DUPLICATE_UID),
        (2, FailureType.MISSING_FIELD),
        (3, FailureType.DUPLICATE_FIELD),
    ]
    assert outcome.failures[1].message == "fields of the meter are missing: cost.fee, what.model"
    assert outcome.failures[2].message == "a field under two categories: tokens in measure and income"


def test_a_flawed_measurement_does_not_use_its_uid_up() -> None:
    outcome = sort_out(METER, [good(uid="a", cost=None), good(uid="a")], [0, 1])
    assert list(outcome.positions) == [1]
    assert [failure.type for failure in outcome.failures] == [FailureType.MISSING_FIELD]


def test_columns_hold_the_fields_of_the_meter_alone() -> None:
    sent = [good(), good(measure={"tokens": Decimal("2.5"), "unknown": 9})]
    columns = columns_of(METER, sent, ["a", "b"], [1, 2], [None, 3])
    assert columns.numbers == {"tokens": [1, Decimal("2.5")], "fee": [2, 2]}
    assert columns.texts == {"model": ["x", "x"]}
    assert columns.take([1]) == Columns(["b"], [2], [3], {"tokens": [Decimal("2.5")], "fee": [2]}, {"model": ["x"]})


def derived(calculation: str, category: Category = Category.MEASURE, tokens: Any = 6) -> tuple[Any, list[str]]:
    """The value of one derived field over one measurement, and the messages of its failures."""
    columns = Columns(["u"], [1_500], [None], {"tokens": [tokens]}, {"model": ["x" * 200]})
    surroundings = Surroundings("acme", {"account": {"rate": 2, "name of it": "y"}}, 2_000_000)
    field = DerivedField("d", category, parse(calculation))
    found, failures = derive([field], columns, [7], surroundings)
    assert all(failure.position == 7 for failure in failures)
    value = (found.numbers if category is Category.MEASURE else found.texts)["d"][0]
    return value, [failure.message for failure in failures]


@pytest.mark.parametrize(
    ("calculation", "value"),
    [
        ("tokens / 4", Decimal("1.5")),
        ("tokens * account.rate", Decimal(12)),
        ("account.customFields.rate", Decimal(2)),
        ("timestamp.ts", Decimal("1.5")),
        ("timestamp.receivedAt", Decimal(2_000)),
        ("timestamp.ets == null ? 1 : 2", Decimal(1)),
        ("tokens == 6 ? null : 1", None),
        ("tokens * 0 * 1e60", Decimal(0)),
        ("1e30 / 3", Decimal("333333333333333333333333333333.3333")),
        ("1 / 3e10", Decimal("0.00000000003333333333333333333333333333")),
    ],
)
def test_derived_numbers(calculation: str, value: Decimal | None) -> None:
    assert derived(calculation) == (value, [])


def test_derived_texts() -> None:
    assert derived('"a/" + account.code', Category.WHAT) == ("a/acme", [])
    assert derived("model + model", Category.OTHER) == ("x" * 400, [])


@pytest.mark.parametrize(
    ("calculation", "category", "message"),
    [
        ("1 / (tokens - 6)", Category.MEASURE, "divides by zero"),
        ("model", Category.MEASURE, "not a number"),
        ("tokens == 6", Category.MEASURE, "not a number"),
        ("tokens", Category.WHAT, "not a text"),
        ("1e38 * 1", Category.MEASURE, "more than 38 digits"),
        ("model + model", Category.METADATA, "more than 256 characters"),
        ("account.unknown", Category.MEASURE, "account.unknown is neither a field of the meter nor a custom field"),
        ("nothing", Category.MEASURE, "nothing is neither"),
    ],
)
def test_a_derived_field_without_a_value_is_a_failure_of_its_measurement(
    calculation: str, category: Category, message: str
) -> None:
    value, messages = derived(calculation, category)
    assert value is None
    assert len(messages) == 1
    assert messages[0].startswith("the derived field d has no value: ")
    assert message in messages[0]


def test_custom_fields_are_read_only_where_they_are_used() -> None:
    fields = [DerivedField("d", Category.MEASURE, parse("tokens + product.x + meter.y + timestamp.ts"))]
    assert entities_used(fields) == {"product", "meter"}
    assert entities_used([DerivedField("d", Category.WHAT, parse("account.code"))]) == frozenset()


@pytest.mark.parametrize("code", ["a", "TempAcct", "two words", "Ünïcode – 日本", "👩‍🚀", "x" * 80])
def test_codes_that_may_name_an_account(code: str) -> None:
    assert may_name_an_account(code)


@pytest.mark.parametrize("code", ["", " ", " a", "a ", "a\tb", "a\nb", "a\u00a0b", "a\x00b", "x" * 81])
def test_codes_that_may_not(code: str) -> None:
    assert not may_name_an_account(code)


def test_codes_that_differ_in_case_alone_are_too_similar() -> None:
    assert folded("STRASSE") == folded(" straße")
    assert folded("a") != folded("b")


def test_a_skeleton_account_is_named_after_its_code_and_has_an_address_of_its_own() -> None:
    fields = skeleton_fields("org", "TempAcct")
    assert fields["name"] == "TempAcct-autocreated"
    assert fields["emailAddress"].endswith("-autocreated@example.com")
    assert fields == skeleton_fields("org", "TempAcct")
    assert fields["emailAddress"] != skeleton_fields("other", "TempAcct")["emailAddress"]

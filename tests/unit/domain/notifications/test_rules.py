"""When a rule fires, and which calculations are refused."""

from decimal import Decimal
from typing import Any

import pytest

from usance.domain.kernel.errors import InvalidInputError
from usance.domain.notifications.rules import check, evaluate_on, fires
from usance.resources.event_fields import fields_of

CROSSED_90_PERCENT = (
    "(new.amountSpent >= ((new.amount*90)/100)) AND "
    "((old.amountSpent <= ((old.amount*90)/100)) OR (old.amountSpent == null))"
)


def rule(calculation: str | None = None, **more: Any) -> dict[str, Any]:
    return {"active": True, "alwaysFireEvent": False, "calculation": calculation, **more}


def commitment(spent: int | None, amount: int = 1000) -> dict[str, Any]:
    return {"amount": Decimal(amount), **({} if spent is None else {"amountSpent": spent})}


@pytest.mark.parametrize(
    ("before", "after", "fired"), [(800, 900, True), (None, 950, True), (800, 899, False), (950, 990, False)]
)
def test_the_published_rule_fires_when_ninety_percent_is_crossed(before: int | None, after: int, fired: bool) -> None:
    data = {"oldDto": commitment(before), "newDto": commitment(after)}
    assert fires(rule(CROSSED_90_PERCENT), data) is fired


@pytest.mark.parametrize(
    ("calculation", "fired"),
    [
        ("new.amount - old.amount >= 1000", True),
        ("new.amount >= 5000", False),
        ('new.name == "Acme" AND new.active', True),
        ("new.customFields.tier == 3", True),
        ("new.nothing == null", True),
        ("new.nothing > 1", False),
        ("new.nothing.deeper == null", True),
        ("new.customFields == null", True),
        ("new.name > 1", False),
        ("new.amount / 0 > 1", False),
        ("new.amount", False),
        ("(", False),
        (None, False),
        ("", False),
    ],
)
def test_a_rule_fires_when_its_calculation_is_true_and_never_otherwise(calculation: str | None, fired: bool) -> None:
    new = {"amount": 3000, "name": "Acme", "active": True, "customFields": {"tier": Decimal(3)}}
    assert fires(rule(calculation), {"newDto": new, "oldDto": {"amount": Decimal("1999.5")}}) is fired


def test_a_rule_that_always_fires_asks_no_calculation() -> None:
    assert fires(rule("(", alwaysFireEvent=True), {})


def test_an_inactive_rule_never_fires() -> None:
    assert not fires(rule(active=False, alwaysFireEvent=True), {})


def test_a_created_entity_has_no_old_values() -> None:
    assert fires(rule("old.amount == null AND new.amount > 1"), {"newDto": {"amount": 2}})


UPDATED = fields_of("configuration.commitment.updated")


@pytest.mark.parametrize(
    "calculation",
    [
        CROSSED_90_PERCENT,
        "new.customFields.tier > 3",
        'new.currency == "EUR" ? new.amount > 1 : false',
        "new.version == 1",
    ],
)
def test_a_calculation_over_fields_of_the_event_is_accepted(calculation: str) -> None:
    check(calculation, UPDATED)


@pytest.mark.parametrize(
    ("calculation", "why"),
    [
        ("new.amount >", "too early|malformed"),
        ("new.amuont > 1", "no field new.amuont"),
        ("amount > 1", "start with new. or old."),
        ("new. > 1", "calculation"),
        ("new.feeDates == null", "array"),
        ("new.amount + 1", "true or false"),
        ('new.amount > "ten"', "compares"),
        ("new.currency * 2 > 1", "takes numbers"),
        ("new.amount > 1" + " " * 5000, "5000"),
    ],
)
def test_a_calculation_that_can_never_fire_is_refused_with_its_reason(calculation: str, why: str) -> None:
    with pytest.raises(InvalidInputError, match=why):
        check(calculation, UPDATED)


@pytest.mark.parametrize(
    ("calculation", "character", "why"),
    [
        ("new.amount > 1 AND new.amuont > 2", 20, "no field new.amuont"),
        ("new.amount > 1 AND amount > 2", 20, "start with new. or old."),
        ("new.amount > 1 AND new.feeDates == null", 20, "array"),
        ("new.amount > 1 AND new.currency > 2", 33, "> compares two numbers or two texts, not a text and a number"),
        ("new.amount > 1 OR new.currency", 19, "OR must be true or false, not a text"),
        ("new.amount > 1 AND new.amount - new.currency > 1", 31, "- takes numbers, not a text"),
        ("new.amount > 1 AND Math.abs(new.currency) > 1", 29, "Math.abs takes numbers, not a text"),
        ("new.amount > 1 AND (-new.currency) > 1", 21, "- takes numbers, not a text"),
        ("new.amount > 1 AND new.currency ^ 2 > 1", 20, "^ takes numbers, not a text"),
        ("new.amount > 1 ? new.currency : old.currency", 1, "the result must be true or false, not a text"),
        ("new.amount ? true : false", 1, "the condition before '?' must be true or false, not a number"),
        ("new.amount == new.amount + new.commitmentFeeBillInAdvance", 26, "+ takes numbers, not true or false"),
        ("new.amount + 1", 1, "the result must be true or false, not a number"),
        ("new.amount >", 13, "ends too early"),
        ("new.amount > 1 >> 2", 17, "malformed"),
        ('new.amount > 1 AND Lookup.exists("t", new.currency)', 20, "Lookup.exists is for derived fields"),
    ],
)
def test_a_refusal_points_at_the_place_also_where_no_value_of_today_would_reach(
    calculation: str, character: int, why: str
) -> None:
    with pytest.raises(InvalidInputError, match=f"at character {character}[:,] ") as refused:
        check(calculation, UPDATED)
    assert why in refused.value.message


@pytest.mark.parametrize(
    "calculation",
    [
        "toNumber(new.currency) > 1",
        "new.customFields.tier + 1 > 2",
        'new.currency + new.amount == "USD1"',
        "isnull(new.amount, 0) >= 5 AND isnull(new.customFields.a, true)",
        'IN(new.currency, "EUR", null) ? new.customFields.x : new.amount > 2',
        "null",
    ],
)
def test_what_may_come_true_is_accepted(calculation: str) -> None:
    check(calculation, UPDATED)


def test_what_is_deleted_has_no_new_side() -> None:
    with pytest.raises(InvalidInputError, match=r"no field new\.amount"):
        check("new.amount > 1", fields_of("configuration.commitment.deleted"))
    with pytest.raises(InvalidInputError, match=r"no field new\.customFields"):
        check("new.customFields.a > 1", fields_of("configuration.commitment.deleted"))


def test_without_fields_only_the_form_is_checked() -> None:
    check("new.anything > 1")
    with pytest.raises(InvalidInputError):
        check("anything > 1")


def test_a_value_can_be_asked_for() -> None:
    assert evaluate_on("new.a + 1", {"newDto": {"a": 1}}) == Decimal(2)

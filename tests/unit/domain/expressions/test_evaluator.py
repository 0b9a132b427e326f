"""Calculations computed: exact arithmetic, the rules of null in each context, and limits (metering.md 11)."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usance.domain.expressions.evaluator import EvaluationError, NullRules, evaluate
from usance.domain.expressions.grammar import parse
from usance.domain.expressions.tree import Value
from usance.domain.kernel.errors import InvalidInputError

DERIVED, COMPOUND, NOTIFICATION = NullRules.DERIVED_FIELD, NullRules.COMPOUND_AGGREGATION, NullRules.NOTIFICATION


def value_of(text: str, rules: NullRules = DERIVED, **values: Value) -> Value:
    return evaluate(parse(text), values.get, rules)


class RateTable:
    """One lookup table, `rates`: by country and level, with a number and a text."""

    def find(self, table_code, keys):
        if (table_code, list(keys)) == ("rates", ["UK", "2"]):
            return {"rate": Decimal("0.8"), "label": "reduced"}
        return None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1 + 0.2", "0.3"),
        ("1 / 3", "0.3333333333333333333333333333333333"),
        ("2 / 3", "0.6666666666666666666666666666666667"),
        ("-7 % 3", "-1"),
        ("0 ^ 0", "1"),
        ("2 ^ 0.5", "1.414213562373095048801688724209698"),
        ("Math.max(1, 3, 2)", "3"),
        ("Math.min(4, -3)", "-3"),
        ("Math.floor(-1.5)", "-2"),
        ("Math.ceil(-1.5)", "-1"),
        ("Math.ceil(1.21, 1)", "1.3"),
        ("Math.round(2.5)", "3"),
        ("Math.round(-2.5)", "-3"),
        ("Math.round(1234.567, 2)", "1234.57"),
        ("Math.round(1234.567, -2)", "1200"),
        ("Math.round(7, 5)", "7"),
        ("Math.pow(2, 10)", "1024"),
        ("Math.abs(-2)", "2"),
        ('toNumber("1.50")', "1.50"),
        ("toNumber(3)", "3"),
        ('DateTime.parse("2024-01-02T03:04:05.678+00:00")', "1704164645678"),
        ('DateTime.parse("1970-01-01T00:00:00.000001")', "0.001"),
    ],
)
def test_numbers_are_exact_decimals_of_34_digits(text: str, value: str) -> None:
    assert value_of(text) == Decimal(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"a" + "b"', "ab"),
        ('"n" + 1.50 + true', "n1.5true"),
        ('0.00 + "x"', "0x"),
        ('1e3 + ""', "1000"),
        ("toString(1200)", "1200"),
        ("toString(false)", "false"),
        ("DateTime.format(1704164645678.9, DateTime.TS_FMT)", "2024-01-02T03:04:05.678Z"),
        ('"b" > "a"', True),
        ('"b" <= "a"', False),
        ("2 >= 2.00", True),
        ("1 == 1.0", True),
        ('1 == "1"', False),
        ("true == true", True),
        ("1 != true", True),
        ("null == null", True),
        ("null != 0", True),
        ("isnull(null, 2) == 2", True),
        ("isnull(1, 1 / 0) == 1", True),
        ("IN(2, 1, 2.0)", True),
        ('IN("a", "b", null)', False),
        ("IN(null, 1, null)", True),
        ("false AND 1 / 0 == 1", False),
        ("true OR 1 / 0 == 1", True),
    ],
)
def test_texts_truths_and_comparisons(text: str, value: Value) -> None:
    assert value_of(text) == value


def test_the_published_derived_field_gives_gigabyte_seconds() -> None:
    assert value_of("datafieldms/1000*datafieldgb", datafieldms=Decimal(2000), datafieldgb=Decimal(4)) == 8


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 / 0", "divides by zero"),
        ("1 % 0", "divides by zero"),
        ("0 ^ -1", "no value"),
        ("(-8) ^ 0.5", "no value"),
        ("9 ^ 9 ^ 9 ^ 9", "no value"),
        ("1e6000 * 1e6000", "no value"),
        ('1 - "a"', "takes numbers, not a text"),
        ("1 + true", "takes numbers, not true or false"),
        ("-true", "takes numbers"),
        ('1 < "a"', "compares two numbers or two texts"),
        ("true < false", "compares"),
        ("1 AND true", "must be true or false, not a number"),
        ('"x" ? 1 : 2', "must be true or false, not a text"),
        ("missing + 1", "null"),
        ('missing + "a"', "null"),
        ("missing < 1", "null"),
        ("missing AND true", "null"),
        ("missing ? 1 : 2", "null"),
        ("Math.max(1, missing)", "null"),
        ("toNumber(missing)", "null"),
        ('toNumber("abc")', "is not a number"),
        ('toNumber("1e9999")', "is not a number"),
        ("toNumber(true)", "is not a number"),
        ('DateTime.parse("yesterday")', "ISO-8601"),
        ('DateTime.parse("2024-01-02T00:00:00Z", "yyyy")', "DateTime.TS_FMT"),
        ("DateTime.format(1e30)", "no date"),
        ('DateTime.format("a")', "milliseconds are a number"),
        ("Math.round(1, 0.5)", "scale is a whole number"),
        ("Math.round(1, 101)", "scale is a whole number"),
    ],
)
def test_a_derived_field_without_a_value_is_an_error(text: str, message: str) -> None:
    with pytest.raises(EvaluationError) as refusal:
        value_of(text)
    assert message in refusal.value.message


@pytest.mark.parametrize(
    "text",
    ["a + 1", 'a + "x"', "-a", "a ^ 2", "Math.abs(a)", "a < 1", "a AND true", "false OR a", "a ? 1 : 2", "toString(a)"],
)
def test_null_makes_a_compound_aggregation_null(text: str) -> None:
    assert value_of(text, COMPOUND) is None


def test_a_compound_aggregation_knows_what_null_cannot_change() -> None:
    assert value_of("a AND false", COMPOUND) is False
    assert value_of("a OR true", COMPOUND) is True
    with pytest.raises(EvaluationError, match="divides by zero"):
        value_of("1 / 0", COMPOUND)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a + 1", None),
        ("1 / 0", None),
        ("1 % 0", None),
        ("1 / a", None),
        ("a < 1", False),
        ("1 >= a", False),
        ("a == null", True),
        ("a != null", False),
        ("a AND true", False),
        ("a OR true", True),
        ("a ? 1 : 2", Decimal(2)),
        ("a - b >= 1000", False),
    ],
)
def test_a_notification_rule_meets_null_without_an_error(text: str, value: Value) -> None:
    assert value_of(text, NOTIFICATION) == value


@pytest.mark.parametrize(
    ("old_spent", "fires"), [(Decimal(89), True), (Decimal(90), True), (Decimal(91), False), (None, True)]
)
def test_the_published_rule_fires_when_90_percent_is_crossed(old_spent: Decimal | None, fires: bool) -> None:
    rule = parse(
        "(new.amountSpent >= ((new.amount*90)/100)) AND\n"
        "((old.amountSpent <= ((old.amount*90)/100)) OR (old.amountSpent == null))"
    )
    values = {
        "new.amountSpent": Decimal(95),
        "new.amount": Decimal(100),
        "old.amount": Decimal(100),
        "old.amountSpent": old_spent,
    }
    assert evaluate(rule, values.get, NOTIFICATION) is fires


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('Lookup.findNumber("rates", "rate", 1, country, level)', Decimal("0.8")),
        ('Lookup.findNumber("rates", "rate", 1, "country", "level")', Decimal("0.8")),
        ('Lookup.findNumber("rates", "rate", 1, "UK", 2)', Decimal("0.8")),
        ('Lookup.findNumber("rates", "rate", 1, "FR", 2)', Decimal(1)),
        ('Lookup.findNumber("rates", "absent", 1, "UK", 2)', Decimal(1)),
        ('Lookup.findNumber("other", "rate", 1, "UK", 2)', Decimal(1)),
        ('Lookup.findNumber("rates", "rate", 1, "UK", missing)', Decimal(1)),
        ('Lookup.findString("rates", "label", "none", "UK", 2)', "reduced"),
        ('Lookup.exists("rates", "UK", 2)', True),
        ('Lookup.exists("rates", "UK", 3)', False),
    ],
)
def test_lookups_read_rows_by_literal_or_field_keys(text: str, value: Value) -> None:
    fields: dict[str, Value] = {"country": "UK", "level": Decimal(2)}
    assert evaluate(parse(text), fields.get, DERIVED, lookups=RateTable(), key_fields=fields) == value


def test_a_lookup_refuses_a_value_of_the_other_kind() -> None:
    with pytest.raises(EvaluationError, match="found a text"):
        evaluate(parse('Lookup.findNumber("rates", "label", 1, "UK", 2)'), {}.get, DERIVED, lookups=RateTable())


def test_without_tables_a_lookup_gives_its_default() -> None:
    assert value_of('Lookup.findNumber("rates", "rate", 1, "UK")') == 1


def test_a_joined_text_has_a_limit() -> None:
    with pytest.raises(EvaluationError, match="10000 characters"):
        value_of("a + a", a="x" * 6_000)


def test_the_error_of_an_unknown_name_is_the_resolvers() -> None:
    def unknown(name: str) -> Value:
        raise EvaluationError(f"{name} is not known")

    with pytest.raises(EvaluationError, match="a is not known"):
        evaluate(parse("a + 1"), unknown, DERIVED)


numbers = st.decimals(min_value=-(10**12), max_value=10**12, places=6)
factors = st.decimals(min_value=-(10**8), max_value=10**8, places=6)  # their products keep within 34 digits


@given(numbers, factors, factors)
def test_sums_and_products_are_those_of_decimals(a: Decimal, b: Decimal, c: Decimal) -> None:
    assert value_of("a + b - c", a=a, b=b, c=c) == a + b - c
    assert value_of("a * (b - c) == a * b - a * c", a=a, b=b, c=c) is True
    assert value_of("a < b", a=a, b=b) is (a < b)


@given(numbers, st.integers(0, 6))
def test_floor_round_and_ceil_keep_their_order(number: Decimal, scale: int) -> None:
    at = {"x": number, "s": Decimal(scale)}
    floor, rounded, ceil = (value_of(f"Math.{name}(x, s)", **at) for name in ("floor", "round", "ceil"))
    assert floor <= rounded <= ceil
    assert floor <= number <= ceil
    assert ceil - floor <= Decimal(1).scaleb(-scale)


@given(st.text(alphabet='ab1290.+-*/^%<>=?:(), "', max_size=30), st.sampled_from(NullRules))
def test_whatever_parses_has_a_value_or_a_named_error(text: str, rules: NullRules) -> None:
    try:
        value = value_of(text, rules, a=Decimal(7), b=None)
    except InvalidInputError:
        return
    assert value is None or isinstance(value, Decimal | str | bool)


def test_whole_numbers_of_a_document_are_numbers() -> None:
    assert evaluate(parse("n / 2 + 0"), {"n": 5}.get, DERIVED) == Decimal("2.5")
    assert evaluate(parse("flag"), {"flag": True}.get, DERIVED) is True


def test_a_lookup_in_no_table_finds_nothing() -> None:
    assert value_of('Lookup.exists(missing, "UK")') is False

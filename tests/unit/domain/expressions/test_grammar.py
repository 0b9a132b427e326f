"""Calculations as text: what parses, how it groups, and how a mistake is reported (metering.md 11)."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usance.domain.expressions.evaluator import NullRules, evaluate
from usance.domain.expressions.grammar import DEPTH_MAX, TEXT_MAX_CHARS, parse
from usance.domain.expressions.tree import Function, Literal, Name, children, names, walk
from usance.domain.kernel.errors import InvalidInputError


def value_of(text: str):
    return evaluate(parse(text), lambda _: None, NullRules.DERIVED_FIELD)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3", "9"),
        ("10 - 4 - 3", "3"),
        ("100 / 10 / 5", "2"),
        ("7 % 4 * 2", "6"),
        ("2 ^ 3 ^ 2", "512"),
        ("-2 ^ 2", "4"),
        ("2 ^ -1", "0.5"),
        ("- -3", "3"),
        ("+4", "4"),
        (".5 + 1.", "1.5"),
        ("2e3 + 1E-1", "2000.1"),
        ("1\n+\t2", "3"),
    ],
)
def test_operators_group_by_their_precedence(text: str, value: str) -> None:
    assert value_of(text) == Decimal(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 < 2 == true", True),
        ("1 + 1 > 1", True),
        ("true OR false AND false", True),
        ("(true OR false) AND false", False),
        ("1 == 1 AND 2 != 2", False),
        ("false ? 1 : true ? 2 : 3", Decimal(2)),
        ("true OR true ? 1 : 2", Decimal(1)),
    ],
)
def test_conditions_bind_looser_than_comparisons(text: str, value: object) -> None:
    assert value_of(text) == value


def test_a_text_may_escape_its_quotes() -> None:
    assert value_of(r'"a \"b\" \\ \n\t\r"') == 'a "b" \\ \n\t\r'


def test_constants_have_their_values() -> None:
    assert value_of("Math.PI") == Decimal("3.141592653589793238462643383279503")
    assert value_of("DateTime.TS_FMT") == "yyyy-MM-dd'T'HH:mm:ss.SSSX"
    assert value_of("null") is None


def test_names_are_the_dotted_identifiers_without_functions_and_constants() -> None:
    text = (
        'Math.max(new.amount, old.customFields.floor, $x, _y, über1) + isnull(a, null) + (IN(b, true) ? "c" : Math.PI)'
    )
    assert names(parse(text)) == {"new.amount", "old.customFields.floor", "$x", "_y", "über1", "a", "b"}


@pytest.mark.parametrize("name", ["ORDER", "ANDROID", "nullable", "trueish", "INNER", "OR_1"])
def test_a_name_may_begin_with_a_word_of_the_language(name: str) -> None:
    assert parse(name).root == Name(name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("  \n", "empty"),
        ("1 +", "ends too early"),
        ("(1", "ends too early"),
        ("1 ! 2", "character 3"),
        ("a b", "character 3, near 'b'"),
        ("1..2", "character 3"),
        ('"open', "character 1"),
        ("a == 'b'", "character 6, near \"'b'\"; texts stand in double quotes"),
        ("a ? b", "ends too early"),
        ("x = 1", "character 3"),
        ("nope(1)", "'nope' is not a function"),
        ("Math.sin(1)", "'Math.sin' is not a function"),
        ("1 + Math.E", "character 5: 'Math.E' is not a constant"),
        ("Math.max + 1", "'Math.max' is not a constant"),
        ("isnull(1)", "takes 2 arguments, not 1"),
        ("Math.max(1)", "takes 2 or more arguments, not 1"),
        ("Math.round(1, 2, 3)", "takes 1 to 2 arguments, not 3"),
        ("IN()", "takes 2 or more arguments, not 0"),
        ("1" * 39, "more than 38 digits"),
        ("1e9999", "exponent"),
        ("1e99999999999999999999", "exponent"),  # beyond what a Decimal itself takes
        ("1e-9999", "exponent"),
    ],
)
def test_a_malformed_calculation_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        parse(text)
    assert "calculation" in refusal.value.message
    assert message in refusal.value.message


def test_a_calculation_of_more_than_5000_characters_is_refused() -> None:
    assert parse("1".ljust(TEXT_MAX_CHARS)).root == Literal(Decimal(1))
    with pytest.raises(InvalidInputError, match="the limit is 5000"):
        parse("1".ljust(TEXT_MAX_CHARS + 1))


def test_nesting_has_a_limit_but_a_long_sum_has_none() -> None:
    assert value_of("+".join(["1"] * 2_500)) == 2_500
    assert value_of("-" * (DEPTH_MAX - 2) + "1") == 1
    with pytest.raises(InvalidInputError, match="nests deeper than 50"):
        parse("-" * DEPTH_MAX + "1")
    with pytest.raises(InvalidInputError, match="nests deeper than 50"):
        parse("1 ? " * 60 + "1" + " : 1" * 60)


def test_walking_meets_every_kind_of_node() -> None:
    root = parse('a ? -b ^ 2 : (c AND d OR isnull(e, "f" + 1))').root
    met = {type(node).__name__ for node, _ in walk(root)}
    assert met == {"Conditional", "Name", "Power", "Signed", "AnyOf", "All", "Call", "Chain", "Literal"}
    assert all(isinstance(children(node), tuple) for node, _ in walk(root))


def test_every_function_has_its_number_of_arguments() -> None:
    for function in Function:
        with pytest.raises(InvalidInputError, match="takes"):
            parse(f"{function}()")


@given(st.text(max_size=60))
def test_any_text_parses_or_is_refused_as_bad_input(text: str) -> None:
    try:
        expression = parse(text)
    except InvalidInputError:
        return
    assert expression.text == text


@given(st.text(alphabet='ab1.+-*/^%<>=!?:(),"$ \nANDORIN', max_size=40))
def test_a_refusal_says_that_it_is_about_the_calculation(text: str) -> None:
    try:
        parse(text)
    except InvalidInputError as refusal:
        message = refusal.message
    else:
        message = "calculation"
    assert "calculation" in message

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from usance.adapters import child_process
from usance.adapters.jsonata import mappings
from usance.adapters.jsonata.mappings import JsonataMappings, jsonata_process
from usance.domain.kernel.errors import InvalidInputError

DOCUMENT = {
    "change": "updated",
    "new": {"id": "a-1", "name": "Acme", "amount": Decimal("12345678901234567.89"), "tags": ["a", "b"], "none": None},
    "old": {"name": "Acme Ltd"},
}


@pytest.fixture(autouse=True, scope="module")
def _ended() -> Iterator[None]:
    yield
    jsonata_process().close()


def apply(expression: str) -> object:
    return JsonataMappings().apply(expression, DOCUMENT)


def test_an_expression_maps_the_fields_of_a_document():
    expression = '{"key": new.id, "title": new.name & " (" & old.name & ")", "tags": new.tags.{"tag": $}}'

    assert apply(expression) == {"key": "a-1", "title": "Acme (Acme Ltd)", "tags": [{"tag": "a"}, {"tag": "b"}]}


def test_a_number_that_is_passed_on_keeps_its_digits():
    assert apply("new.amount") == Decimal("12345678901234567.89")
    assert str(apply("[new].amount")) == "12345678901234567.89"


def test_a_number_that_is_calculated_is_one_of_json_again():
    assert apply("[0.1 + 0.5, 1 + 1]") == [Decimal("0.6"), 2]


def test_a_character_may_be_written_as_two_escapes():
    assert apply(r'{"\ud83d\ude00": new.name & " \ud83d\ude00é"}') == {"😀": "Acme 😀é"}


def test_what_an_expression_does_not_find_is_nothing():
    assert apply("new.missing") is None
    assert apply('change = "deleted" ? new') is None
    assert apply('{"a": new.missing, "b": new.none}') == {"b": None}


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("new.(", r"mapping: Expected \) before end of expression \(line 1, column 5\)"),
        (
            '{\n  "a": new.id,\n  "b": }',
            r"mapping: The symbol } cannot be used as a unary operator \(line 3, column 8\)",
        ),
        ('"abc', r"terminated by a matching quote \(line 1, column 4\)"),
    ],
)
def test_what_is_no_expression_is_refused_with_its_place(expression, message):
    with pytest.raises(InvalidInputError, match=message):
        JsonataMappings().check(expression)


def test_an_expression_that_can_be_read_passes():
    JsonataMappings().check('$merge([new, {"source": "usance"}])')


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("$nosuch(1)", "non-function"),
        ("$sum(new.name)", "must be an array"),
        ("function($x){$x}", "JSON has not"),
        (r'"\ud83d"', "half a character"),
        (r'$error("no \ud83d")', "no \ufffd"),
        ("($f := function($n){$n + $f($n + 1)}; $f(1))", "Stack overflow"),
    ],
)
def test_an_expression_that_fails_says_why(expression, message):
    with pytest.raises(InvalidInputError, match=message):
        apply(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "($f := function($n){$f($n + 1)}; $f(1))",
        '$match("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", /(a+)+$/)',
        '$pad("x", 2000000000)',
        "[1..9999999].{'x': $}",
    ],
)
def test_an_expression_takes_no_more_time_and_memory_than_it_may_and_the_next_one_works(expression, monkeypatch):
    monkeypatch.setattr(mappings, "SECONDS_MAX", 0.5)
    monkeypatch.setattr(child_process, "CLOCK_TIMES", 200)  # however busy the machine is
    with pytest.raises(InvalidInputError, match="it takes more than"):
        apply(expression)

    monkeypatch.undo()
    assert apply("new.id") == "a-1"


def test_an_expression_that_makes_too_much_is_refused(monkeypatch):
    monkeypatch.setattr(mappings, "ANSWER_MAX", 1_000)
    with pytest.raises(InvalidInputError, match="it makes 1003 bytes; the limit is 1000"):
        apply('$pad("x", 1001)')


def test_an_expression_has_a_longest_length():
    with pytest.raises(InvalidInputError, match="has 20001 characters; the limit is 20000"):
        apply("1" * 20_001)


def test_expressions_run_without_anything_of_ours_within_reach(monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very secret")
    jsonata_process().close()
    apply("1")

    assert jsonata_process()._process
    environment = Path(f"/proc/{jsonata_process()._process.pid}/environ").read_bytes()
    assert b"very secret" not in environment

"""From text to tree: the grammar of calculations (metering.md 11), and where a text breaks it."""

import re
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Final, cast

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedInput, UnexpectedToken

from usance.domain.expressions.moments import TIMESTAMP_FORMAT
from usance.domain.expressions.tree import (
    All,
    AnyOf,
    Call,
    Chain,
    Conditional,
    Expression,
    Function,
    Literal,
    Name,
    Node,
    Operator,
    Power,
    Signed,
    Value,
    walk,
)
from usance.domain.kernel.errors import InvalidInputError

TEXT_MAX_CHARS: Final = 5_000  # the limit of the API on every calculation
DEPTH_MAX: Final = 50  # evaluation recurses once per level; people nest fewer than ten
NUMBER_MAX_DIGITS: Final = 38  # what a stored quantity holds
NUMBER_MAX_EXPONENT: Final = 6_144  # the range of the 34-digit arithmetic

# Unary signs bind tighter than `^`, so `-2^2` is 4; `^` groups from the right.
_GRAMMAR: Final = r"""
?conditional: disjunction | disjunction "?" conditional ":" conditional
?disjunction: conjunction ("OR" conjunction)*
?conjunction: equality ("AND" equality)*
?equality: relation (EQUALITY relation)*
?relation: total (RELATION total)*
?total: product (SIGN product)*
?product: power (FACTOR power)*
?power: signed | signed "^" power
?signed: atom | SIGN signed
?atom: NUMBER -> number
     | STRING -> text
     | NAME "(" (conditional ("," conditional)*)? ")" -> call
     | NAME -> name
     | "(" conditional ")"

EQUALITY: "==" | "!="
RELATION: "<=" | ">=" | "<" | ">"
SIGN: "+" | "-"
FACTOR: "*" | "/" | "%"
NUMBER: /(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?/
STRING: /"(?:[^"\\]|\\.)*"/s
NAME: /(?:[^\W\d]|\$)[\w$]*(?:\.(?:[^\W\d]|\$)[\w$]*)*/
%ignore /\s+/
"""

_CONSTANTS: Final[dict[str, Value]] = {
    "null": None,
    "true": True,
    "false": False,
    "Math.PI": Decimal("3.141592653589793238462643383279503"),
    "DateTime.TS_FMT": TIMESTAMP_FORMAT,
}
_FUNCTIONS: Final = {function.value: function for function in Function}
_RESERVED_PREFIXES: Final = ("Math.", "Lookup.", "DateTime.")

_UNBOUNDED: Final = 5_000  # more arguments than a text can hold
_ARGUMENTS: Final[dict[Function, tuple[int, int]]] = {
    Function.MAX: (2, _UNBOUNDED),
    Function.MIN: (2, _UNBOUNDED),
    Function.FLOOR: (1, 2),
    Function.CEIL: (1, 2),
    Function.ROUND: (1, 2),
    Function.POW: (2, 2),
    Function.ABS: (1, 1),
    Function.IS_NULL: (2, 2),
    Function.IN: (2, _UNBOUNDED),
    Function.FIND_NUMBER: (4, 8),  # table, field, default and one to five keys
    Function.FIND_STRING: (4, 8),
    Function.EXISTS: (2, 6),
    Function.TO_NUMBER: (1, 1),
    Function.TO_STRING: (1, 1),
    Function.PARSE_TIME: (1, 2),
    Function.FORMAT_TIME: (1, 2),
}
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r"}


def parse(text: str) -> Expression:
    """The tree of `text`. Raises `InvalidInputError` that says what is wrong and at which character (from 1)."""
    if len(text) > TEXT_MAX_CHARS:
        raise InvalidInputError(f"calculation has {len(text)} characters; the limit is {TEXT_MAX_CHARS}")
    if not text.strip():
        raise InvalidInputError("calculation is empty")
    try:
        root = cast("Node", _parser().parse(text))
    except UnexpectedInput as unexpected:
        raise InvalidInputError(_refusal(unexpected, text)) from unexpected
    if max(depth for _, depth in walk(root)) > DEPTH_MAX:
        raise InvalidInputError(f"calculation nests deeper than {DEPTH_MAX} levels")
    return Expression(text, root)


def _refusal(unexpected: UnexpectedInput, text: str) -> str:
    if isinstance(unexpected, UnexpectedToken) and unexpected.token.type == "$END":
        return f"calculation ends too early, at character {len(text) + 1}: an operand or a closing bracket is missing"
    position: int = getattr(unexpected, "pos_in_stream", 0)
    hint = "; texts stand in double quotes" if text[position : position + 1] == "'" else ""
    return f"calculation is malformed at character {position + 1}, near {text[position : position + 20]!r}{hint}"


@cache
def _parser() -> Lark:
    """Made at first use: it costs some 30 ms that most functions never need."""
    return Lark(_GRAMMAR, start="conditional", parser="lalr", transformer=_Builder())


@v_args(inline=True)
class _Builder(Transformer[Token, Node]):
    """Makes a node whenever a rule is complete, while the text is being read; so no parse tree is ever walked."""

    def conditional(self, condition: Node, then: Node, otherwise: Node) -> Node:
        return Conditional(condition, then, otherwise)

    def disjunction(self, *operands: Node) -> Node:
        return AnyOf(operands)

    def conjunction(self, *operands: Node) -> Node:
        return All(operands)

    def chain(self, first: Node, *rest: Node | Token) -> Node:
        operators = cast("tuple[Token, ...]", rest[::2])
        pairs = zip(operators, rest[1::2], strict=True)
        return Chain(
            first,
            tuple((Operator(str(operator)), cast("Node", operand)) for operator, operand in pairs),
            tuple(map(_at, operators)),
        )

    equality = relation = total = product = chain

    def power(self, base: Node, exponent: Node) -> Node:
        return Power(base, exponent)

    def signed(self, sign: Token, operand: Node) -> Node:
        return Signed(sign == "-", operand, _at(sign))

    def number(self, token: Token) -> Node:
        try:
            value = Decimal(token)
        except InvalidOperation:
            raise InvalidInputError(_beyond_exponent(token)) from None
        _, digits, exponent = value.as_tuple()
        if len(digits) > NUMBER_MAX_DIGITS:
            raise InvalidInputError(f"{_where(token)} has more than {NUMBER_MAX_DIGITS} digits")
        if abs(int(exponent)) > NUMBER_MAX_EXPONENT - NUMBER_MAX_DIGITS:
            raise InvalidInputError(_beyond_exponent(token))
        return Literal(value, _at(token))

    def text(self, token: Token) -> Node:
        text = re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), token[1:-1], flags=re.DOTALL)
        return Literal(text, _at(token))

    def name(self, token: Token) -> Node:
        path = str(token)
        if path in _CONSTANTS:
            return Literal(_CONSTANTS[path], _at(token))
        if path in _FUNCTIONS or path.startswith(_RESERVED_PREFIXES):
            raise InvalidInputError(f"{_where(token)} is not a constant")
        return Name(path, _at(token))

    def call(self, token: Token, *arguments: Node) -> Node:
        function = _FUNCTIONS.get(str(token))
        if function is None:
            raise InvalidInputError(f"{_where(token)} is not a function")
        least, most = _ARGUMENTS[function]
        if not least <= len(arguments) <= most:
            wanted = f"{least} to {most}" if most < _UNBOUNDED else f"{least} or more"
            raise InvalidInputError(
                f"{_where(token)} takes {least if least == most else wanted} arguments, not {len(arguments)}"
            )
        return Call(function, arguments, _at(token))


def _beyond_exponent(token: Token) -> str:
    return f"{_where(token)} has an exponent beyond {NUMBER_MAX_EXPONENT - NUMBER_MAX_DIGITS}"


def _where(token: Token) -> str:
    return f"calculation at character {_at(token) + 1}: {str(token)[:40]!r}"


def _at(token: Token) -> int:
    return token.start_pos or 0

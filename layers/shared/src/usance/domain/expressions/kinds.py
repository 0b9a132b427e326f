"""Which kind of value a calculation has, and where it mixes kinds that do not go together, without computing it.

Every branch is looked at, also those that no value of today would reach.
"""

from collections.abc import Callable
from enum import Enum
from typing import Final, assert_never

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
    start,
    walk,
)
from usance.domain.kernel.errors import InvalidInputError


class Kind(Enum):
    """A kind of value, by what a message calls it."""

    NUMBER = "a number"
    TEXT = "a text"
    TRUTH = "true or false"
    ANY = "anything"
    """Null, or what is known only when it is there."""


_RESULTS: Final = {
    Function.IN: Kind.TRUTH,
    Function.EXISTS: Kind.TRUTH,
    Function.FIND_NUMBER: Kind.NUMBER,
    Function.FIND_STRING: Kind.TEXT,
    Function.TO_NUMBER: Kind.NUMBER,
    Function.TO_STRING: Kind.TEXT,
    Function.PARSE_TIME: Kind.NUMBER,
    Function.FORMAT_TIME: Kind.TEXT,
}

_LOOKUPS: Final = frozenset({Function.FIND_NUMBER, Function.FIND_STRING, Function.EXISTS})


def kind_of_result(expression: Expression, kind_of_name: Callable[[Name], Kind]) -> Kind:
    """The kind of the calculation's value. `InvalidInputError` says at which character (from 1) kinds do not go together."""
    return _Kinds(kind_of_name).of(expression.root)


def refused(position: int, why: str) -> InvalidInputError:
    """The refusal of what stands at a position (from 0) of a calculation."""
    return InvalidInputError(f"calculation at character {position + 1}: {why}")


def refuse_lookups(expression: Expression) -> None:
    """`InvalidInputError` where a calculation looks values up: outside of derived fields it would find its defaults alone."""
    for node, _ in walk(expression.root):
        if isinstance(node, Call) and node.function in _LOOKUPS:
            raise refused(node.at, f"{node.function} is for derived fields of meters alone; aggregate one of them")


class _Kinds:
    def __init__(self, kind_of_name: Callable[[Name], Kind]) -> None:
        self._kind_of_name = kind_of_name

    def of(self, node: Node) -> Kind:  # noqa: C901, PLR0912 - one case per kind of node
        match node:
            case Literal():
                return _of_value(node.value)
            case Name():
                return self._kind_of_name(node)
            case Signed():
                return self._number(node.at, "-" if node.negative else "+", self.of(node.operand))
            case Chain():
                return self._chain(node)
            case Power():
                for operand in (node.base, node.exponent):
                    self._number(start(operand), "^", self.of(operand))
                return Kind.NUMBER
            case All() | AnyOf():
                for operand in node.operands:
                    self._truth(operand, "AND" if isinstance(node, All) else "OR")
                return Kind.TRUTH
            case Conditional():
                self._truth(node.condition, "the condition before '?'")
                return _either(self.of(node.then), self.of(node.otherwise))
            case Call():
                return self._call(node)
            case _:
                assert_never(node)

    def _chain(self, node: Chain) -> Kind:
        left = self.of(node.first)
        for (operator, operand), at in zip(node.rest, node.operators_at, strict=True):
            left = self._combined(operator, at, left, self.of(operand))
        return left

    def _combined(self, operator: Operator, at: int, left: Kind, right: Kind) -> Kind:
        match operator:
            case Operator.EQUAL | Operator.NOT_EQUAL:
                return Kind.TRUTH
            case Operator.LESS | Operator.LESS_OR_EQUAL | Operator.GREATER | Operator.GREATER_OR_EQUAL:
                known = {left, right} - {Kind.ANY}
                if Kind.TRUTH in known or len(known) > 1:
                    found = f"{left.value} and {right.value}"
                    raise refused(at, f"{operator} compares two numbers or two texts, not {found}")
                return Kind.TRUTH
            case Operator.ADD if Kind.TEXT in {left, right}:
                return Kind.TEXT
            case _:
                for kind in (left, right):
                    self._number(at, operator, kind)
                return Kind.ANY if operator is Operator.ADD and Kind.ANY in {left, right} else Kind.NUMBER

    def _number(self, at: int, what: str, kind: Kind) -> Kind:
        if kind not in {Kind.NUMBER, Kind.ANY}:
            raise refused(at, f"{what} takes numbers, not {kind.value}")
        return Kind.NUMBER

    def _truth(self, node: Node, what: str) -> None:
        kind = self.of(node)
        if kind not in {Kind.TRUTH, Kind.ANY}:
            raise refused(start(node), f"{what} must be true or false, not {kind.value}")

    def _call(self, node: Call) -> Kind:
        kinds = [self.of(argument) for argument in node.arguments]
        if node.function in _RESULTS:
            return _RESULTS[node.function]
        if node.function is Function.IS_NULL:
            return _either(*kinds)
        for argument, kind in zip(node.arguments, kinds, strict=True):
            self._number(start(argument), node.function, kind)
        return Kind.NUMBER


def _of_value(value: Value) -> Kind:
    if value is None:
        return Kind.ANY
    if isinstance(value, bool):
        return Kind.TRUTH
    return Kind.TEXT if isinstance(value, str) else Kind.NUMBER


def _either(one: Kind, other: Kind) -> Kind:
    return one if one is other else Kind.ANY
